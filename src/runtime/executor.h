// Carries out a policy's schedule: the only place where one graph's output becomes another's input.
//
// In scope: the order of steps, what is kept between control steps (windows, carried and held values), noise, batch
// axes, and letting a probe see every value. Not aware of: pictures, normalization, instructions (features.h makes
// values of observations), chunks (action_queue.h), time, robots. One thread at a time. Names are resolved when it is
// opened (executor_program.h); of a step's tensors nothing stays alive but what the schedule keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

using backend::NamedTensors;

// Sees values as they are bound, under their names in the schedule, batch axis included: inputs, noise, what graphs and
// steps make, and in each round of a repeat its carried values and constants; and what else a graph gives (a value that
// was added to its outputs), as "GRAPH.OUTPUT". Sees those of a step that then fails, too. May keep the tensors.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual void See(std::string_view name, const Tensor& value) = 0;
};

// How far steps of a schedule look back.
inline constexpr int64_t kWholeEpisode = std::numeric_limits<int64_t>::max();  // a carried value comes of all before
struct LookBack {
  int64_t outputs = 0;                         // outputs depend on so many steps before the one that makes them
  int64_t lasting = 0;                         // the same of what Advance() makes
  std::set<std::string, std::less<>> advance;  // the graphs that Advance() runs
  bool at_once = false;                        // AdvanceAll() runs them once for several steps
};

// Opens a graph of the policy by its name in `policy.graphs`.
using GraphOpener = std::function<Result<std::unique_ptr<backend::OpenedModel>>(const std::string& graph)>;

class Executor {
 public:
  // `schedule`: a name in policy.schedules; empty: the default one. Opens the graphs that it runs, and no other; checks
  // that each graph's inputs are bound, that its bindings name ports that it has, and that values have one type and
  // extents that agree wherever they are made and read. A graph runs once in a schedule (in a repeat once a round), a
  // name is made by one step, and windows and carries do not stand within a repeat. Errors: kUsage for an unknown
  // schedule, naming those that there are; kInput naming graph, port and value; those of `open`, the graph in front.
  static Result<Executor> Open(policy::Policy policy, std::string_view schedule, const GraphOpener& open,
                               uint64_t noise_seed = 0);
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  // One control step. `inputs`: the values of the policy's inputs, by value name ("observation.state",
  // "task.input_ids"), without batch axis, as graphs take them; whether they are finite is not looked at (features.h
  // does). Those that the schedule does not read may be left out. A carried value (kCarry) may be given
  // by its `as`, with its batch axis: it is that in this step, in place of what the last one left. Noise inputs may be
  // left out: they are drawn, a pure function of the seed, the number of the step in its episode, and which noise input
  // it is. Returns the policy's outputs without batch axis, as the graphs give them. A failed step leaves the state as
  // it was before it, and done again draws the same noise. Errors: kUsage naming an input that is missing, unknown, or
  // of another type or shape; kInput for values that do not fit together or an output that is not as the policy says;
  // kBackend, also for an output that is NaN or infinite, or such a value of a graph from which an output comes.
  Result<NamedTensors> Step(const NamedTensors& inputs);
  // The same into `outputs`, what an earlier step of this executor gave, or nothing. A step of the same shapes as one
  // before then asks for no memory beyond what its graphs do. After an error the tensors of `outputs` are of no use.
  Status StepInto(const NamedTensors& inputs, NamedTensors& outputs);
  // The same for its effect on later steps only: runs what windows and carried values come of, and no other graph.
  // Errors: as Step.
  Status Advance(const NamedTensors& inputs);
  // The same for steps that follow each other, run at once: the probe sees values of all of them along the batch axis.
  // After an error the state is lost (Reset). Errors: as Step; kUsage for several where not look_back().at_once, or
  // whose shapes differ.
  Status AdvanceAll(std::span<const NamedTensors> steps);
  // Forgets what was kept: a new episode begins. The noise begins anew, too, with the same numbers: those of `step`,
  // counted in the episode from 0.
  void Reset(uint64_t step = 0);
  const LookBack& look_back() const;

  // Null: nobody looks.
  void SetProbe(Probe* probe);
  const policy::Policy& policy() const;
  const std::string& schedule() const;
  // One line: the schedule, its graphs, and the back end's own words on what really runs.
  std::string Description() const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::runtime
