#include "verify/executed_precision.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/scratch_folder.h"
#include "base/text.h"
#include "engine/find.h"
#include "engine/work.h"
#include "onnx/model_file.h"
#include "target/target.h"
#include "verify/play.h"
#include "verify/precision_bounds.h"
#include "verify/schedules.h"

namespace vlaq::verify {
namespace {

using backend::ExecutedNode;
using backend::NamedTensors;
using backend::OpenOptions;
using bundle::Bundle;
using numerics::Form;
using numerics::Plan;
using onnx::Arithmetic;

constexpr int kRealityRung = 2;
// The first run of a session also packs weights and allocates; it is not looked at.
constexpr int kWarmUps = 1, kRuns = 3;
// Scales, zero points and alignment beside what the plan explains.
constexpr double kMaxBytes = 1.02;
constexpr uint64_t kSmallChange = 4096;
// Where ONNX Runtime's kernels for two signed 8-bit operands are slow.
constexpr target::RuleId kSlowProducts = "ORT-02";
#if defined(__x86_64__)
constexpr bool kSignedIsSlow = true;
#else
constexpr bool kSignedIsSlow = false;
#endif

// Empty, or why this engine says nothing about the bundle: only on what a target's bundles are for can be seen what
// really runs.
std::string NotItsEngine(const Bundle& bundle, const ExecutedPrecisionOptions& options) {
  if (!options.backend->KeepsProfile()) {
    return fmt::format("the back end {} keeps no record of what ran", options.backend->name());
  }
  const auto target = target::Find(bundle.target);
  if (!target.ok() || (*target)->provider.empty() || (*target)->provider == options.open.provider) return "";
  return fmt::format("the bundle is for {}; what {} ({}) runs of it says nothing about that", bundle.target,
                     options.backend->name(), options.open.provider);
}

// A graph of a bundle, and what it is run on.
struct GraphToRun {
  const Bundle& bundle;
  const std::string& name;
  const NamedTensors& feeds;
};

// `tensor` [1, 1, ...] `length` times over on axis 1: how long a graph takes does not depend on the numbers.
Tensor Repeated(const Tensor& tensor, int64_t length) {
  Shape shape = tensor.shape();
  shape[1] = length;
  Tensor all = Tensor::Make(tensor.dtype(), std::move(shape));
  MutableBytes rest = all.mutable_bytes();
  for (; !rest.empty(); rest = rest.subspan(tensor.bytes().size())) std::ranges::copy(tensor.bytes(), rest.begin());
  return all;
}

// What the graphs of a schedule read. In the default one windows are full; in others they stay at one step, whose work
// a window repeats. Errors: those of the executor.
Result<GraphInputs> FeedsOf(const Bundle& bundle, const std::string& schedule, const StepInputs& inputs,
                            const ExecutedPrecisionOptions& options, Log& log) {
  const policy::Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(
      GraphInputs feeds,
      ReadByGraphs(bundle, inputs, {.backend = options.backend, .open = options.open, .schedule = schedule}, log));
  if (schedule != policy.default_schedule) return feeds;
  for (auto& [graph, ports] : feeds) {
    for (auto& [port, tensor] : ports) {
      const std::string& value = policy.graphs.at(graph).inputs.at(port);
      const policy::Step* window = WindowThatMakes(policy.schedules.at(schedule), value);
      if (window != nullptr && !tensor.bytes().empty()) tensor = Repeated(tensor, window->length);
    }
  }
  return feeds;
}

Result<std::vector<ExecutedNode>> RunProfiled(const GraphToRun& graph, bool optimize, int warm_ups, int runs,
                                              const ExecutedPrecisionOptions& options) {
  const Bundle& bundle = graph.bundle;
  VLAQ_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Make("profile"));
  VLAQ_ASSIGN_OR_RETURN(const auto source, backend::ModelSource::FromFile(bundle.GraphPath(graph.name)));
  OpenOptions open = options.open;
  open.optimize = optimize && open.optimize;
  open.precision = bundle.precision;
  open.profile = scratch.path() / "profile";
  VLAQ_ASSIGN_OR_RETURN(const auto model, options.backend->Open(source, open));
  for (int i = 0; i < warm_ups + runs; ++i) VLAQ_RETURN_IF_ERROR(model->Run(graph.feeds));
  auto profile = model->Profile();
  if (!profile.ok()) {  // the engine writes it without a word when the disk is full: not the bundle's fault
    return InputError(scratch.path().string(), "the engine's record of what ran is not whole: " + profile.error().what,
                      "see that the folder for temporary files (TMPDIR) has room");
  }
  std::vector<ExecutedNode> nodes = std::move(*profile);
  const auto all = static_cast<size_t>(warm_ups + runs);
  if (nodes.size() % all != 0) {
    return Error{ErrorCode::kBackend, "the profile does not hold the same nodes for every run",
                 bundle.GraphPath(graph.name), ""};
  }
  nodes.erase(nodes.begin(),
              nodes.begin() + static_cast<std::ptrdiff_t>(nodes.size() / all * static_cast<size_t>(warm_ups)));
  return nodes;
}

// `of_files`: made of ONNX files.
Result<Work> WorkOf(const GraphToRun& graph, const Plan* plan, bool of_files, const ExecutedPrecisionOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(graph.bundle.GraphPath(graph.name)));
  ExecutedGraph ran;
  ran.runs = kRuns;
  VLAQ_ASSIGN_OR_RETURN(ran.as_written, RunProfiled(graph, false, 0, 1, options));
  VLAQ_ASSIGN_OR_RETURN(ran.executed, RunProfiled(graph, true, kWarmUps, kRuns, options));
  ExpectedPrecisions promises = ExpectedPrecisionsOf(model.graph, plan, graph.bundle.precision, graph.name);
  // A graph that others made and no plan changed may be of any arithmetic, and promises none.
  if (plan == nullptr && of_files) {
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

// MACs that the plan leaves as they were, by any rule; whole numbers, so that all of them is all of them.
double Left(const Work& work) {
  double left = 0;
  for (const auto& [rule, macs] : work.left) left += macs;
  return left;
}

// "CONV-01 64.0 %, ACT-01 0.2 %": the work that the plan leaves as it was, the most first.
std::string LeftByPlan(const Work& work) {
  std::vector<std::pair<double, std::string>> rules;
  for (const auto& [rule, macs] : work.left) rules.emplace_back(macs, rule);
  std::sort(rules.rbegin(), rules.rend());
  std::string text;
  for (const auto& [macs, rule] : rules) {
    text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ", rule, 100 * Share(macs, work.weighted));
  }
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
  const std::string left = LeftByPlan(work);
  return fmt::format("{}; converting {:.1f} % of all time{}{}", fmt::join(parts, ", "),
                     100 * Share(work.converting_microseconds, work.all_microseconds),
                     left.empty() ? "" : "; left as it was by the plan's rules: ", left);
}

// Empty, or why it is not what it says.
std::string Wrong(const Work& work, const RealityBounds& bounds) {
  if (!work.elsewhere.empty()) return "fell back to another provider: " + Some(work.elsewhere);
  if (!work.unknown.empty()) return "work that vlaq cannot count: " + Some(work.unknown);
  if (Share(work.kept, work.promised) < bounds.of_planned && work.promised > 0) {
    return fmt::format("only {:.1f} % of the MACs that should be small ran so (at least {:.0f} %): {}",
                       100 * Share(work.kept, work.promised), 100 * bounds.of_planned, Some(work.broken));
  }
  // What a rule of the plan leaves as it was is no silent fallback, however much it is.
  const double expected = work.weighted - Left(work);
  if (expected > 0 && Share(work.small, expected) < bounds.of_all) {
    return fmt::format(
        "{:.1f} % of the MACs of operators with weights are small, which is not {} (at least {:.0f} % of those that no "
        "rule of the plan leaves as they were)",
        100 * Share(work.small, work.weighted), bounds.precision, 100 * bounds.of_all);
  }
  if (kSignedIsSlow && !work.both_signed.empty()) {
    return fmt::format("multiplies two signed 8-bit operands, which is slow on this processor ({}): {}",
                       kSlowProducts.id(), Some(work.both_signed));
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
  check.figures.emplace_back("left_by_plan", Share(Left(work), work.weighted));
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
  if (Left(work) >= work.weighted) {
    report.notes.push_back(fmt::format("{}: nothing of it is {}: the plan leaves all of its work as it was ({})", name,
                                       bounds.precision, LeftByPlan(work)));
  }
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
double PlannedBytes(const bundle::WeightRecord& source, const numerics::WeightChoice& choice) {
  const auto elements = static_cast<double>(ElementCount(source.shape).value_or(0));
  double small = elements * BitsOf(choice.number) / 8;
  if (choice.number == numerics::NumericType::kFloat16) return small;
  double scales = 1;
  const auto axis = static_cast<size_t>(choice.axis);
  if (choice.granularity != numerics::Granularity::kTensor && axis < source.shape.size()) {
    const auto extent = static_cast<double>(source.shape[axis]);
    const bool blocks = choice.granularity == numerics::Granularity::kBlock && choice.block > 0;
    const double whole_blocks = blocks ? std::ceil(extent / static_cast<double>(choice.block)) : 0;
    scales = blocks ? elements / extent * whole_blocks : extent;
    if (blocks) small *= whole_blocks * static_cast<double>(choice.block) / extent;  // the last block may be filled up
  }
  return small + 4 * scales;
}

double PlannedBytes(const std::vector<bundle::WeightRecord>& source, const Plan& plan, const target::Target& target) {
  std::map<std::string, double, std::less<>> by_weight;
  std::map<std::string, const bundle::WeightRecord*, std::less<>> records;
  for (const auto& record : source) {
    records.emplace(record.name, &record);
    const bool half = plan.rest == numerics::NumericType::kFloat16 && record.dtype == DType::kF32;
    by_weight[record.name] = static_cast<double>(record.length) / (half ? 2 : 1);
  }
  for (const auto& choice : plan.operators) {
    for (const auto& weight : choice.weights) {
      const auto record = records.find(weight.name);
      if (record == records.end() || choice.form == Form::kFloat) continue;
      const double small = PlannedBytes(*record->second, weight);
      const bool stays_wide = target.float_weights_before_quantize && choice.form == Form::kStaticInt8;
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
      VLAQ_ASSIGN_OR_RETURN(const target::Target* target, target::Find(plan->target));
      const double planned = PlannedBytes(source, *plan, *target);
      check.figures.emplace_back("planned_bytes", planned);
      check.passed = static_cast<double>(Total(own)) <= planned * kMaxBytes + static_cast<double>(kSmallChange);
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
  for (const std::string& role : GraphsInOrder(bundle.policy)) {
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

// What a control step of a schedule costs, every graph counted once.
Status CheckKernels(const Bundle& bundle, const std::string& schedule, const std::string& name, const Plan* plan,
                    const ExecutedPrecisionOptions& options, Log& log, Report& report) {
  const StepInputs inputs = options.inputs != nullptr ? *options.inputs : NoiseSteps(bundle.policy);
  const auto feeds = FeedsOf(bundle, schedule, inputs, options, log);
  if (!feeds.ok()) {
    if (!report.of_files) return feeds.error();  // noise is no excuse: what it takes is known
    report.untestable.push_back(
        {kRealityRung, name, fmt::format("it does not run on {}: {}", inputs.what, feeds.error().ToString())});
    return {};
  }
  Work step;
  uint64_t done = 0;
  for (const auto& [graph, ports] : *feeds) {
    VLAQ_ASSIGN_OR_RETURN(const Work work, WorkOf({bundle, graph, ports}, plan, report.of_files, options));
    step.Add(work);
    log.Progress("kernels", ++done, feeds->size());
  }
  // In graphs that others made, operators may stand whose work cannot be counted.
  if (report.of_files && !step.unknown.empty()) {
    report.notes.push_back(fmt::format("{}: work that cannot be counted: {}", name, Some(step.unknown)));
    step.unknown.clear();
  }
  VLAQ_ASSIGN_OR_RETURN(const RealityBounds* bounds, BoundsOfReality(bundle.precision));
  TellKernels(name, step, *bounds, report);
  return {};
}

}  // namespace

Status CheckExecutedPrecision(const Bundle& bundle, const Plan* plan, const Bundle* reference,
                              const ExecutedPrecisionOptions& options, Log& log, Report& report) {
  VLAQ_RETURN_IF_ERROR(CheckBytes(bundle, plan, reference, report));
  VLAQ_ASSIGN_OR_RETURN(const RealityBounds* bounds, BoundsOfReality(bundle.precision));
  report.evidence.limits.push_back({"least_of_planned_macs", bounds->of_planned, std::string(bounds->reason)});
  report.evidence.limits.push_back({"least_of_weighted_macs", bounds->of_all, std::string(bounds->reason)});
  if (!options.open.engines.empty()) return TellEngines(bundle, options.open.engines, report);
  if (std::string why = NotItsEngine(bundle, options); !why.empty()) {
    report.untestable.push_back({kRealityRung, "kernels", std::move(why)});
    return {};
  }
  const policy::Policy& policy = bundle.policy;
  VLAQ_RETURN_IF_ERROR(CheckKernels(bundle, policy.default_schedule, "kernels", plan, options, log, report));
  std::set<std::string> looked_at;
  for (const std::string& graph : GraphsOf(policy.schedules.at(policy.default_schedule))) looked_at.insert(graph);
  for (const auto& [schedule, steps] : policy.schedules) {
    const std::vector<std::string> graphs = GraphsOf(steps);
    const bool known = std::ranges::all_of(graphs, [&](const auto& graph) { return looked_at.contains(graph); });
    looked_at.insert(graphs.begin(), graphs.end());
    if (known) continue;
    const std::string name = fmt::format("kernels, {} graph", schedule);
    VLAQ_RETURN_IF_ERROR(CheckKernels(bundle, schedule, name, plan, options, log, report));
  }
  return {};
}

}  // namespace vlaq::verify
