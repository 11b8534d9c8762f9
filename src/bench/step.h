// One control step of a policy over what it observes: the number of the newest observation in, what comes out.
//
// A schedule that looks back sees the observations run round: the last W that end at i are i - W + 1 .. i, modulo their
// number. One that carries values has an episode begin at number 0. In scope: what belongs to the step (and so to its
// time) and what must be ready before. Not aware of: clocks, which graph reads what. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "policy/policy.h"
#include "runtime/executor.h"
#include "runtime/text_encoder.h"
#include "tensor/tensor.h"

namespace vlaq::bench {

class Step {
 public:
  virtual ~Step() = default;
  // What the steps before `newest` would have left behind; belongs to no time. Nothing is to be done where the step
  // before was that of the observation before.
  virtual Status Prepare(int newest) = 0;
  // By output, without batch axis; of a batch, the first of its equal items.
  virtual Result<backend::NamedTensors> Act(int newest) = 0;
  // Names, the action's first.
  virtual std::vector<std::string> Outputs() const = 0;
  virtual std::string Description() const = 0;
};

// What runs, and what it observes.
struct StepSource {
  policy::Policy policy;
  std::string schedule;            // empty: the default one
  std::string name;                // for messages
  runtime::GraphOpener open;       // of the policy's graphs
  backend::NamedTensors observed;  // as in the inputs file; what the policy does not take is left alone
  std::shared_ptr<const runtime::TextEncoder> text;  // its own instruction is told at every step; null: none is read
};

// `batch`: each step is done for so many copies of its observation. Errors: kInput for an input of the schedule that
// `observed` lacks, or has in another type or shape; those of Executor::Open; kUsage for a batch that a graph does not
// take.
Result<std::unique_ptr<Step>> OpenStep(StepSource source, int64_t batch);

// Does nothing: what a call costs.
std::unique_ptr<Step> MakeNullStep();

}  // namespace vlaq::bench
