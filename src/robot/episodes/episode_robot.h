// A recorded episode in place of a robot: its observations arrive one after the other, at the rate that they were
// recorded at, in real or in simulated time; commands lead nowhere (open loop).
#pragma once

#include <memory>

#include "base/status.h"
#include "data/episode.h"
#include "robot/robot.h"
#include "robot/settings.h"

namespace vlaq::robot::episodes {

struct EpisodeOptions {
  bool real_time = true;
  Time period = 0;  // between steps; 0: as the recording says, which then must say it
};

// The episode's streams are the settings' sensors by name, as data::MatchFeatures says. It is finished one period after
// the last step. Errors: kInput naming a sensor that is not recorded; kUsage where nobody says the period.
Result<std::unique_ptr<Robot>> PlayEpisode(std::unique_ptr<data::Episode> episode, const Settings& settings,
                                           const EpisodeOptions& options);

}  // namespace vlaq::robot::episodes
