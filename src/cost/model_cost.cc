#include "cost/model_cost.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "bundle/bundle.h"
#include "cost/extents.h"
#include "onnx/foreign.h"
#include "onnx/model_file.h"
#include "onnx/reachability.h"
#include "policy/value_shapes.h"
#include "quantize/rewrite/graph_names.h"

namespace vlaq::cost {
namespace fs = std::filesystem;
namespace {

using Counts = std::map<std::string, int64_t, std::less<>>;

// What several graphs of a model have in common.
struct Shared {
  Counts packed;  // weights that stand for more numbers than they have elements
  // Extents that inputs leave open: their names, and their places ("x:0").
  std::set<std::string, std::less<>> names, places;
};

void TakeExtents(const onnx::Graph& graph, Shared& shared) {
  for (const onnx::ValueInfo& input : graph.inputs) {
    for (size_t i = 0; i < input.dims.size(); ++i) {
      if (input.dims[i].value >= 0) continue;
      if (!input.dims[i].name.empty()) shared.names.insert(input.dims[i].name);
      shared.places.insert(fmt::format("{}:{}", input.name, i));
    }
  }
}

// A misspelled name would be taken without a word. One too many does no harm where no extent is open.
Status CheckExtents(const CostOptions& options, const fs::path& path, const Shared& shared) {
  for (const auto& [name, number] : options.extents) {
    const bool known = shared.names.contains(name) || shared.places.contains(name) || name == "batch";
    if (known || shared.places.empty()) continue;
    const auto& open = shared.names.empty() ? shared.places : shared.names;
    return UsageError(fmt::format("no input of {} has an extent '{}' without a number", path.string(), name),
                      fmt::format("open are {}", fmt::join(open, ", ")));
  }
  return {};
}

// What the user says goes before what the policy says, by the graph's own names, too.
onnx::Extents WithNames(const onnx::Graph& graph, onnx::Extents extents, const CostOptions& options) {
  for (const auto& [name, extent] : options.extents) extents[name] = extent;
  for (const onnx::ValueInfo& input : graph.inputs) {
    for (size_t i = 0; i < input.dims.size(); ++i) {
      const auto given = options.extents.find(input.dims[i].name);
      const std::string place = fmt::format("{}:{}", input.name, i);
      if (given != options.extents.end() && options.extents.count(place) == 0) extents[place] = given->second;
    }
  }
  if (options.window) extents.emplace("window", *options.window);
  return extents;
}

// `learn` gets the shapes, if it is not null.
Result<GraphCost> CostOfGraph(const fs::path& path, std::string name, onnx::Extents extents, const CostOptions& options,
                              Shared& shared, PolicyExtents* learn = nullptr) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::ForeignModel read, onnx::ReadForeignModel(path));  // functions of its own inlined
  const onnx::Model& model = read.model;
  const auto place = [&](const Error& error) { return Within(path.string(), error); };
  TakeExtents(model.graph, shared);
  onnx::WeightFiles files(path.parent_path());
  auto shapes = onnx::InferShapes(model, WithNames(model.graph, std::move(extents), options), &files);
  if (!shapes.ok()) return place(shapes.error());
  if (learn != nullptr) learn->Learn(name, *shapes);
  GraphCost cost;
  cost.name = std::move(name);
  cost.file = path.filename().string();
  auto work = onnx::WorkOf(model.graph, *shapes);
  if (!work.ok()) return place(work.error());
  cost.work = *std::move(work);
  cost.peak32 = onnx::PeakActivations(model.graph, *shapes, 4);
  cost.peak16 = onnx::PeakActivations(model.graph, *shapes, 2);
  shared.packed.merge(onnx::PackedWeights(model.graph));
  return cost;
}

// Numbers of the checkpoint: what was made from the same tensors (codes and their scales) counts once, what was made
// from none was computed.
Status CountParameters(const bundle::Bundle& bundle, const Counts& packed, ModelCost& cost) {
  VLAQ_ASSIGN_OR_RETURN(const auto records, bundle::ReadWeightRecords(bundle));
  std::map<std::string, int64_t> by_sources;
  for (const bundle::WeightRecord& record : records) {
    const auto bits = packed.find(record.name);
    const int64_t numbers = bits != packed.end() ? bits->second : ElementCount(record.shape).value_or(0);
    if (record.sources.empty()) {
      cost.computed += numbers;
      continue;
    }
    int64_t& most = by_sources[fmt::format("{}", fmt::join(record.sources, "\n"))];
    most = std::max(most, numbers);
  }
  for (const auto& [sources, numbers] : by_sources) cost.parameters += numbers;
  return {};
}

// The graphs of steps by their number, as often as they run.
void TakeRuns(const std::vector<policy::Step>& steps, const std::vector<std::string>& names, int64_t times,
              std::vector<size_t>& runs) {
  for (const policy::Step& step : steps) {
    const auto found = std::ranges::find(names, step.graph);
    if (step.kind == policy::StepKind::kRun && found != names.end()) {
      runs.insert(runs.end(), static_cast<size_t>(times), static_cast<size_t>(found - names.begin()));
    }
    TakeRuns(step.steps, names, step.kind == policy::StepKind::kRepeat ? times * step.times : times, runs);
  }
}

