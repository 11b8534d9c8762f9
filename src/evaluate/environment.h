// A world that a policy acts in, step by step: the simulator, or any other. In scope: what a closed loop needs of it.
// Not aware of: policies, ablations, statistics. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/stream.h"

namespace vlaq::evaluate {

// What became of one episode.
struct EpisodeResult {
  uint64_t seed = 0;
  std::string kind;  // of task, by which successes are counted apart
  bool succeeded = false;
  int steps = 0;
  std::map<std::string, double> metrics;  // the environment's own, by name; what happened is 1, what did not 0
};

class Environment {
 public:
  virtual ~Environment() = default;
  // What Observe() gives, and what Step() takes: its names and units.
  virtual const std::vector<data::Stream>& observations() const = 0;
  virtual const data::Stream& action() const = 0;
  virtual int max_steps() const = 0;

  // A new episode. Returns its task. Errors: those of the world.
  virtual Result<std::string> Reset(uint64_t seed) = 0;
  // What is observed now; the same if asked again.
  virtual Result<data::Observation> Observe() = 0;
  // One control period. `action`: a value for each of action(), in its unit.
  virtual Status Step(std::span<const double> action) = 0;
  virtual bool done() const = 0;
  // What became of the episode so far. `opposite`: the policy was told the opposite of the task.
  virtual EpisodeResult ResultSoFar(bool opposite) const = 0;

  // What a scripted expert who sees the true state would do now, told the task or its opposite; nullopt: there is none.
  virtual std::optional<std::vector<double>> ExpertAction(bool /*opposite*/) const { return std::nullopt; }
};

// Makes environments that behave alike, one for each thread.
using EnvironmentFactory = std::function<Result<std::unique_ptr<Environment>>()>;

}  // namespace vlaq::evaluate
