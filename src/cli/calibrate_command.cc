#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/episode_choice.h"
#include "cli/frame_argument.h"
#include "cli/observations.h"
#include "cli/policy_kind.h"
#include "evaluate/bundle_policy.h"
#include "quantize/calibrate/calibrate.h"
#include "quantize/calibrate/sample_frames.h"
#include "quantize/calibrate/sample_source.h"
#include "quantize/numerics/ranges.h"
#include "quantize/numerics/statistics_file.h"
#include "runtime/text_encoder.h"

namespace vlaq::cli {
namespace {

using calibrate::SampleSource;
using numerics::ActivationStatistics;
using numerics::ValueStatistics;

constexpr size_t kShownValues = 12;
constexpr double kMaskSize = 1e30;  // what a mask adds to keep positions out is no activation

struct CalibrateArguments {
  std::filesystem::path bundle, tokenizer, output;
  EpisodeChoice episodes;
  std::vector<std::string> frames;
  std::string inputs;
  calibrate::CalibrationOptions options;
  uint64_t memory = 512 << 20;  // bytes
  bool force = false, json = false;
  BackendChoice backend;
};

// --inputs, and frames of a policy that was imported: each recording is an episode, and every step runs.
class ObservedSteps : public SampleSource {
 public:
  ObservedSteps(Observations observations, std::string name)
      : observations_(std::move(observations)), name_(std::move(name)) {
    for (size_t i = 0; i < observations_.size(); ++i) {
      if (i == 0 || observations_.Begins(i)) {
        begins_.push_back(i);
        episodes_.push_back({name_, 0, std::nullopt});
      }
      ++episodes_.back().length;
    }
  }

  const std::vector<calibrate::SampleEpisode>& episodes() const override { return episodes_; }
  Result<backend::NamedTensors> Read(size_t episode, int64_t t) override {
    VLAQ_ASSIGN_OR_RETURN(Observations::Step step, observations_.Read(IndexOf(episode, t)));
    return std::move(step.observation);
  }
  std::string NameOf(size_t episode, int64_t t) const override {
    return fmt::format("step {} of {}", IndexOf(episode, t), name_);
  }
  // A hash of what is observed, whatever file it came from.
  Result<std::string> Hash(size_t episode) override {
    Sha256 hash;
    for (int64_t t = 0; t < episodes_[episode].length; ++t) {
      VLAQ_ASSIGN_OR_RETURN(const auto observation, Read(episode, t));
      for (const auto& [name, tensor] : observation) {
        hash.Update(AsBytes(fmt::format("{} {} {}\n", name, DTypeName(tensor.dtype()), ShapeText(tensor.shape()))));
        hash.Update(tensor.bytes());
      }
    }
    return hash.FinishHex();
  }

 private:
  size_t IndexOf(size_t episode, int64_t t) const { return begins_[episode] + static_cast<size_t>(t); }

  Observations observations_;
  std::string name_;
  std::vector<size_t> begins_;  // of each episode
  std::vector<calibrate::SampleEpisode> episodes_;
};

// The input that pictures are of. Errors: kUsage if the policy observes anything else.
Result<std::string> CameraOf(const bundle::Bundle& bundle) {
  std::vector<std::string> observed;
  bool picture = false;
  for (const policy::Input& input : bundle.policy.inputs) {
    if (input.type != policy::InputType::kImage && input.type != policy::InputType::kState) continue;
    observed.push_back(input.name);
    picture = input.type == policy::InputType::kImage;
  }
  if (observed.size() == 1 && picture) return observed.front();
  return UsageError(fmt::format("pictures alone make no step of a policy that observes {}", fmt::join(observed, ", ")),
                    "give all of its inputs: --inputs FILE.safetensors");
}

// Whether every step that is given runs, and not samples of them.
bool EveryStepRuns(const CalibrateArguments& a, const bundle::Bundle& bundle) {
  return !a.episodes.given() && (!a.inputs.empty() || IsMadeOfFiles(bundle));
}

Result<std::unique_ptr<SampleSource>> OpenSource(const CalibrateArguments& a, const bundle::Bundle& bundle, Log& log) {
  const std::string frames = fmt::format("{}", fmt::join(a.frames, " "));
  if (EveryStepRuns(a, bundle)) {
    VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures features, ReadFeatures(a.bundle));
    VLAQ_ASSIGN_OR_RETURN(Observations observations, Observations::Open(features.inputs, a.frames, a.inputs, log));
    std::string name = a.frames.empty() ? a.inputs : fmt::format("{} {}", a.inputs, frames);
    return std::unique_ptr<SampleSource>(new ObservedSteps(std::move(observations), std::move(name)));
  }
  if (!a.frames.empty()) {
    VLAQ_ASSIGN_OR_RETURN(std::string camera, CameraOf(bundle));
    VLAQ_ASSIGN_OR_RETURN(auto pictures, OpenFrames(a.frames, log));
    return calibrate::FromFrames(std::move(pictures), frames, std::move(camera));
  }
  VLAQ_ASSIGN_OR_RETURN(auto episodes, a.episodes.Open(log));
  return calibrate::FromEpisodes(std::move(episodes), evaluate::WantedOf(bundle.policy));
}

// One source of samples.
Status CheckSource(const CalibrateArguments& a) {
  const bool several = a.episodes.given() && (!a.frames.empty() || !a.inputs.empty());
  const bool none = !a.episodes.given() && a.frames.empty() && a.inputs.empty();
  if (several || none) return UsageError("give --episodes or --frames, one of them, or --inputs for any policy");
  return {};
}

// An episode's instruction where the policy can be told one, else the one of its export.
Result<ActivationStatistics> See(const CalibrateArguments& a, const bundle::Bundle& bundle, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto source, OpenSource(a, bundle, log));
  VLAQ_ASSIGN_OR_RETURN(const auto text, runtime::OpenTextEncoder(bundle, a.tokenizer));
  const bool told = text != nullptr && text->can_encode();
  if (a.episodes.given() && text != nullptr && !told) {
    log.Warning(
        fmt::format("{} holds no tokenizer: every episode gets the prompt of its export", bundle.path.string()));
  }
  if (a.episodes.given() && told) VLAQ_RETURN_IF_ERROR(text->Load());
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  return calibrate::Calibrate(bundle, *backend, *source, text.get(), a.options, log);
}

