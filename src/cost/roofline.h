// How fast a device could run a model at the very most: the roofline. Always an estimate, and always an optimistic one:
// real engines reach a part of it. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cost/devices.h"
#include "cost/model_cost.h"

namespace vlaq::cost {

enum class BoundBy { kArithmetic, kMemory };
std::string_view BoundName(BoundBy bound);  // "arithmetic", "memory"

// What runs as one: its arithmetic and its reading overlap at best, so that it takes the longer of the two at least.
struct Roof {
  double compute_s = 0, memory_s = 0;

  BoundBy bound() const { return memory_s > compute_s ? BoundBy::kMemory : BoundBy::kArithmetic; }
  double seconds() const { return bound() == BoundBy::kMemory ? memory_s : compute_s; }
};

// The roofs of a scenario's engines, MACs / peak and bytes of weights / bandwidth, added up. Weights are read once a
// run but for what the device's cache could keep, and what lies between operators is taken to stay on the chip.
struct Limit {
  const PrecisionRow* precision = nullptr;
  double seconds = 0;
  double compute_s = 0;
  std::optional<double> memory_s;  // absent: the device's bandwidth is not known, and so not in `seconds`
  BoundBy bound = BoundBy::kArithmetic;

  double per_second() const { return 1 / seconds; }
};

// nullopt: the device's peak at this precision is not known, or the model multiplies nothing.
std::optional<Limit> LimitOf(const ModelCost& cost, const Scenario& scenario, const Device& device,
                             const PowerMode& mode, const PrecisionRow& precision);

// Bytes of weights that a run of the scenario reads from memory, all of them at this precision.
double WeightsRead(const ModelCost& cost, const Scenario& scenario, const Device& device,
                   const PrecisionRow& precision);

}  // namespace vlaq::cost
