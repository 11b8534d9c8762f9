#include "verification/step_numbers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "policy/value_shapes.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"
#include "tensor/convert.h"
#include "verification/precision_bounds.h"
#include "verification/schedules.h"

namespace vlaq::verification {
namespace {

using backend::NamedTensors;
using bundle::Bundle;
using policy::Policy;
using runtime::Executor;

constexpr int kNumberRung = 1;
constexpr size_t kFewestSteps = 3, kMostSteps = 17;
constexpr int64_t kOpenExtent = 4;
constexpr uint64_t kNoiseStream = 90;
constexpr std::string_view kGoldenPrefix = "out.";

Tensor NoiseOf(const policy::Input& input, uint64_t stream, uint64_t seed) {
  Shape shape = input.shape;
  for (int64_t& extent : shape) extent = extent < 0 ? kOpenExtent : extent;
  Random random(seed, stream);
  Tensor tensor = Tensor::Make(input.dtype, shape);
  if (IsFloat(input.dtype)) {
    Tensor floats = Tensor::Make(DType::kF32, shape);
    for (float& x : floats.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
    if (IsConvertible(DType::kF32, input.dtype)) {
      static_cast<void>(Convert(DType::kF32, floats.bytes(), input.dtype, tensor.mutable_bytes()));
    }
    return tensor;
  }
  // Whole numbers of any width, the lowest byte first.
  const size_t width = std::max<size_t>(1, DTypeBits(input.dtype) / 8);
  const MutableBytes bytes = tensor.mutable_bytes();
  std::ranges::fill(bytes, std::byte{0});
  for (size_t at = 0; at < bytes.size(); at += width) {
    uint64_t value = at == 0 || input.dtype == DType::kBool ? 1 : random.Below(2);
    if (input.dtype == DType::kU8) value = random.Below(256);
    bytes[at] = static_cast<std::byte>(value);
  }
  return tensor;
}

// One episode, and what came out of each step.
struct Episode {
  std::vector<NamedTensors> steps;
  std::optional<Error> stopped;  // by what the policy or the back end said of a step
  bool opened = true;            // else it is what was said when the graphs were opened
};

// Errors are those of the inputs; what the policy makes of them is data.
Result<Episode> PlayEpisode(Executor& executor, const StepInputs& inputs, Log& log) {
  Episode episode;
  for (size_t t = 0; t < inputs.steps && !episode.stopped; ++t) {
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors values, inputs.read(t));
    auto outputs = executor.Step(values);
    if (outputs.ok()) {
      episode.steps.push_back(*std::move(outputs));
    } else {
      episode.stopped = Within(fmt::format("step {}", t), outputs.error());
    }
    log.Progress("steps", t + 1, inputs.steps);
  }
  return episode;
}

Result<Episode> Play(const Bundle& bundle, std::string_view schedule, const StepInputs& inputs,
                     const StepNumberOptions& options, const backend::OpenOptions& open, Log& log) {
  auto executor = runtime::OpenExecutor(bundle, schedule, *options.backend, open);
  if (!executor.ok()) return Episode{{}, executor.error(), false};
  return PlayEpisode(*executor, inputs, log);
}

// Values that are no floats must be the same.
Check JudgeEqual(std::string name, size_t differing, size_t elements, Against against, const std::string& remark) {
  Check check{kNumberRung, std::move(name), differing == 0 && elements > 0, "", {}, against};
  check.detail = elements == 0    ? "nothing was compared"
                 : differing == 0 ? "all values are equal" + remark
                                  : fmt::format("{} of {} values differ{}", differing, elements, remark);
  check.figures = {{"differing", static_cast<double>(differing)}, {"limit", 0}};
  return check;
}

size_t DifferingElements(const Tensor& a, const Tensor& b) {
  const size_t width = std::max<size_t>(1, DTypeBits(a.dtype()) / 8);
  size_t differing = 0;
  for (size_t at = 0; at + width <= a.bytes().size(); at += width) {
    if (!std::ranges::equal(a.bytes().subspan(at, width), b.bytes().subspan(at, width))) ++differing;
  }
  return differing;
}

// The values of one output, by step.
using Series = std::vector<Tensor>;

Check CompareSeries(const std::string& name, const Series& expected, const Series& actual, const Bound& bound,
                    Against against, const std::string& what) {
  const std::string remark = fmt::format(", {} {}", expected.size(), what);
  const auto failed = [&](const std::string& why) { return Check{kNumberRung, name, false, why, {}, against}; };
  Difference difference(bound.relative);
  size_t differing = 0, elements = 0;
  bool floats = true;
  for (size_t t = 0; t < expected.size(); ++t) {
    const Tensor &a = expected[t], &b = actual[t];
    if (a.shape() != b.shape() || IsFloat(a.dtype()) != IsFloat(b.dtype())) {
      return failed(fmt::format("step {} gives {} {} instead of {} {}", t, DTypeName(b.dtype()), ShapeText(b.shape()),
                                DTypeName(a.dtype()), ShapeText(a.shape())));
    }
    floats = IsFloat(a.dtype());
    if (floats) {
      const auto step = Compare(a, b, bound.relative);
      if (!step.ok()) return failed(step.error().ToString());
      difference.Merge(*step);
    } else {
      if (a.dtype() != b.dtype()) return failed("gives another type of integers");
      differing += DifferingElements(a, b);
      elements += static_cast<size_t>(a.size());
    }
  }
  return floats ? JudgeDifference(name, difference, bound, against, remark)
                : JudgeEqual(name, differing, elements, against, remark);
}

Series SeriesOf(const Episode& episode, const std::string& output) {
  Series series;
  for (const NamedTensors& step : episode.steps) series.push_back(step.at(output));
  return series;
}

Result<Bound> BoundFor(const Bundle& bundle, const StepNumberOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* bounds, BoundsOfStages(bundle.precision));
  return options.tolerance.ForStage({Measure::kRelative, bounds->features});
}

Status TellLimit(const Bundle& bundle, const StepNumberOptions& options, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* bounds, BoundsOfStages(bundle.precision));
  VLAQ_ASSIGN_OR_RETURN(const Bound bound, BoundFor(bundle, options));
  report.evidence.limits.push_back({"most_output_difference", bound.limit,
                                    options.tolerance.of_stages()
                                        ? "given on the command line"
                                        : fmt::format("{}: {}", bounds->precision, bounds->reason)});
  return {};
}