// How many times the usual size of a value its largest one is: what costs 8-bit codes their steps.
double Spread(const ValueStatistics& value) { return value.rms() == 0 ? 0 : value.absmax() / value.rms(); }

using NamedValue = std::pair<std::string_view, const ValueStatistics*>;

std::vector<NamedValue> WidestFirst(const ActivationStatistics& statistics) {
  std::vector<NamedValue> values;
  for (const auto& [name, value] : statistics.values) {
    if (!value.histogram.empty()) values.emplace_back(name, &value);
  }
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return Spread(*a.second) > Spread(*b.second); });
  return values;
}

NamedValue LargestOf(const ActivationStatistics& statistics) {
  NamedValue largest{"", nullptr};
  for (const auto& [name, value] : statistics.values) {
    if (value.absmax() >= kMaskSize) continue;
    if (largest.second == nullptr || value.absmax() > largest.second->absmax()) largest = {name, &value};
  }
  return largest;
}

std::string_view DriftVerdict(const numerics::Drift& drift) { return drift.enough() ? "enough" : "too few"; }

// `drawn`: samples of episodes, not every step of a file.
void Print(const CalibrateArguments& a, const ActivationStatistics& statistics, bool drawn, double seconds,
           std::ostream& out) {
  out << fmt::format("{}: {} values over ", a.output.string(), statistics.values.size());
  if (drawn) {
    out << fmt::format("{} samples from {}, all graphs at {} of them, in {:.1f} s\n\n", statistics.samples,
                       Counted(statistics.episodes.size(), "episode"), statistics.windows, seconds);
  } else {
    out << fmt::format("{} in {:.1f} s\n\n", Counted(static_cast<uint64_t>(statistics.samples), "step"), seconds);
  }
  const std::vector<NamedValue> widest = WidestFirst(statistics);
  out << fmt::format("Widest ranges, of {} values that operators with weights read:\n", widest.size());
  TextTable table({"value", "min", "max", "99.999 % within", "max/rms", "drift %"});
  for (size_t i = 0; i < std::min(kShownValues, widest.size()); ++i) {
    const ValueStatistics& value = *widest[i].second;
    const double within = ChooseRange(value, numerics::RangeMethod::kPercentile, numerics::NumericType::kInt8).high;
    table.AddRow({std::string(widest[i].first), fmt::format("{:.4g}", value.minimum),
                  fmt::format("{:.4g}", value.maximum), fmt::format("{:.4g}", within),
                  fmt::format("{:.1f}", Spread(value)), fmt::format("{:.1f}", 100 * value.drift)});
  }
  out << table.ToString();
  if (const auto [name, value] = LargestOf(statistics); value != nullptr) {
    out << fmt::format("\nLargest of all, masks aside: {:.4g} in {} (float16 ends at 65504)\n", value->absmax(), name);
  }
  const numerics::Drift drift = DriftOf(statistics);
  out << fmt::format(
      "Samples: {}. Ranges differ between halves of them by {:.1f} % (median) and up to {:.1f} % ({}); by more than "
      "{:.0f} % in {} of {} values\n",
      DriftVerdict(drift), 100 * drift.median, 100 * drift.worst, drift.value, 100 * numerics::kToleratedDrift,
      drift.beyond, drift.values);
}

