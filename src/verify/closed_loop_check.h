// Stage 5: does the policy arrive? Driving the simulated base, on the same seeds with and without its pictures
// and with the sides of the instruction exchanged, alone or against a reference.
//
// Judging is apart from driving, so that other worlds can be judged alike.
#pragma once

#include <optional>
#include <vector>

#include "base/log.h"
#include "evaluate/rollout.h"
#include "verify/judged_policy.h"
#include "verify/report.h"

namespace vlaq::verify {

struct ClosedLoopLimits {
  // Fraction of seeds on which it must arrive: what fails more often than not is not worth proving. --min-success.
  double least_success = 0.50;
  // By how much success must fall without sight. On paired seeds a policy that does not look loses nothing at all; one
  // that looks was measured to lose 90 points and more.
  double least_loss = 0.20;
  // Fraction of seeds on which it must pass on the side it is told, both times: a policy that does not listen passes on
  // one side whatever it hears, and so never does.
  double min_obedience = 0.50;
  // Level of McNemar's exact test of the reference's being better.
  double significance = 0.05;
};

// What became of one policy, seed by seed, under each ablation; all on the same seeds.
struct ClosedLoopRuns {
  std::vector<evaluate::Outcome> normal, blank, frozen, swapped;
  std::optional<std::vector<evaluate::Outcome>> reference = std::nullopt;  // under kNormal
};

// Adds the checks "success", "needs its image", "follows the instruction", and with a reference "reference success".
// Errors: kUsage if the runs are not of the same seeds.
Status JudgeClosedLoop(const ClosedLoopRuns& runs, const ClosedLoopLimits& limits, Report& report);

// Drives and judges. `options.ablation` and shards are not used. Errors: kBackend without a simulator; those of the
// policies; kUsage if actions are no velocities, or the policy cannot be told where to go.
Status CheckClosedLoop(const JudgedPolicy& policy, const JudgedPolicy* reference,
                       const evaluate::RolloutOptions& options, const ClosedLoopLimits& limits, Log& log,
                       Report& report);

// Errors: kBackend if this build cannot drive.
Status CheckSimulator();

}  // namespace vlaq::verify
