// What a verdict rests on, so that somebody else can climb the same rungs again and must find the same: which episodes,
// which seeds, which world, which conditions, which limits and why these. Plain data, filled in by the rungs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/subject.h"
#include "sim/world.h"

namespace vlaq::verification {

struct SeenEpisode {
  std::string name;
  std::string sha256;  // of its content
};

// A number that decided.
struct Limit {
  std::string name;
  double value = 0;
  std::string reason;
};

struct DrivenSeeds {
  uint64_t first = 0;
  uint64_t episodes = 0;
  sim::WorldOptions world;
};

struct Evidence {
  std::optional<evaluation::Subject> driver;     // the policy as it drove; none if it did not
  std::optional<evaluation::Subject> reference;  // that it was held against
  std::vector<SeenEpisode> episodes;
  std::vector<std::string> overlap;  // of them, those that the bundle was made with
  std::vector<std::string> not_in;   // lists of episodes that hold none of them
  std::vector<std::string> open_loop_conditions;
  std::optional<DrivenSeeds> simulation;
  std::vector<std::string> closed_loop_conditions;
  std::vector<Limit> limits;
};

}  // namespace vlaq::verification