struct Comparison {
  std::string against;  // as outputs are called in checks: "action against the files"
  Against kind;
  std::string what;  // the inputs
};

Status CompareEpisodes(const Bundle& bundle, const Episode& expected, const Episode& actual,
                       const Comparison& comparison, const StepNumberOptions& options, Report& report) {
  const auto& [against, kind, what] = comparison;
  VLAQ_ASSIGN_OR_RETURN(const Bound bound, BoundFor(bundle, options));
  for (const policy::Output& output : bundle.policy.outputs) {
    report.checks.push_back(CompareSeries(fmt::format("{} {}", output.name, against), SeriesOf(expected, output.name),
                                          SeriesOf(actual, output.name), bound, kind, what));
  }
  return {};
}

std::string Advice(const StepInputs& inputs, const Episode& episode) {
  return inputs.noise && episode.opened ? "; give real ones: --inputs FILE.safetensors" : "";
}

// What a source gives; untestable, under `name`, if it does not run itself.
bool RanWhole(const Episode& episode, const std::string& name, const std::string& who, const StepInputs& inputs,
              Report& report) {
  if (!episode.stopped) return true;
  report.untestable.push_back(
      {kNumberRung, name,
       fmt::format("{} not run on {}: {}{}", who, inputs.what, episode.stopped->ToString(), Advice(inputs, episode)),
       true});
  return false;
}

