// Carries out a policy's schedule: the only place where one graph's output becomes another's input.
//
// In scope: the order of steps, what is kept between control steps (windows, carried and held values), noise, batch
// axes, and letting a probe see every value. Not aware of: pictures, normalization, instructions (features.h makes
// values of observations), chunks (action_queue.h), time, robots. One thread at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

using backend::NamedTensors;

// Sees values as they are bound, under their names in the schedule, batch axis included; and what else a graph gives
// (a value that was added to its outputs), as "GRAPH.OUTPUT".
class Probe {
 public:
  virtual ~Probe() = default;
  virtual void See(std::string_view name, const Tensor& value) = 0;
};

// Opens a graph of the policy by its name in `policy.graphs`.
using GraphOpener = std::function<Result<std::unique_ptr<backend::OpenedModel>>(const std::string& graph)>;

class Executor {
 public:
  // `schedule`: a name in policy.schedules; empty: the default one. Opens the graphs that it runs, and no other; checks
  // that each graph's inputs are bound and have the types of their values. Errors: kUsage for an unknown schedule,
  // naming those that there are; kInput naming graph and port; those of `open`.
  static Result<Executor> Open(policy::Policy policy, std::string_view schedule, const GraphOpener& open,
                               uint64_t noise_seed = 0);
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  // One control step. `inputs`: the values of the policy's inputs, by value name ("observation.state",
  // "task.input_ids"), without batch axis, as graphs take them. Noise inputs may be left out: they are drawn. Values of
  // a text input may be left out where the schedule does not read them. Returns the policy's outputs without batch
  // axis, as the graphs give them. A failed step leaves the state as it was before it. Errors: kUsage naming an input
  // that is missing, unknown, or of another type or shape; kBackend, also for an output or a value between graphs that
  // is NaN or infinite.
  Result<NamedTensors> Step(const NamedTensors& inputs);
  // Forgets what was kept: a new episode begins. The noise begins anew, too.
  void Reset();

  // Null: nobody looks.
  void SetProbe(Probe* probe);
  const policy::Policy& policy() const;
  const std::string& schedule() const;
  // One line: the schedule, and the back end's own words on what really runs.
  std::string Description() const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::runtime
