// Rung 3: does the policy still say what was driven? On recorded episodes that neither trained nor calibrated it, alone
// or against a reference (the policy before it was made smaller), pair by pair. Not aware of: where episodes lie.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "episode/episode_set.h"
#include "verification/contender.h"
#include "verification/report.h"

namespace vlaq::verification {

struct OpenLoopCheckOptions {
  // Mean |a - a*|, normalised, that the policy may lose against the reference: the upper end of the 95 % interval of
  // the paired difference must lie below it. 0.01 is about a seventh of the error of a good small policy
  // (0.06 to 0.07), and 6 mm/s where 1 means 0.6 m/s.
  double max_mae_increase = 0.01;
  int threads = 1;  // episodes at a time
};

// Episodes of `lists` ("split.json:train", see episode::ReadEpisodeList) must not be among `episodes`, which messages
// call `name`. Errors: kInput naming the common ones.
Status CheckUnseen(const episode::EpisodeSet& episodes, const std::string& name, const std::vector<std::string>& lists,
                   Log& log, Report& report);

// Adds the checks of rung 3 to `report`. `reference` may be null: then the figures are only reported, and fail if they
// are no numbers. Errors: those of the drivers and the episodes; kUsage if the two do not compare.
Status CheckOpenLoop(const Contender& policy, const Contender* reference, const episode::EpisodeSet& episodes,
                     const OpenLoopCheckOptions& options, Log& log, Report& report);

}  // namespace vlaq::verification