const SourceFile* FileOf(std::span<const SourceFile> files, const std::string& graph) {
  const auto found = std::ranges::find(files, graph, &SourceFile::graph);
  return found == files.end() ? nullptr : &*found;
}

// Graphs that the steps run and that no file was given for.
void CollectMissing(const std::vector<policy::Step>& steps, std::span<const SourceFile> files,
                    std::vector<std::string>& missing) {
  for (const policy::Step& step : steps) {
    const bool lacks = step.kind == policy::StepKind::kRun && FileOf(files, step.graph) == nullptr;
    if (lacks) missing.push_back(step.graph);
    CollectMissing(step.steps, files, missing);
  }
}

// Remembers what was bound last under each name.
class Memory : public runtime::Probe {
 public:
  void See(std::string_view name, const Tensor& value) override { values_.insert_or_assign(std::string(name), value); }
  const NamedTensors& values() const { return values_; }

 private:
  NamedTensors values_;
};

// The recorded values of an output by step. Errors: kInput without the file.
Result<Series> Recorded(const policy::Output& output, const Tensor& tensor, size_t steps) {
  const auto agrees = [&](std::span<const int64_t> shape) {
    return std::equal(shape.begin(), shape.end(), output.shape.begin(), output.shape.end(),
                      [](int64_t extent, int64_t wanted) { return wanted < 0 || extent == wanted; });
  };
  const std::string name = fmt::format("'{}{}'", kGoldenPrefix, output.name);
  const Shape& shape = tensor.shape();
  if (agrees(shape) && steps == 1) return Series{tensor};
  const bool by_step = !shape.empty() && agrees(std::span(shape).subspan(1));
  if (!by_step) {
    return InputError(name, fmt::format("is {}, and {} of the output's {} are expected", ShapeText(shape),
                                        Counted(steps, "step"), ShapeText(output.shape)));
  }
  if (static_cast<size_t>(shape[0]) != steps) {
    return InputError(name, fmt::format("holds {} where the inputs have {}",
                                        Counted(static_cast<size_t>(shape[0]), "step"), Counted(steps, "step")));
  }
  Series series;
  for (size_t t = 0; t < steps; ++t) series.push_back(tensor.Row(static_cast<int64_t>(t)));
  return series;
}

// out.* of a golden file, by output.
Result<std::map<std::string, Series>> ReadRecorded(const Policy& policy, const std::filesystem::path& golden,
                                                   size_t steps) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, checkpoint::Checkpoint::Open(golden));
  std::map<std::string, Series> recorded;
  std::vector<std::string> names;
  for (const policy::Output& output : policy.outputs) names.push_back(output.name);
  for (const checkpoint::Entry& entry : file->entries()) {
    if (!entry.name.starts_with(kGoldenPrefix)) continue;
    const std::string name = entry.name.substr(kGoldenPrefix.size());
    const policy::Output* output = policy.FindOutput(name);
    if (output == nullptr) {
      return InputError(golden.string(), fmt::format("'{}' is no output of the policy", entry.name),
                        fmt::format("its outputs are {}", fmt::join(names, ", ")));
    }
    auto series = Recorded(*output, file->Read(entry), steps);
    if (!series.ok()) return Within(golden.string(), series.error());
    recorded.emplace(name, *std::move(series));
  }
  if (recorded.empty()) {
    return InputError(golden.string(), "holds no out.OUTPUT to compare with",
                      fmt::format("the policy's outputs are {}", fmt::join(names, ", ")));
  }
  return recorded;
}

}  // namespace

StepInputs NoiseSteps(const Policy& policy, uint64_t seed) {
  StepInputs inputs;
  inputs.steps =
      std::clamp(static_cast<size_t>(policy::LongestWindow(policy).value_or(0)) + 1, kFewestSteps, kMostSteps);
  inputs.what = "steps of noise";
  inputs.noise = true;
  const auto shared = std::make_shared<const Policy>(policy);
  inputs.read = [shared, seed](size_t step) -> Result<NamedTensors> {
    NamedTensors values;
    for (size_t i = 0; i < shared->inputs.size(); ++i) {
      const policy::Input& input = shared->inputs[i];
      if (input.type == policy::InputType::kNoise || input.type == policy::InputType::kText) continue;
      values.emplace(input.name, NoiseOf(input, kNoiseStream + i + step * shared->inputs.size(), seed));
    }
    return values;
  };
  return inputs;
}