// "encoder, denoiser (10 times)"
std::string RunsText(const std::vector<size_t>& runs, const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto times = std::ranges::count(runs, i);
    if (times == 0) continue;
    parts.push_back(times == 1 ? names[i] : fmt::format("{} ({} times)", names[i], times));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// ", the last 8 of feature at once"
std::string WindowsText(const std::vector<policy::Step>& steps, const CostOptions& options) {
  std::string text;
  for (const policy::Step& step : steps) {
    if (step.kind != policy::StepKind::kWindow) continue;
    text += fmt::format(", over the last {} of '{}'", options.window.value_or(step.length), step.value);
  }
  return text;
}

// What each new observation takes, before a window of what was made of it: the graphs that run before the first.
std::optional<Scenario> BeforeTheWindow(const std::vector<policy::Step>& steps, const std::vector<std::string>& names) {
  const auto window = std::ranges::find(steps, policy::StepKind::kWindow, &policy::Step::kind);
  Scenario scenario;
  if (window != steps.end()) TakeRuns({steps.begin(), window}, names, 1, scenario.graphs);
  if (scenario.graphs.empty()) return std::nullopt;
  scenario.id = scenario.name = "frame";
  scenario.title = fmt::format("one observation through {}", RunsText(scenario.graphs, names));
  return scenario;
}

Result<ModelCost> CostOfSchedules(const bundle::Bundle& bundle, const CostOptions& options, Shared& shared) {
  ModelCost cost;
  cost.window = options.window ? options.window : policy::LongestWindow(bundle.policy);
  cost.period_s = bundle.policy.control.period_s;
  PolicyExtents extents(bundle, options.window);
  cost.tokens = extents.tokens();
  const std::vector<std::string> names = rewrite::GraphsInOrder(bundle.policy);
  for (const std::string& name : names) {
    VLAQ_ASSIGN_OR_RETURN(GraphCost graph,
                          CostOfGraph(bundle.GraphPath(name), name, extents.Of(name), options, shared, &extents));
    cost.weights_bytes += graph.work.stored_bytes();
    cost.graphs.push_back(std::move(graph));
  }
  const auto& schedules = bundle.policy.schedules;
  const auto add = [&](const std::string& name, const std::vector<policy::Step>& steps) {
    Scenario scenario;
    scenario.id = "step_" + name;
    scenario.name = schedules.size() == 1 ? "step" : fmt::format("{} step", name);
    scenario.is_step = true;
    TakeRuns(steps, names, 1, scenario.graphs);
    scenario.title = fmt::format("control step: {}{}", RunsText(scenario.graphs, names), WindowsText(steps, options));
    cost.scenarios.push_back(std::move(scenario));
  };
  const auto& usual = schedules.at(bundle.policy.default_schedule);
  if (auto frame = BeforeTheWindow(usual, names)) cost.scenarios.push_back(std::move(*frame));
  add(bundle.policy.default_schedule, usual);
  for (const auto& [name, steps] : schedules) {
    if (name != bundle.policy.default_schedule) add(name, steps);
  }
  if (names.size() == 1) return cost;
  VLAQ_ASSIGN_OR_RETURN(const auto records, bundle::ReadWeightRecords(bundle));
  cost.weights_bytes = 0;  // graphs may share theirs
  for (const bundle::WeightRecord& record : records) cost.weights_bytes += record.length;
  return cost;
}

Result<ModelCost> CostOfBundle(const fs::path& path, const CostOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  Shared shared;
  VLAQ_ASSIGN_OR_RETURN(ModelCost cost, CostOfSchedules(bundle, options, shared));
  cost.is_bundle = true;
  cost.precision = bundle.precision;
  VLAQ_RETURN_IF_ERROR(CheckExtents(options, path, shared));
  VLAQ_RETURN_IF_ERROR(CountParameters(bundle, shared.packed, cost));
  return cost;
}

Result<ModelCost> CostOfFile(const fs::path& path, const CostOptions& options) {
  ModelCost cost;
  Shared shared;
  cost.window = options.window;
  VLAQ_ASSIGN_OR_RETURN(GraphCost graph, CostOfGraph(path, path.filename().string(), {{"batch", 1}}, options, shared));
  VLAQ_RETURN_IF_ERROR(CheckExtents(options, path, shared));
  cost.parameters = graph.work.parameters;
  cost.weights_bytes = graph.work.stored_bytes();
  cost.graphs.push_back(std::move(graph));
  cost.scenarios = {{"run", "run", "one run of the graph", {0}, false}};
  return cost;
}

}  // namespace

const GraphCost* ModelCost::Find(std::string_view name) const {
  const auto found = std::ranges::find(graphs, name, &GraphCost::name);
  return found == graphs.end() ? nullptr : &*found;
}

const Scenario* ModelCost::FindScenario(std::string_view id) const {
  const auto found = std::ranges::find(scenarios, id, &Scenario::id);
  return found == scenarios.end() ? nullptr : &*found;
}

const Scenario* ModelCost::Step() const {
  const auto found = std::ranges::find_if(scenarios, [](const Scenario& scenario) { return scenario.is_step; });
  return found == scenarios.end() ? nullptr : &*found;
}

int64_t ModelCost::MacsOf(const Scenario& scenario) const {
  int64_t macs = 0;
  for (const size_t graph : scenario.graphs) macs += graphs[graph].work.macs;
  return macs;
}

Result<ModelCost> CostOfModel(const fs::path& path, const CostOptions& options) {
  std::error_code ignored;
  if (!bundle::IsBundle(path) && fs::is_directory(path, ignored)) {
    return InputError(path.string(), "is a folder, but not a bundle: it has no policy.json",
                      "give a bundle that vlaq export wrote, or an .onnx file");
  }
  auto cost = bundle::IsBundle(path) ? CostOfBundle(path, options) : CostOfFile(path, options);
  if (cost.ok()) cost->path = path;
  return cost;
}

}  // namespace vlaq::cost
