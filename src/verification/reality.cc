#include "verification/reality.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "engine/find.h"
#include "engine/work.h"
#include "onnx/model_file.h"
#include "families/kosmos2_lstm/prompt.h"
#include "verification/family.h"
#include "verification/precision_bounds.h"

namespace vlaq::verification {
namespace {

using backend::ExecutedNode;
using backend::NamedTensors;
using backend::OpenOptions;
using bundle::Bundle;
using onnx::Arithmetic;
using quantization::Form;
using quantization::Plan;

constexpr int kRealityRung = 2;
// The first run of a session also packs weights and allocates; it is not looked at.
constexpr int kWarmUps = 1, kRuns = 3;
// Scales, zero points and alignment beside what the plan explains.
constexpr double kMostBytes = 1.02;
constexpr uint64_t kSmallChange = 4096;
// ONNX Runtime's kernels for two signed 8-bit operands are slow on x86-64 (ORT-02).
#if defined(__x86_64__)
constexpr bool kSignedIsSlow = true;
#else
constexpr bool kSignedIsSlow = false;
#endif

// What a target's bundles run on: only there can "what really runs" be seen.
struct Engine {
  std::string_view target;
  std::string_view provider;
};
constexpr std::array kEngines = {
    Engine{"cpu", "cpu"},
    Engine{"tensorrt-8.6", "tensorrt"},
    Engine{"tensorrt-10", "tensorrt"},
};

// Empty, or why this engine says nothing about the bundle.
std::string NotItsEngine(const Bundle& bundle, const RealityOptions& options) {
  if (!options.backend->KeepsProfile()) {
    return fmt::format("the back end {} keeps no record of what ran", options.backend->name());
  }
  for (const Engine& engine : kEngines) {
    if (engine.target != bundle.target || engine.provider == options.open.provider) continue;
    return fmt::format("the bundle is for {}; what {} ({}) runs of it says nothing about that", bundle.target,
                       options.backend->name(), options.open.provider);
  }
  return "";
}

Tensor Noise(Shape shape) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  Random random(0, 78);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
  return tensor;
}

// What the graph takes: noise where it sees, the bundle's own prompt where it reads. A full window of features; one
// frame for the whole-policy graph, whose window repeats the same work.
Result<NamedTensors> Feeds(const Bundle& bundle, std::string_view role, const std::vector<backend::Port>& ports) {
  const prompt::Prompt prompt = prompt::Baked(bundle.spec);
  NamedTensors feeds;
  for (const backend::Port& port : ports) {
    if (port.dtype == DType::kI64) {
      const auto& values = port.name.find("mask") == std::string::npos ? prompt.ids : prompt.mask;
      feeds.emplace(port.name, Tensor::From<int64_t>({1, static_cast<int64_t>(values.size())}, values));
      continue;
    }
    if (port.dtype != DType::kF32) return InputError(port.name, "is an input that vlaq cannot feed");
    Shape shape = port.dims;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] < 0) shape[i] = port.dim_names[i] == "window" && role == bundle::kHead ? bundle.spec.window : 1;
    }
    feeds.emplace(port.name, Noise(std::move(shape)));
  }
  return feeds;
}

// A graph of a bundle, and what it is run on; null for noise and the bundle's prompt.
struct GraphToRun {
  const Bundle& bundle;
  const std::string& role;
  const NamedTensors* feeds;
};

Result<std::vector<ExecutedNode>> RunProfiled(const GraphToRun& graph, bool optimise, int warm_ups, int runs,
                                              const RealityOptions& options) {
  const Bundle& bundle = graph.bundle;
  const std::string& role = graph.role;
  VLAQ_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Make("profile"));
  VLAQ_ASSIGN_OR_RETURN(const auto source, backend::ModelSource::FromFile(bundle.GraphPath(role)));
  OpenOptions open = options.open;
  open.optimise = optimise && open.optimise;
  open.precision = bundle.precision;
  open.profile = scratch.path() / "profile";
  VLAQ_ASSIGN_OR_RETURN(const auto model, options.backend->Open(source, open));
  NamedTensors made;
  if (graph.feeds == nullptr) {
    VLAQ_ASSIGN_OR_RETURN(made, Feeds(bundle, role, model->inputs()));
  }
  const NamedTensors& feeds = graph.feeds == nullptr ? made : *graph.feeds;
  for (int i = 0; i < warm_ups + runs; ++i) VLAQ_RETURN_IF_ERROR(model->Run(feeds));
  auto profile = model->Profile();
  if (!profile.ok()) {  // the engine writes it without a word when the disk is full: not the bundle's fault
    return InputError(scratch.path().string(), "the engine's record of what ran is not whole: " + profile.error().what,
                      "see that the folder for temporary files (TMPDIR) has room");
  }
  std::vector<ExecutedNode> nodes = std::move(*profile);
  const auto all = static_cast<size_t>(warm_ups + runs);
  if (nodes.size() % all != 0) {
    return Error{ErrorCode::kBackend, "the profile does not hold the same nodes for every run", bundle.GraphPath(role),
                 ""};
  }
  nodes.erase(nodes.begin(),
              nodes.begin() + static_cast<std::ptrdiff_t>(nodes.size() / all * static_cast<size_t>(warm_ups)));
  return nodes;
}