Json AsJson(const CalibrateArguments& a, const ActivationStatistics& statistics, double seconds) {
  const numerics::Drift drift = DriftOf(statistics);
  Json widest = Json::array();
  for (const auto& [name, value] : WidestFirst(statistics)) {
    if (widest.size() == kShownValues) break;
    widest.push_back({{"value", name},
                      {"minimum", value->minimum},
                      {"maximum", value->maximum},
                      {"max_over_rms", Spread(*value)},
                      {"drift", value->drift}});
  }
  return {{"schema", "vlaq.calibrate/1"},
          {"output", a.output.string()},
          {"samples", statistics.samples},
          {"windows", statistics.windows},
          {"episodes", statistics.episodes.size()},
          {"values", statistics.values.size()},
          {"drift",
           {{"verdict", DriftVerdict(drift)},
            {"worst", drift.worst},
            {"value", drift.value},
            {"median", drift.median},
            {"beyond", drift.beyond},
            {"tolerated", numerics::kToleratedDrift}}},
          {"widest", std::move(widest)},
          {"seconds", seconds}};
}

Status Calibrate(CalibrateArguments& a, Context& context) {
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle));
  VLAQ_RETURN_IF_ERROR(CheckSource(a));
  const bool every = EveryStepRuns(a, bundle);
  if (every) a.options.samples = 0;
  a.options.open = a.backend.Options();
  a.options.memory_bytes = a.memory;
  a.options.progress_file = a.output;
  a.options.progress_file += ".part";
  VLAQ_ASSIGN_OR_RETURN(const ActivationStatistics statistics, See(a, bundle, context.log));
  VLAQ_RETURN_IF_ERROR(WriteFile(a.output, StatisticsText(statistics), WhenExisting(a.force)));
  std::error_code ignored;
  std::filesystem::remove(a.options.progress_file, ignored);
  if (const auto drift = DriftOf(statistics); !drift.enough()) {
    context.log.Warning(
        fmt::format("the ranges of {} of {} values differ by more than {:.0f} % between the halves of "
                    "the samples: take more",
                    drift.beyond, drift.values, 100 * numerics::kToleratedDrift));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (a.json) {
    PrintJson(AsJson(a, statistics, took.count()), context.out);
  } else {
    Print(a, statistics, !every, took.count(), context.out);
  }
  return {};
}

}  // namespace

Action AddCalibrate(CLI::App& app, Context& context) {
  auto a = std::make_shared<CalibrateArguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` or `vlaq import` made")->required();
  app.add_option("-o,--output", a->output, "The statistics to write")->type_name("stats.json")->required();
  const std::string group = "Samples";
  CLI::Option* episodes = a->episodes.AddTo(app, "Recorded episodes: a folder, or one .h5 file", group);
  a->episodes.AddSkipBadTo(app, episodes, group);
  app.add_option("--frames", a->frames, "Camera frames in order, as for `vlaq run`, for the prompt of the export")
      ->type_name("SRC")
      ->excludes(episodes)
      ->group(group);
  app.add_option("--inputs", a->inputs, std::string(kInputsHelp) + "; every step runs")
      ->type_name("FILE")
      ->excludes(episodes)
      ->group(group);
  app.add_option("--samples", a->options.samples, "Steps to look at, drawn over all episodes and their phases")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--seed", a->options.seed, "Seed of the choice of steps")->type_name("UINT")->capture_default_str();
  app.add_option("--batch", a->options.batch, "Steps that run at once, where none depends on another")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AsSize(app.add_option("--memory", a->memory, "Memory for the values of one run; less takes more passes"), "MiB")
      ->check(CLI::Range(uint64_t{1} << 20U, uint64_t{1} << 40U))
      ->default_str("512MiB");
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")->type_name("FILE");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "When interrupted, the same command goes on where it was; until then stats.json.part holds what was seen.\n\n"
      "Examples:\n"
      "  vlaq calibrate policy --episodes recorded --only split.json:calibration -o stats.json\n"
      "  vlaq calibrate policy --episodes recorded --samples 512 --seed 1 -o stats.json\n"
      "  vlaq calibrate policy --frames episode/ --samples 64 -o stats.json\n"
      "  vlaq calibrate act --inputs steps.safetensors -o stats.json");
  return [a, &context]() -> Status { return Calibrate(*a, context); };
}

}  // namespace vlaq::cli
