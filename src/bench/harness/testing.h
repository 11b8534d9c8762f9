// Subjects and a clock that do as a test says.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "bench/harness/runner.h"

namespace vlaq::harness::testing {

// Time passes only when somebody takes it.
struct FakeTime {
  int64_t now = 1'000'000'000;
  Environment world() {
    return {[this] { return now; }, [this](int64_t ns) { now += ns; }, [this] { return Reading{.at_ns = now}; }};
  }
};

class FakeSubject : public Subject {
 public:
  using Duration = std::function<int64_t(int)>;  // of its step number so and so, in ns
  FakeSubject(std::string name, FakeTime& time, Duration duration)
      : name_(std::move(name)), time_(time), duration_(std::move(duration)) {}

  const std::string& name() const override { return name_; }
  Result<Block> Run(std::span<const int> inputs, bool keep) override {
    Block block;
    const int64_t begin = time_.now;
    for (const int input : inputs) {
      if (fails_at == steps) return Error{ErrorCode::kBackend, "fell over", name_, ""};
      const int64_t taken = duration_(steps++);
      block.start_ns.push_back(time_.now);
      time_.now += taken;
      block.wall_ns.push_back(taken * claims);
      block.cpu_ns.push_back(taken);
      asked.push_back(input);
      if (keep) block.actions.push_back({gain * static_cast<float>(input) + offset, 0});
    }
    block.turnaround_ns = time_.now - begin;
    return block;
  }
  Result<Memory> MemoryNow() override { return Memory{10, 20, 5}; }
  Result<std::vector<OperatorTime>> Profile(std::span<const int>) override { return std::vector<OperatorTime>{}; }

  float gain = 1, offset = 0;  // its actions: gain * frame + offset
  int64_t claims = 1;
  int steps = 0, fails_at = -1;
  std::vector<int> asked;

 private:
  std::string name_;
  FakeTime& time_;
  Duration duration_;
};

// Log-normal around `median_ns`, as latencies are.
inline FakeSubject::Duration Noisy(double median_ns, double sigma, uint64_t seed) {
  return [random = Random(seed), median_ns, sigma](int) mutable {
    return static_cast<int64_t>(median_ns * std::exp(sigma * random.Normal()));
  };
}

// A subject's result with rounds of equal length.
inline SubjectResult WithRounds(std::string name, const std::vector<std::vector<int64_t>>& rounds,
                                const Settings& settings) {
  SubjectResult result;
  result.name = std::move(name);
  for (size_t r = 0; r < rounds.size(); ++r) {
    for (const int64_t ns : rounds[r]) result.samples.Add(static_cast<int>(r), 0, 0, ns, ns);
  }
  result.summary = Summarize(result.samples, settings);
  return result;
}

}  // namespace vlaq::harness::testing
