// What a verdict rests on, so that somebody else can climb the same stages again and must find the same: which
// episodes, which seeds, which world, which ablations, which limits and why these. Plain data, filled in by the stages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/policy_identity.h"
#include "sim/world.h"

namespace vlaq::verify {

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
  std::optional<evaluate::PolicyIdentity> policy;     // the policy as it drove; none if it did not
  std::optional<evaluate::PolicyIdentity> reference;  // that it was held against
  std::vector<SeenEpisode> episodes;
  std::vector<std::string> overlap;  // of them, those that the bundle was made with
  std::vector<std::string> exclude;  // lists of episodes that hold none of them
  std::vector<std::string> open_loop_ablations;
  std::optional<DrivenSeeds> simulation;
  std::vector<std::string> closed_loop_ablations;
  std::vector<Limit> limits;
};

}  // namespace vlaq::verify
