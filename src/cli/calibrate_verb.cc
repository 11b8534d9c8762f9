#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/text.h"
#include "calibration/calibrate.h"
#include "calibration/draw.h"
#include "calibration/steps.h"
#include "cli/episode_choice.h"
#include "cli/frame_argument.h"
#include "cli/observations.h"
#include "cli/verbs.h"
#include "families/kosmos2_lstm/schema1.h"
#include "quantization/ranges.h"
#include "quantization/statistics_file.h"
#include "tokenizer/tokenizer.h"

namespace vlaq::cli {
namespace {

using calibration::SampleSource;
using quantization::ActivationStatistics;
using quantization::ValueStatistics;

constexpr size_t kShownValues = 12;
constexpr double kMaskSize = 1e30;  // what a mask adds to keep positions out is no activation

struct CalibrateArguments {
  std::filesystem::path bundle, tokenizer, output;
  EpisodeChoice episodes;
  std::vector<std::string> frames;
  std::string inputs;
  calibration::CalibrationOptions options;
  int64_t memory_mib = 512;
  bool force = false, json = false;
  BackendChoice backend;
};

Result<std::unique_ptr<SampleSource>> OpenSource(const CalibrateArguments& a, Log& log) {
  if (!a.frames.empty()) {
    VLAQ_ASSIGN_OR_RETURN(auto frames, OpenFrames(a.frames, log));
    return calibration::FromFrames(std::move(frames), fmt::format("{}", fmt::join(a.frames, " ")));
  }
  VLAQ_ASSIGN_OR_RETURN(auto episodes, a.episodes.Open(log));
  return calibration::FromEpisodes(std::move(episodes));
}

// The prompt that the policy gets at run time: of the episode's instruction where it can be told one, else the one of
// its export.
Result<calibration::PromptMaker> PromptsOf(const CalibrateArguments& a, const bundle::Bundle& bundle, Log& log) {
  const auto baked = [&bundle](const std::string&) { return Result<prompt::Prompt>(prompt::Baked(bundle.spec)); };
  if (!a.frames.empty()) return calibration::PromptMaker(baked);
  std::filesystem::path path = a.tokenizer;
  if (path.empty() && bundle.tokenizer && !bundle.baked_prompt) path = bundle.path / bundle.tokenizer->file;
  if (path.empty()) {
    log.Warning(
        fmt::format("{} holds no tokeniser: every episode gets the prompt of its export", bundle.path.string()));
    return calibration::PromptMaker(baked);
  }
  VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<const tokenizer::Tokenizer> tokenizer, tokenizer::Tokenizer::Load(path));
  return calibration::PromptMaker([&bundle, tokenizer](const std::string& instruction) {
    return prompt::FromInstruction(bundle.spec, *tokenizer, instruction);
  });
}

// --inputs as steps.
class ObservedSteps : public calibration::StepSource {
 public:
  ObservedSteps(Observations observations, std::string name)
      : observations_(std::move(observations)), name_(std::move(name)) {}

  size_t size() const override { return observations_.size(); }
  std::string name() const override { return name_; }
  Result<Step> Read(size_t index) override {
    VLAQ_ASSIGN_OR_RETURN(Observations::Step step, observations_.Read(index));
    return Step{std::move(step.name), std::move(step.observation), step.begins};
  }

 private:
  Observations observations_;
  std::string name_;
};

Result<ActivationStatistics> OnInputs(const CalibrateArguments& a, const bundle::Bundle& bundle, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures features, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(Observations observations, Observations::Open(features.inputs, a.frames, a.inputs, log));
  std::string name = a.inputs;
  if (!a.frames.empty()) name += fmt::format(" {}", fmt::join(a.frames, " "));
  ObservedSteps steps(std::move(observations), std::move(name));
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  return calibration::CalibrateOnSteps(bundle, *backend, steps, a.options, log);
}

Result<ActivationStatistics> OnFrames(const CalibrateArguments& a, const bundle::Bundle& bundle, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto source, OpenSource(a, log));
  VLAQ_ASSIGN_OR_RETURN(const auto prompts, PromptsOf(a, bundle, log));
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  return calibration::Calibrate(bundle, *backend, *source, prompts, a.options, log);
}

