// Rung 5: does the policy arrive? At the wheel of the simulated base, on the same seeds with its eyes open and shut and
// with the sides of the instruction exchanged, alone or against a reference.
//
// Judging is apart from driving, so that other worlds can be judged alike.
#pragma once

#include <optional>
#include <vector>

#include "base/log.h"
#include "evaluation/rollout.h"
#include "verification/contender.h"
#include "verification/report.h"

namespace vlaq::verification {

struct ClosedLoopLimits {
  // Fraction of seeds on which it must arrive: what fails more often than not is not worth proving. --min-success.
  double least_success = 0.50;
  // By how much success must fall without sight. On paired seeds a policy that does not look loses nothing at all; one
  // that looks was measured to lose 90 points and more.
  double least_loss = 0.20;
  // Fraction of seeds on which it must pass on the side it is told, both times: a policy that does not listen passes on
  // one side whatever it hears, and so never does.
  double least_obedience = 0.50;
  // Of McNemar's exact test of the reference's being better.
  double significance = 0.05;
};

// What became of one policy, seed by seed, under each condition; all on the same seeds.
struct ClosedLoopRuns {
  std::vector<evaluation::Outcome> normal, blank, frozen, swapped;
  std::optional<std::vector<evaluation::Outcome>> reference = std::nullopt;  // under kNormal
};

// Adds the checks "success", "eyes", "obedience", and with a reference "reference success". Errors: kUsage if the runs
// are not of the same seeds.
Status JudgeClosedLoop(const ClosedLoopRuns& runs, const ClosedLoopLimits& limits, Report& report);

// Drives and judges. `options.condition` and shards are not used. Errors: kBackend without a simulator; those of the
// drivers; kUsage if actions are no velocities, or the policy cannot be told where to go.
Status CheckClosedLoop(const Contender& policy, const Contender* reference, const evaluation::RolloutOptions& options,
                       const ClosedLoopLimits& limits, Log& log, Report& report);

// Errors: kBackend if this build cannot drive.
Status CheckSimulator();

}  // namespace vlaq::verification
