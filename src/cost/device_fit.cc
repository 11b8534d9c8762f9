#include "cost/device_fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "target/precision.h"

namespace vlaq::cost {
namespace {

// The plainest way first: whoever reads down the list gives up a little more each time.
struct BuildStrategy {
  std::string_view id;
  std::string title, doing;
  bool whole = false;     // one engine of the whole policy; else one of each graph
  bool at_once = false;   // the engines are built by one process
  bool small = false;     // from a bundle that is stored in the engine's precision
  bool stripped = false;  // the engine is written without its weights
};

constexpr std::string_view kSmallTitle =
    "from a bundle stored in this precision (vlaq quantize; int8 needs tensorrt-10)";
constexpr std::string_view kStrippedTitle =
    "that, and weights stripped (trtexec --stripWeights, TensorRT 10), refitted when loaded";

using Graphs = std::vector<const GraphCost*>;

std::string NamesOf(const Graphs& graphs, std::string_view between) {
  std::vector<std::string> names;
  for (const GraphCost* graph : graphs) names.push_back(graph->name);
  return fmt::format("{}", fmt::join(names, between));
}

// `split`: the graphs of a step, if there are several; `whole`: the graph that does all of it, or null.
std::vector<BuildStrategy> BuildStrategiesOf(const Graphs& split, bool whole) {
  std::vector<BuildStrategy> ways;
  if (whole)
    ways.push_back({"one_engine", "one engine of the whole policy", "build one engine of the whole policy", true});
  if (split.empty()) {
    ways.push_back({"small", std::string(kSmallTitle), "build it from a bundle of this precision", true, false, true});
    ways.push_back({"stripped", std::string(kStrippedTitle), "build it without weights", true, false, true, true});
    return ways;
  }
  const std::string build = "build " + NamesOf(split, "+");
  const std::string count = split.size() == 2 ? "two" : std::to_string(split.size());
  ways.push_back({"at_once", fmt::format("{} as {} engines, at once", NamesOf(split, " and "), count),
                  build + " at once", false, true});
  ways.push_back(
      {"in_turn", fmt::format("{}, each in a process of its own", NamesOf(split, ", then ")), build + " in turn"});
  ways.push_back({"in_turn_small", fmt::format("in turn, {}", kSmallTitle), build + " in turn", false, false, true});
  ways.push_back(
      {"in_turn_stripped", std::string(kStrippedTitle), build + " in turn, without weights", false, false, true, true});
  return ways;
}

// fp32 and tf32 differ in speed only.
bool TakesTheSame(const PrecisionRow& a, const PrecisionRow& b) {
  return a.weight_bytes == b.weight_bytes && a.activation_bytes == b.activation_bytes;
}

uint64_t WeightsOf(const GraphCost& graph, const PrecisionRow& precision) {
  return static_cast<uint64_t>(graph.work.parameters) * precision.weight_bytes;
}

uint64_t ActivationsOf(const GraphCost& graph, const PrecisionRow& precision) {
  return precision.activation_bytes == 4 ? graph.peak32.bytes : graph.peak16.bytes;
}

RunFit FitRun(const Graphs& graphs, const PrecisionRow& precision, uint64_t available) {
  RunFit fit;
  fit.precision = &precision;
  for (const GraphCost* graph : graphs) {
    const uint64_t weights = WeightsOf(*graph, precision);
    fit.engines.push_back(graph->name);
    fit.weights += weights;
    fit.activations += ActivationsOf(*graph, precision);
    fit.loading = std::max(fit.loading, weights);
  }
  fit.fits = fit.running() + fit.loading <= available;
  return fit;
}

void AddEngine(const GraphCost& graph, const PrecisionRow& precision, const BuildStrategy& way, BuildFit& fit) {
  const uint64_t weights = WeightsOf(graph, precision);
  fit.stored += way.small ? std::min(weights, graph.work.stored_bytes()) : graph.work.stored_bytes();
  fit.engine += weights;
  fit.serialized += way.stripped ? 0 : weights;
  fit.activations += ActivationsOf(graph, precision);
}

BuildFit FitBuild(const BuildStrategy& way, const Graphs& graphs, const PrecisionRow& precision, uint64_t workspace,
                  uint64_t available) {
  BuildFit largest;
  BuildFit all;
  for (const GraphCost* graph : graphs) {
    BuildFit one;
    AddEngine(*graph, precision, way, one);
    AddEngine(*graph, precision, way, all);
    if (one.peak() > largest.peak()) largest = one;
  }
  BuildFit fit = way.at_once ? all : largest;
  fit.id = way.id;
  fit.title = way.title;
  fit.doing = way.doing;
  fit.whole = way.whole;
  fit.workspace = workspace;
  fit.fits = fit.peak() <= available;
  return fit;
}

// The graphs of a scenario, each once.
Graphs GraphsOf(const ModelCost& cost, const Scenario& scenario) {
  Graphs graphs;
  for (const size_t index : scenario.graphs) {
    const GraphCost* graph = &cost.graphs[index];
    if (std::ranges::find(graphs, graph) == graphs.end()) graphs.push_back(graph);
  }
  return graphs;
}

// The single graph of a step that has no other, if there is such a step.
Graphs WholeOf(const ModelCost& cost) {
  for (const Scenario& scenario : cost.scenarios) {
    Graphs graphs = scenario.is_step ? GraphsOf(cost, scenario) : Graphs();
    if (graphs.size() == 1) return graphs;
  }
  return {};
}

}  // namespace

const BuildFit& PrecisionFit::Advised() const {
  return advised ? builds[*advised] : *std::ranges::min_element(builds, {}, &BuildFit::peak);
}

DeviceMemory MemoryOf(const Device& device) {
  return {device.memory_bytes, device.reserved_bytes, device.memory_bytes - device.reserved_bytes.value_or(0)};
}

std::vector<PrecisionFit> FitOf(const ModelCost& cost, const Device& device, uint64_t workspace) {
  const uint64_t available = MemoryOf(device).available;
  const Graphs parts = GraphsOf(cost, *cost.Step());
  const Graphs whole = WholeOf(cost);
  const Graphs split = parts.size() > 1 ? parts : Graphs();
  std::vector<PrecisionFit> fits;
  for (const PrecisionRow& precision : kPrecisions) {
    if (!fits.empty() && TakesTheSame(*fits.back().precision, precision)) continue;
    PrecisionFit fit;
    fit.precision = &precision;
    for (const Graphs* graphs : {&split, &whole}) {
      if (!graphs->empty()) fit.runs.push_back(FitRun(*graphs, precision, available));
    }
    for (const BuildStrategy& way : BuildStrategiesOf(split, !whole.empty())) {
      fit.builds.push_back(FitBuild(way, way.whole ? whole : split, precision, workspace, available));
      fit.builds.back().run = way.whole ? fit.runs.size() - 1 : 0;
      if (fit.builds.back().fits && !fit.advised) fit.advised = fit.builds.size() - 1;
    }
    fits.push_back(std::move(fit));
  }
  return fits;
}

const PrecisionFit& OwnFit(const std::vector<PrecisionFit>& fits, std::string_view stored) {
  const target::PrecisionRow* row = target::FindPrecisionRow(stored);
  const auto engine_of = [&](std::string_view name) {
    return std::ranges::find(fits, name, [](const PrecisionFit& fit) { return fit.precision->name; });
  };
  auto found = row == nullptr ? fits.end() : engine_of(row->engine);
  if (found == fits.end()) found = engine_of("fp16");
  return found == fits.end() ? fits.front() : *found;
}

}  // namespace vlaq::cost