Status CheckRuns(const Bundle& bundle, const StepInputs& inputs, const StepNumberOptions& options, Log& log,
                 Report& report) {
  const Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(const Episode main, Play(bundle, policy.default_schedule, inputs, options, options.open, log));
  if (main.stopped && inputs.noise) {
    static_cast<void>(RanWhole(main, "runs", "it does", inputs, report));
    return {};
  }
  report.checks.push_back({kNumberRung,
                           "runs",
                           !main.stopped,
                           main.stopped
                               ? main.stopped->ToString()
                               : fmt::format("every output is made and finite, {} {}", main.steps.size(), inputs.what),
                           {}});
  for (const auto& [schedule, steps] : policy.schedules) {
    if (schedule == policy.default_schedule || main.stopped) continue;
    VLAQ_ASSIGN_OR_RETURN(const Episode other, Play(bundle, schedule, inputs, options, options.open, log));
    const std::string against = fmt::format("of schedule '{}' against '{}'", schedule, policy.default_schedule);
    if (other.stopped) {
      report.checks.push_back({kNumberRung, against, false, other.stopped->ToString(), {}});
    } else {
      VLAQ_RETURN_IF_ERROR(
          CompareEpisodes(bundle, main, other, {against, Against::kItself, inputs.what}, options, report));
    }
  }
  return {};
}

Status CheckAgainstFiles(const Bundle& bundle, std::span<const SourceFile> files, const StepInputs& inputs,
                         const StepNumberOptions& options, Log& log, Report& report) {
  const Policy& policy = bundle.policy;
  const std::string name = "outputs against the files";
  std::vector<std::string> missing;
  CollectMissing(policy.schedules.at(policy.default_schedule), files, missing);
  if (!missing.empty()) {
    report.untestable.push_back(
        {kNumberRung, name, fmt::format("no file is given for {}", fmt::join(missing, ", ")), true});
    return {};
  }
  const runtime::GraphOpener open = [&](const std::string& graph) -> Result<std::unique_ptr<backend::OpenedModel>> {
    VLAQ_ASSIGN_OR_RETURN(const auto source, backend::ModelSource::FromFile(FileOf(files, graph)->file));
    return options.backend->Open(source, options.open.ForSource());
  };
  Episode expected;
  auto executor = Executor::Open(policy, policy.default_schedule, open);
  if (executor.ok()) {
    VLAQ_ASSIGN_OR_RETURN(expected, PlayEpisode(*executor, inputs, log));
  } else {
    expected.stopped = executor.error();
    expected.opened = false;
  }
  if (!RanWhole(expected, name, "the files do", inputs, report)) return {};
  VLAQ_ASSIGN_OR_RETURN(const Episode actual,
                        Play(bundle, policy.default_schedule, inputs, options, options.open, log));
  if (actual.stopped) {
    report.checks.push_back({kNumberRung, name, false, actual.stopped->ToString(), {}});
    return {};
  }
  VLAQ_RETURN_IF_ERROR(
      CompareEpisodes(bundle, expected, actual, {"against the files", Against::kFiles, inputs.what}, options, report));
  return TellLimit(bundle, options, report);
}

