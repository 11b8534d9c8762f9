#include "cost/roofline.h"

#include <algorithm>
#include <array>

#include "base/names.h"

namespace vlaq::cost {
namespace {

constexpr std::array kBounds = {Named{BoundBy::kArithmetic, "arithmetic"}, Named{BoundBy::kMemory, "memory"}};

// What the device's cache could keep from the run before need not be read again.
double WeightsRead(const GraphCost& graph, const Device& device, const PrecisionRow& precision) {
  const auto bytes = static_cast<double>(graph.work.parameters_read) * static_cast<double>(precision.weight_bytes);
  return std::max(0.0, bytes - static_cast<double>(device.cache_bytes.value_or(0)));
}

}  // namespace

std::string_view BoundName(BoundBy bound) { return NameIn(kBounds, bound); }

double WeightsRead(const ModelCost& cost, const Scenario& scenario, const Device& device,
                   const PrecisionRow& precision) {
  double bytes = 0;
  for (const size_t graph : scenario.graphs) bytes += WeightsRead(cost.graphs[graph], device, precision);
  return bytes;
}

std::optional<Limit> LimitOf(const ModelCost& cost, const Scenario& scenario, const Device& device,
                             const PowerMode& mode, const PrecisionRow& precision) {
  const std::optional<double> peak = mode.macs_per_s.*precision.peak;
  if (!peak) return std::nullopt;
  const std::optional<double> bandwidth = device.BytesPerSecond(mode);
  Limit limit;
  limit.precision = &precision;
  double in_memory = 0;  // seconds of engines that memory bounds
  for (const size_t index : scenario.graphs) {
    const GraphCost& graph = cost.graphs[index];
    const Roof roof{static_cast<double>(graph.work.macs) / *peak,
                    bandwidth ? WeightsRead(graph, device, precision) / *bandwidth : 0};
    limit.compute_s += roof.compute_s;
    if (bandwidth) limit.memory_s = limit.memory_s.value_or(0) + roof.memory_s;
    limit.seconds += roof.seconds();
    if (roof.bound() == BoundBy::kMemory) in_memory += roof.memory_s;
  }
  if (!(limit.seconds > 0)) return std::nullopt;
  if (2 * in_memory > limit.seconds) limit.bound = BoundBy::kMemory;
  return limit;
}

}  // namespace vlaq::cost
