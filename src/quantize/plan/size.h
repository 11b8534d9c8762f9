// How many bytes the weights of a plan will take.
#pragma once

#include <cstdint>
#include <vector>

#include "bundle/bundle.h"
#include "quantize/numerics/plan.h"
#include "target/target.h"

namespace vlaq::plan {

struct ByteChange {
  uint64_t before = 0, after = 0;
};
struct PlannedSize {
  std::vector<ByteChange> operators;  // as in the plan; a weight that two operators use counts with the first
  ByteChange rest;                    // norms, biases, positions
  ByteChange total;
};

// Codes and scales exactly; of the rest, that all of it is in the plan's `rest` number. Errors: kInput if the bundle's
// weights.json cannot be read or lacks a weight of the plan.
Result<PlannedSize> SizeOf(const numerics::Plan& plan, const bundle::Bundle& bundle, const target::Target& target);

}  // namespace vlaq::plan