Status CheckAgainstSourceSteps(const Bundle& bundle, const Bundle& source, const StepInputs& inputs,
                               const StepNumberOptions& options, Log& log, Report& report) {
  const std::string name = "outputs against the source";
  const std::string& schedule = source.policy.default_schedule;
  VLAQ_ASSIGN_OR_RETURN(const Episode expected, Play(source, schedule, inputs, options, options.open.ForSource(), log));
  if (!RanWhole(expected, name, "the source does", inputs, report)) return {};
  VLAQ_ASSIGN_OR_RETURN(const Episode actual, Play(bundle, schedule, inputs, options, options.open, log));
  std::string problem = actual.stopped ? actual.stopped->ToString() : "";
  for (const policy::Output& output : source.policy.outputs) {
    if (problem.empty() && bundle.policy.FindOutput(output.name) == nullptr) problem = "has no output " + output.name;
  }
  if (bundle.policy.outputs.size() != source.policy.outputs.size()) problem = "has other outputs than the source";
  if (!problem.empty()) {
    report.checks.push_back({kNumberRung, name, false, problem, {}});
    return {};
  }
  VLAQ_RETURN_IF_ERROR(CompareEpisodes(bundle, expected, actual, {"against the source", Against::kSource, inputs.what},
                                       options, report));
  return TellLimit(bundle, options, report);
}

Status CheckAgainstOutputs(const Bundle& bundle, const std::filesystem::path& golden, const StepInputs& inputs,
                           const StepNumberOptions& options, Log& log, Report& report) {
  const Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(const auto recorded, ReadRecorded(policy, golden, inputs.steps));
  VLAQ_ASSIGN_OR_RETURN(const runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  VLAQ_ASSIGN_OR_RETURN(const Episode episode,
                        Play(bundle, policy.default_schedule, inputs, options, options.open, log));
  if (episode.stopped) {
    report.checks.push_back({kNumberRung, "golden data", false, episode.stopped->ToString(), {}});
    return {};
  }
  VLAQ_ASSIGN_OR_RETURN(const Bound bound, BoundFor(bundle, options));
  std::vector<std::string> left_out;
  for (const policy::Output& output : policy.outputs) {
    const auto found = recorded.find(output.name);
    if (found == recorded.end()) {
      left_out.push_back(output.name);
      continue;
    }
    Series actual;
    for (const Tensor& raw : SeriesOf(episode, output.name)) {
      VLAQ_ASSIGN_OR_RETURN(actual.emplace_back(), features.Unnormalize(output.name, raw));
    }
    report.checks.push_back(
        CompareSeries(output.name + ", golden", found->second, actual, bound, Against::kInputsAndOutputs, inputs.what));
  }
  if (!left_out.empty()) {
    report.notes.push_back(fmt::format("{} holds nothing for {}", golden.string(), fmt::join(left_out, ", ")));
  }
  return TellLimit(bundle, options, report);
}

Result<NamedTensors> ExportedTask(const Bundle& bundle) {
  VLAQ_ASSIGN_OR_RETURN(const auto text, runtime::OpenTextEncoder(bundle, {}));
  return text == nullptr ? NamedTensors() : text->Exported().values;
}

Result<GraphInputs> ReadByGraphs(const Bundle& bundle, const std::string& schedule, const StepInputs& inputs,
                                 const StepNumberOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(Executor executor, runtime::OpenExecutor(bundle, schedule, *options.backend, options.open));
  Memory memory;
  executor.SetProbe(&memory);
  VLAQ_ASSIGN_OR_RETURN(NamedTensors values, inputs.read(0));
  VLAQ_ASSIGN_OR_RETURN(NamedTensors task, ExportedTask(bundle));
  values.merge(std::move(task));
  const auto outputs = executor.Step(values);
  executor.SetProbe(nullptr);
  if (!outputs.ok()) return outputs.error();
  GraphInputs all;
  for (const auto& [name, graph] : bundle.policy.graphs) {
    NamedTensors ports;
    for (const auto& [port, value] : graph.inputs) {
      const auto seen = memory.values().find(value);
      if (seen != memory.values().end()) ports.emplace(port, seen->second);
    }
    if (ports.size() == graph.inputs.size()) all.emplace(name, std::move(ports));
  }
  return all;
}

}  // namespace vlaq::verification
