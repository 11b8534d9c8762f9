// Runs subjects in turns: A's block, B's block, ... and again, each round in another order, so that what slows the
// machine slows all alike. Rounds are the unit of comparison.
//
// In scope: when whom is asked what, warm-up, when it is enough, what the outputs are worth against the first
// subject's. Not aware of: what subjects are, verdicts (verdict.h). One thread.
#pragma once

#include <functional>
#include <vector>

#include "base/log.h"
#include "bench/harness/results.h"
#include "bench/harness/subject.h"

namespace vlaq::harness {

// The outside world, so that tests need none.
struct Environment {
  std::function<int64_t()> now_ns;        // monotonic
  std::function<void(int64_t)> sleep_ns;  // returns later than that
  std::function<Reading()> read_machine;  // its state at this moment
};

struct Ran {
  std::vector<SubjectResult> subjects;  // name, samples, outputs, warm-up, memory, first run; in the order given
  std::vector<Reading> readings;
};

// `subjects`: at least one; the first is what the others' outputs are compared with. Errors: kBackend naming the
// subject that failed.
Result<Ran> RunInTurns(const std::vector<Subject*>& subjects, const Settings& settings, const Environment& world,
                       Log& log);

// What asking costs: a subject that does nothing, asked `blocks` times for as many steps as a block has.
Result<Harness> MeasureHarness(Subject& null, int blocks);

}  // namespace vlaq::harness
