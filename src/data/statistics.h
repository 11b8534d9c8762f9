// What a set of episodes holds, in numbers: lengths, rates, actions, instructions, layouts, resolutions, and whether
// its colors look swapped. Streams: two passes over the actions, and a seeded sample of frames.
//
// Not aware of: printing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "data/episode_set.h"
#include "data/timing_statistics.h"

namespace vlaq::data {

// Equal bins from `low` to `high`; a value at `high` counts in the last.
struct Histogram {
  double low = 0.0;
  double high = 0.0;
  std::vector<uint64_t> counts;
};

struct AxisStatistics {
  std::string name;   // as the stream names it; else "action[0]"
  std::string unit;   // empty if it is not known
  double mean = 0.0;  // over all steps
  double standard_deviation = 0.0;
  double min = 0.0;
  double max = 0.0;
  double zero = 0.0;  // fraction of steps that are exactly 0
  Histogram histogram;
};

// Whether red and blue look swapped. A guess from color: indoors, orange things (wood, cardboard, skin, lamp light)
// cover more of a picture than sky-blue ones; in a swapped picture it is the other way round. The upper third, where a
// sky may be, does not count. Simulated scenes of random colors tell nothing.
enum class ChannelVerdict { kAsLabeled, kSwapped, kCannotTell };
std::string_view Name(ChannelVerdict verdict);

struct ChannelEvidence {
  int64_t frames = 0;  // looked at
  // Frames with at least 1 % of orange and sky-blue pixels together, by what there is more of. Orange: red > green >
  // blue, red - blue at least 40 of 255; sky-blue: blue > green > red, as far apart.
  int64_t warm_frames = 0;
  int64_t cool_frames = 0;

  // A verdict takes a quarter of the frames to be colored, and three quarters of those to agree.
  ChannelVerdict Verdict() const;
};

struct SetStatistics {
  int64_t episodes = 0;
  int64_t steps = 0;
  std::map<int64_t, int64_t> lengths;  // episodes of each length
  TimingStatistics timing;
  std::vector<AxisStatistics> axes;                                           // of the action
  int64_t two_axis_episodes = 0;                                              // whose last axis was filled in with 0
  std::map<std::pair<std::string, InstructionSource>, int64_t> instructions;  // episodes
  std::map<std::string, int64_t> layouts;  // attribute obstacle_layout_type, episodes; "" without
  // "1280x720", of several cameras "observation.images.top 640x480, observation.images.wrist 640x480"; episodes
  std::map<std::string, int64_t> resolutions;
  std::map<std::string, int64_t> events;  // steps
  ChannelEvidence channels;
  std::vector<BadEpisode> bad;  // the set's, and those whose frames could not be read
};

struct StatisticsOptions {
  uint64_t seed = 0;
  int64_t frames = 64;  // to look at for their colors
  int bins = 20;
};

// Errors: kInput naming file and dataset, unless the set skips bad episodes; also if the actions of two episodes are
// not the same.
Result<SetStatistics> ComputeStatistics(const EpisodeSet& set, const StatisticsOptions& options, Log& log);

}  // namespace vlaq::data