Result<Work> WorkOf(const Bundle& bundle, const std::string& role, const NamedTensors* feeds, const Plan* plan,
                    const RealityOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle.GraphPath(role)));
  RanGraph ran;
  ran.runs = kRuns;
  VLAQ_ASSIGN_OR_RETURN(ran.as_written, RunProfiled({bundle, role, feeds}, false, 0, 1, options));
  VLAQ_ASSIGN_OR_RETURN(ran.executed, RunProfiled({bundle, role, feeds}, true, kWarmUps, kRuns, options));
  Promises promises = PromisesOf(model.graph, plan, bundle.precision);
  // A graph that others made and no plan changed may be of any arithmetic, and promises none.
  if (plan == nullptr && !HasSpec(bundle)) {
    for (auto& [node, promise] : promises) promise.arithmetic.reset();
  }
  return Judge(model.graph, promises, ran, options.open.provider);
}

double Share(double part, double all) { return all == 0 ? 0 : part / all; }

std::string Some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, "; "));
  if (names.size() > kShown) text += fmt::format("; and {} more", names.size() - kShown);
  return text;
}

// "int8 93.1 % of the MACs, 71.0 % of the time; float32 ..."
std::string Shares(const Work& work) {
  double macs = 0, time = 0;
  for (const auto& [arithmetic, count] : work.macs) macs += count;
  for (const auto& [arithmetic, spent] : work.microseconds) time += spent;
  std::vector<std::string> parts;
  for (const auto& [arithmetic, count] : work.macs) {
    parts.push_back(fmt::format("{} {:.1f} % of {} MACs and {:.1f} % of their time", ArithmeticName(arithmetic),
                                100 * Share(count, macs), Grouped(static_cast<int64_t>(macs)),
                                100 * Share(work.microseconds.at(arithmetic), time)));
  }
  return fmt::format("{}; converting {:.1f} % of all time", fmt::join(parts, ", "),
                     100 * Share(work.converting_microseconds, work.all_microseconds));
}

// Empty, or why it is not what it says.
std::string Wrong(const Work& work, const RealityBounds& bounds) {
  if (!work.elsewhere.empty()) return "fell back to another provider: " + Some(work.elsewhere);
  if (!work.unknown.empty()) return "work that vlaq cannot count: " + Some(work.unknown);
  if (Share(work.kept, work.promised) < bounds.of_planned && work.promised > 0) {
    return fmt::format("only {:.1f} % of the MACs that should be small ran so (at least {:.0f} %): {}",
                       100 * Share(work.kept, work.promised), 100 * bounds.of_planned, Some(work.broken));
  }
  if (Share(work.small, work.weighted) < bounds.of_all) {
    return fmt::format("{:.1f} % of the MACs of operators with weights are small, which is not {} (at least {:.0f} %)",
                       100 * Share(work.small, work.weighted), bounds.precision, 100 * bounds.of_all);
  }
  if (kSignedIsSlow && !work.both_signed.empty()) {
    return "multiplies two signed 8-bit operands, which is slow on this processor (ORT-02): " + Some(work.both_signed);
  }
  return "";
}

Check KernelCheck(std::string name, const Work& work, const RealityBounds& bounds) {
  const std::string wrong = Wrong(work, bounds);
  Check check{
      kRealityRung, std::move(name), wrong.empty(), wrong.empty() ? Shares(work) : wrong + "; " + Shares(work), {}};
  double macs = 0, time = 0;
  for (const auto& [arithmetic, count] : work.macs) macs += count;
  for (const auto& [arithmetic, spent] : work.microseconds) time += spent;
  for (const auto& [arithmetic, count] : work.macs) {
    check.figures.emplace_back(fmt::format("macs_{}", ArithmeticName(arithmetic)), Share(count, macs));
    check.figures.emplace_back(fmt::format("time_{}", ArithmeticName(arithmetic)),
                               Share(work.microseconds.at(arithmetic), time));
  }
  check.figures.emplace_back("macs", macs);
  check.figures.emplace_back("microseconds", work.all_microseconds);
  check.figures.emplace_back("converting_time", Share(work.converting_microseconds, work.all_microseconds));
  check.figures.emplace_back("planned_kept", Share(work.kept, work.promised));
  check.figures.emplace_back("small_of_weighted", Share(work.small, work.weighted));
  check.figures.emplace_back("widened_weights", static_cast<double>(work.widened));
  return check;
}