// One source of samples, and one that this policy can be shown.
Status CheckSource(const CalibrateArguments& a, const bundle::Bundle& bundle) {
  const bool kosmos = bundle.policy.family == kosmos2_lstm::kKosmos2Lstm;
  const bool several = a.episodes.given() && (!a.frames.empty() || !a.inputs.empty());
  const bool none = !a.episodes.given() && a.frames.empty() && a.inputs.empty();
  if (several || none) return UsageError("give --episodes or --frames, one of them, or --inputs for any policy");
  if (kosmos || !a.inputs.empty()) return {};
  if (a.episodes.given()) return CheckReadsEpisodes(bundle, "--inputs FILE.safetensors");
  return {};  // frames are of a policy's only camera; what else it observes is missed by name
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

std::string_view DriftVerdict(const quantization::Drift& drift) { return drift.enough() ? "enough" : "too few"; }

// `drawn`: samples of episodes, not every step of a file.
void Print(const CalibrateArguments& a, const ActivationStatistics& statistics, bool drawn, double seconds,
           std::ostream& out) {
  out << fmt::format("{}: {} values over ", a.output.string(), statistics.values.size());
  if (drawn) {
    out << fmt::format("{} samples from {}, the head at {} of them, in {:.1f} s\n\n", statistics.samples,
                       Counted(statistics.episodes.size(), "episode"), statistics.windows, seconds);
  } else {
    out << fmt::format("{} in {:.1f} s\n\n", Counted(static_cast<uint64_t>(statistics.samples), "step"), seconds);
  }
  const std::vector<NamedValue> widest = WidestFirst(statistics);
  out << fmt::format("Widest ranges, of {} values that operators with weights read:\n", widest.size());
  TextTable table({"value", "min", "max", "99.999 % within", "max/rms", "drift %"});
  for (size_t i = 0; i < std::min(kShownValues, widest.size()); ++i) {
    const ValueStatistics& value = *widest[i].second;
    const double within = ChooseRange(value, quantization::RangeMethod::kPercentile, quantization::Number::kInt8).high;
    table.AddRow({std::string(widest[i].first), fmt::format("{:.4g}", value.minimum),
                  fmt::format("{:.4g}", value.maximum), fmt::format("{:.4g}", within),
                  fmt::format("{:.1f}", Spread(value)), fmt::format("{:.1f}", 100 * value.drift)});
  }
  out << table.ToString();
  if (const auto [name, value] = LargestOf(statistics); value != nullptr) {
    out << fmt::format("\nLargest of all, masks aside: {:.4g} in {} (float16 ends at 65504)\n", value->absmax(), name);
  }
  const quantization::Drift drift = DriftOf(statistics);
  out << fmt::format(
      "Samples: {}. Ranges differ between halves of them by {:.1f} % (median) and up to {:.1f} % ({}); by more than "
      "{:.0f} % in {} of {} values\n",
      DriftVerdict(drift), 100 * drift.median, 100 * drift.worst, drift.value, 100 * quantization::kToleratedDrift,
      drift.beyond, drift.values);
}

Json AsJson(const CalibrateArguments& a, const ActivationStatistics& statistics, double seconds) {
  const quantization::Drift drift = DriftOf(statistics);
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
            {"tolerated", quantization::kToleratedDrift}}},
          {"widest", std::move(widest)},
          {"seconds", seconds}};
}

Status Calibrate(CalibrateArguments& a, Context& context) {
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle));
  VLAQ_RETURN_IF_ERROR(CheckSource(a, bundle));
  const bool steps = !a.inputs.empty() || bundle.policy.family != kosmos2_lstm::kKosmos2Lstm;
  a.options.open = a.backend.Options();
  a.options.memory_bytes = static_cast<uint64_t>(a.memory_mib) << 20U;
  a.options.progress_file = a.output;
  a.options.progress_file += ".part";
  VLAQ_ASSIGN_OR_RETURN(const ActivationStatistics statistics,
                        steps ? OnInputs(a, bundle, context.log) : OnFrames(a, bundle, context.log));
  VLAQ_RETURN_IF_ERROR(WriteFile(a.output, StatisticsText(statistics), WhenExisting(a.force)));
  std::error_code ignored;
  std::filesystem::remove(a.options.progress_file, ignored);
  if (const auto drift = DriftOf(statistics); !drift.enough()) {
    context.log.Warning(
        fmt::format("the ranges of {} of {} values differ by more than {:.0f} % between the halves of "
                    "the samples: take more",
                    drift.beyond, drift.values, 100 * quantization::kToleratedDrift));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (a.json) {
    PrintJson(AsJson(a, statistics, took.count()), context.out);
  } else {
    Print(a, statistics, !steps, took.count(), context.out);
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
  app.add_option("--samples", a->options.samples, "Frames to look at, drawn over all episodes and their phases")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--seed", a->options.seed, "Of the drawing")->type_name("UINT")->capture_default_str();
  app.add_option("--batch", a->options.batch, "Frames that run at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--memory", a->memory_mib, "For the values of one run, in MiB; less takes more passes")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("MIB")
      ->capture_default_str();
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")->type_name("FILE");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "When interrupted, the same command goes on where it was; until then stats.json.part holds what was seen. With\n"
      "--inputs it begins anew: what a policy keeps follows from the steps before.\n\n"
      "Examples:\n"
      "  vlaq calibrate mae0222 --episodes recorded --only split.json:calibration -o stats.json\n"
      "  vlaq calibrate mae0222 --episodes recorded --samples 512 --seed 1 -o stats.json\n"
      "  vlaq calibrate mae0222 --frames episode/ --samples 64 -o stats.json\n"
      "  vlaq calibrate act --inputs steps.safetensors -o stats.json");
  return [a, &context]() -> Status { return Calibrate(*a, context); };
}

}  // namespace vlaq::cli
