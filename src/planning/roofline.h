// How fast a device could run a model at the very most: the roofline. Always an estimate, and always an optimistic one:
// real engines reach a part of it. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "planning/model_cost.h"
#include "target/devices.h"

namespace vlaq::planning {

enum class BoundBy { kArithmetic, kMemory };
std::string_view BoundName(BoundBy bound);  // "arithmetic", "memory"

// For each engine of a scenario max(MACs / peak, bytes of weights / bandwidth), added up. Weights are read once a run
// but for what the device's cache could keep, and what lies between operators is taken to stay on the chip.
struct Limit {
  const target::PrecisionRow* precision = nullptr;
  double seconds = 0;
  double compute_s = 0;
  std::optional<double> memory_s;  // absent: the device's bandwidth is not known, and so not in `seconds`
  BoundBy bound = BoundBy::kArithmetic;

  double per_second() const { return 1 / seconds; }
};

// nullopt: the device's peak at this precision is not known, or the model multiplies nothing.
std::optional<Limit> LimitOf(const ModelCost& cost, const Scenario& scenario, const target::Device& device,
                             const target::PowerMode& mode, const target::PrecisionRow& precision);

// Bytes of weights that a run of the scenario reads from memory, all of them at this precision.
double WeightsRead(const ModelCost& cost, const Scenario& scenario, const target::Device& device,
                   const target::PrecisionRow& precision);

}  // namespace vlaq::planning