void TellKernels(const std::string& name, const Work& work, const RealityBounds& bounds, Report& report) {
  if (work.weighted == 0) {
    report.untestable.push_back(
        {kRealityRung, name, "the engine's profile names no operator of the graph that has weights"});
    return;
  }
  report.checks.push_back(KernelCheck(name, work, bounds));
  if (work.widened > 0) {
    report.notes.push_back(
        fmt::format("{}: {} stored weights are widened to float again in every run", name, work.widened));
  }
}

using BytesByType = std::map<std::string, uint64_t>;

std::string BytesInWords(const BytesByType& bytes) {
  std::vector<std::string> parts;
  for (const auto& [type, count] : bytes) parts.push_back(fmt::format("{} {}", type, HumanBytes(count)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

BytesByType ByType(const std::vector<bundle::WeightRecord>& records) {
  BytesByType bytes;
  for (const auto& record : records) bytes[std::string(DTypeName(record.dtype))] += record.length;
  return bytes;
}

uint64_t Total(const BytesByType& bytes) {
  uint64_t total = 0;
  for (const auto& [type, count] : bytes) total += count;
  return total;
}

// Bytes that the plan makes of one weight of the source, its scales included.
double PlannedBytes(const bundle::WeightRecord& source, const quantization::WeightChoice& choice) {
  const auto elements = static_cast<double>(ElementCount(source.shape).value_or(0));
  double small = elements * BitsOf(choice.number) / 8;
  if (choice.number == quantization::Number::kFloat16) return small;
  double scales = 1;
  const auto axis = static_cast<size_t>(choice.axis);
  if (choice.granularity != quantization::Granularity::kTensor && axis < source.shape.size()) {
    const auto extent = static_cast<double>(source.shape[axis]);
    const bool blocks = choice.granularity == quantization::Granularity::kBlock && choice.block > 0;
    const double whole_blocks = blocks ? std::ceil(extent / static_cast<double>(choice.block)) : 0;
    scales = blocks ? elements / extent * whole_blocks : extent;
    if (blocks) small *= whole_blocks * static_cast<double>(choice.block) / extent;  // the last block may be filled up
  }
  return small + 4 * scales;
}

double PlannedBytes(const std::vector<bundle::WeightRecord>& source, const Plan& plan) {
  std::map<std::string, double, std::less<>> by_weight;
  std::map<std::string, const bundle::WeightRecord*, std::less<>> records;
  for (const auto& record : source) {
    records.emplace(record.name, &record);
    const bool half = plan.rest == quantization::Number::kFloat16 && record.dtype == DType::kF32;
    by_weight[record.name] = static_cast<double>(record.length) / (half ? 2 : 1);
  }
  for (const auto& choice : plan.operators) {
    for (const auto& weight : choice.weights) {
      const auto record = records.find(weight.name);
      if (record == records.end() || choice.form == Form::kFloat) continue;
      const double small = PlannedBytes(*record->second, weight);
      // TensorRT 8.6 takes float32 weights in front of a QuantizeLinear.
      const bool stays_wide = plan.target == "tensorrt-8.6" && choice.form == Form::kStaticInt8;
      by_weight[weight.name] = stays_wide ? static_cast<double>(record->second->length) + small / 4 : small;
    }
    if (choice.form != Form::kFloat) continue;
    for (const auto& weight : choice.weights) {
      const auto record = records.find(weight.name);
      if (record != records.end()) by_weight[weight.name] = static_cast<double>(record->second->length);
    }
  }
  double total = 0;
  for (const auto& [name, bytes] : by_weight) total += bytes;
  return total;
}

Status CheckBytes(const Bundle& bundle, const Plan* plan, const Bundle* reference, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const auto records, bundle::ReadWeightRecords(bundle));
  const BytesByType own = ByType(records);
  Check check{kRealityRung, "bytes", true, BytesInWords(own), {}};
  for (const auto& [type, count] : own) check.figures.emplace_back("bytes_" + type, static_cast<double>(count));
  if (reference != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(const auto source, bundle::ReadWeightRecords(*reference));
    const BytesByType theirs = ByType(source);
    const double share = Share(static_cast<double>(Total(own)), static_cast<double>(Total(theirs)));
    check.detail += fmt::format("; {:.1f} % of the source's {}", 100 * share, BytesInWords(theirs));
    check.figures.emplace_back("of_source", share);
    if (plan != nullptr) {
      const double planned = PlannedBytes(source, *plan);
      check.figures.emplace_back("planned_bytes", planned);
      check.passed = static_cast<double>(Total(own)) <= planned * kMostBytes + static_cast<double>(kSmallChange);
      if (!check.passed)
        check.detail += fmt::format("; the plan explains {}", HumanBytes(static_cast<uint64_t>(planned)));
    } else if (bundle.precision != "fp32" && share >= 1) {
      check.passed = false;
      check.detail += fmt::format("; {} is no smaller than its source", bundle.precision);
    }
  }
  report.checks.push_back(std::move(check));
  return {};
}

// Finished engines were asked for their layers when they were built; their records say what came out.
Status TellEngines(const Bundle& bundle, const std::filesystem::path& folder, Report& report) {
  for (const std::string_view role : {bundle::kEncoder, bundle::kHead, bundle::kWhole}) {
    const std::string name = fmt::format("layers of the engine, {}", role);
    if (!engine::HasEngine(bundle, role, folder)) {
      report.untestable.push_back({kRealityRung, name, "there is none in " + folder.string()});
      continue;
    }
    VLAQ_ASSIGN_OR_RETURN(const engine::FoundEngine found, engine::FindEngine(bundle, role, folder));
    VLAQ_ASSIGN_OR_RETURN(const engine::GraphWork work, engine::DescribeWork(bundle, role));
    const auto judged =
        engine::JudgePrecision(work, found.record.layers, found.record.engine_bytes, found.file.string());
    if (!judged.ok() && judged.error().code != ErrorCode::kVerification) return judged.error();
    if (judged.ok() && !judged->proven) {
      report.untestable.push_back({kRealityRung, name, judged->evidence});
      continue;
    }
    Check check{kRealityRung, name, judged.ok(), judged.ok() ? judged->evidence : judged.error().ToString(), {}};
    if (judged.ok()) {
      for (const engine::PrecisionCount& count : judged->by_precision) {
        check.figures.emplace_back(fmt::format("macs_{}", engine::PrecisionName(count.precision)), count.macs_share);
      }
      check.figures.emplace_back("planned_kept", judged->as_planned);
    }
    report.checks.push_back(std::move(check));
  }
  return {};
}

// Of graphs that others made: operators whose work cannot be counted may stand in them, and are told.
Status KernelsOfPolicy(const Bundle& bundle, const Plan* plan, const RealityOptions& options,
                       const RealityBounds& bounds, Log& log, Report& report) {
  const std::string name = "kernels";
  const StepNumberOptions numbers{options.backend, options.open, {}};
  const StepInputs inputs = options.inputs != nullptr ? *options.inputs : NoiseSteps(bundle.policy);
  const auto read = ReadByGraphs(bundle, inputs, numbers);
  if (!read.ok()) {
    report.untestable.push_back(
        {kRealityRung, name, fmt::format("it does not run on {}: {}", inputs.what, read.error().ToString())});
    return {};
  }
  Work step;
  uint64_t done = 0;
  for (const auto& [graph, feeds] : *read) {
    VLAQ_ASSIGN_OR_RETURN(const Work work, WorkOf(bundle, graph, &feeds, plan, options));
    step.Add(work);
    log.Progress("kernels", ++done, read->size());
  }
  if (!step.unknown.empty()) {
    report.notes.push_back(fmt::format("kernels: work that cannot be counted: {}", Some(step.unknown)));
    step.unknown.clear();
  }
  TellKernels(name, step, bounds, report);
  return {};
}

}  // namespace

Status CheckReality(const Bundle& bundle, const Plan* plan, const Bundle* reference, const RealityOptions& options,
                    Log& log, Report& report) {
  VLAQ_RETURN_IF_ERROR(CheckBytes(bundle, plan, reference, report));
  const RealityBounds& bounds = BoundsOfReality(bundle.precision);
  report.evidence.limits.push_back({"least_of_planned_macs", bounds.of_planned, std::string(bounds.reason)});
  report.evidence.limits.push_back({"least_of_weighted_macs", bounds.of_all, std::string(bounds.reason)});
  if (!options.open.engines.empty()) return TellEngines(bundle, options.open.engines, report);
  if (std::string why = NotItsEngine(bundle, options); !why.empty()) {
    report.untestable.push_back({kRealityRung, "kernels", std::move(why)});
    return {};
  }
  if (!HasSpec(bundle)) {
    return KernelsOfPolicy(bundle, plan, options, bounds, log, report);
  }
  Work step;
  uint64_t done = 0;
  for (const std::string_view role : {bundle::kEncoder, bundle::kHead}) {
    VLAQ_ASSIGN_OR_RETURN(const Work work, WorkOf(bundle, std::string(role), nullptr, plan, options));
    step.Add(work);
    log.Progress("kernels", ++done, 3);
  }
  TellKernels("kernels", step, bounds, report);
  VLAQ_ASSIGN_OR_RETURN(const Work whole, WorkOf(bundle, std::string(bundle::kWhole), nullptr, plan, options));
  log.Progress("kernels", ++done, 3);
  TellKernels("kernels, whole graph", whole, bounds, report);
  return {};
}

}  // namespace vlaq::verification
