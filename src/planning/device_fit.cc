#include "planning/device_fit.h"

#include <algorithm>
#include <array>
#include <span>

#include "bundle/bundle.h"

namespace vlaq::planning {
namespace {

using target::PrecisionRow;

// The plainest way first: whoever reads down the list gives up a little more each time.
struct Way {
  std::string_view id, title, doing;
  bool whole = false;     // one engine of the whole policy; else one of the encoder and one of the head
  bool at_once = false;   // the engines are built by one process
  bool small = false;     // from a bundle that is stored in the engine's precision
  bool stripped = false;  // the engine is written without its weights
};
constexpr std::array kWays = {
    Way{"whole", "one engine of the whole policy", "build one engine of the whole policy", true},
    Way{"at_once", "encoder and head as two engines, at once", "build encoder+head at once", false, true},
    Way{"in_turn", "encoder, then head, each in a process of its own", "build encoder+head in turn"},
    Way{"in_turn_small", "in turn, from a bundle stored in this precision (vlaq quantize; int8 needs tensorrt-10)",
        "build encoder+head in turn", false, false, true},
    Way{"in_turn_stripped", "that, and weights stripped (trtexec --stripWeights, TensorRT 10), refitted when loaded",
        "build encoder+head in turn, without weights", false, false, true, true},
};

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

using Graphs = std::vector<const GraphCost*>;

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

void AddEngine(const GraphCost& graph, const PrecisionRow& precision, const Way& way, BuildFit& fit) {
  const uint64_t weights = WeightsOf(graph, precision);
  fit.stored += way.small ? std::min(weights, graph.work.stored_bytes()) : graph.work.stored_bytes();
  fit.engine += weights;
  fit.serialised += way.stripped ? 0 : weights;
  fit.activations += ActivationsOf(graph, precision);
}

BuildFit FitBuild(const Way& way, const Graphs& graphs, const PrecisionRow& precision, uint64_t workspace,
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

}  // namespace

DeviceMemory MemoryOf(const target::Device& device) {
  return {device.memory_bytes, device.reserved_bytes, device.memory_bytes - device.reserved_bytes.value_or(0)};
}

std::vector<PrecisionFit> FitOf(const ModelCost& cost, const target::Device& device, uint64_t workspace) {
  const uint64_t available = MemoryOf(device).available;
  const Graphs whole{cost.Find(bundle::kWhole)};
  const Graphs split{cost.Find(bundle::kEncoder), cost.Find(bundle::kHead)};
  std::vector<PrecisionFit> fits;
  for (const PrecisionRow& precision : target::kPrecisions) {
    if (!fits.empty() && TakesTheSame(*fits.back().precision, precision)) continue;
    PrecisionFit fit;
    fit.precision = &precision;
    fit.runs = {FitRun(split, precision, available), FitRun(whole, precision, available)};
    for (const Way& way : kWays) {
      fit.builds.push_back(FitBuild(way, way.whole ? whole : split, precision, workspace, available));
      if (fit.builds.back().fits && !fit.advised) fit.advised = fit.builds.size() - 1;
    }
    fits.push_back(std::move(fit));
  }
  return fits;
}

const PrecisionFit& OwnFit(const std::vector<PrecisionFit>& fits, std::string_view stored) {
  const std::string_view wanted = stored == "int8" || stored == "mixed" ? "int8" : "fp16";
  const auto found = std::ranges::find(fits, wanted, [](const PrecisionFit& fit) { return fit.precision->name; });
  return found == fits.end() ? fits.front() : *found;
}

}  // namespace vlaq::planning
