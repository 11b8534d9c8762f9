// How a set of episodes keeps time, in numbers. Memory does not grow with the episodes, but for what is wrong. Not
// aware of: printing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/episode.h"
#include "data/episode_set.h"

namespace vlaq::data {

// Episodes, and the least and the highest rate among those that have one: steps a second.
struct RateRange {
  int64_t episodes = 0;
  double lowest_hz = 0;  // 0: none has one
  double highest_hz = 0;
};

struct TimingStatistics {
  RateRange recorded;   // with time stamps; by the median interval of those with which nothing is wrong
  RateRange stated;     // without usable ones, by the rate that their files state
  int64_t unknown = 0;  // episodes with neither
  // Over the same time stamps:
  double p99_s = 0;          // in each episode, 99 % of the intervals are no longer
  double longest_s = 0;      // interval; 0: there is none
  std::string longest_file;  // in which it is, and the step that ends it
  int64_t longest_step = 0;
  int64_t gaps = 0;               // Intervals::gaps of all
  std::vector<BadEpisode> wrong;  // what is wrong with time stamps, one an episode

  void Add(const Episode& episode);
};

}  // namespace vlaq::data
