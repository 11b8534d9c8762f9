#include "planning/model_cost.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "bundle/bundle.h"
#include "onnx/model_file.h"
#include "onnx/reachability.h"
#include "planning/operators.h"

namespace vlaq::planning {
namespace fs = std::filesystem;
namespace {

using Counts = std::map<std::string, int64_t, std::less<>>;

// `packed` collects weights that stand for more numbers than they have elements.
Result<GraphCost> CostOfGraph(const fs::path& path, std::string name, const onnx::Extents& extents, Counts& packed) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(path));
  const auto place = [&](Error error) {
    if (error.advice.empty()) error.advice = "give numbers for the inputs' extents with --extent NAME=NUMBER";
    return Within(path.string(), std::move(error));
  };
  auto shapes = onnx::InferShapes(model, extents);
  if (!shapes.ok()) return place(shapes.error());
  GraphCost cost;
  cost.name = std::move(name);
  cost.file = path.filename().string();
  auto work = onnx::WorkOf(model.graph, *shapes);
  if (!work.ok()) return place(work.error());
  cost.work = *std::move(work);
  cost.peak32 = onnx::PeakActivations(model.graph, *shapes, 4);
  cost.peak16 = onnx::PeakActivations(model.graph, *shapes, 2);
  packed.merge(onnx::PackedWeights(model.graph));
  return cost;
}

onnx::Extents Over(onnx::Extents extents, const CostOptions& options) {
  if (options.window) extents["window"] = *options.window;
  for (const auto& [name, extent] : options.extents) extents[name] = extent;
  return extents;
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

Result<ModelCost> CostOfBundle(const fs::path& path, const CostOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  const onnx::Extents extents = Over(ExtentsOf(bundle.spec), options);
  ModelCost cost;
  cost.is_bundle = true;
  cost.precision = bundle.precision;
  cost.window = extents.at("window");
  cost.tokens = extents.at("tokens");
  cost.period_s = bundle.spec.control_period_s;
  Counts packed;
  for (const std::string_view role : {bundle::kWhole, bundle::kEncoder, bundle::kHead}) {
    VLAQ_ASSIGN_OR_RETURN(GraphCost graph, CostOfGraph(bundle.GraphPath(role), std::string(role), extents, packed));
    cost.graphs.push_back(std::move(graph));
  }
  cost.scenarios = {
      {"frame", "frame", "one frame through the encoder", {1}, false},
      {"step_streaming",
       "streaming step",
       fmt::format("control step with feature cache: 1 new frame, and the head over {} features", *cost.window),
       {1, 2},
       true},
      {"step_naive", "naive step", fmt::format("control step without: all {} frames anew", *cost.window), {0}, true},
  };
  VLAQ_RETURN_IF_ERROR(CountParameters(bundle, packed, cost));
  return cost;
}

Result<ModelCost> CostOfFile(const fs::path& path, const CostOptions& options) {
  ModelCost cost;
  Counts packed;
  cost.window = options.window;
  VLAQ_ASSIGN_OR_RETURN(GraphCost graph,
                        CostOfGraph(path, path.filename().string(), Over({{"batch", 1}}, options), packed));
  cost.parameters = graph.work.parameters;
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

int64_t ModelCost::MacsOf(const Scenario& scenario) const {
  int64_t macs = 0;
  for (const size_t graph : scenario.graphs) macs += graphs[graph].work.macs;
  return macs;
}

Result<ModelCost> CostOfModel(const fs::path& path, const CostOptions& options) {
  auto cost = bundle::IsBundle(path) ? CostOfBundle(path, options) : CostOfFile(path, options);
  if (cost.ok()) cost->path = path;
  return cost;
}

}  // namespace vlaq::planning
