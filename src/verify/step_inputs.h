// What a policy is shown while its numbers are looked at: noise, or recorded episodes. Not aware of: what comes of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "backend/backend.h"
#include "base/status.h"
#include "data/episode_set.h"
#include "policy/policy.h"

namespace vlaq::verify {

// One control step after the other.
struct StepInputs {
  size_t steps = 0;
  std::string what;  // "steps of observations.safetensors", "steps of noise"
  bool noise = false;
  // As runtime::Executor::Step takes them, without those of text.
  std::function<Result<backend::NamedTensors>(size_t step)> read;
  // Steps with which another episode begins; the first step is none of them.
  std::set<size_t> begins = {};
  // What the instruction becomes, the same at every step; nullopt: the one that the bundle was made with.
  std::optional<backend::NamedTensors> task = {};
};

// Seeded numbers by type: floats within what pictures and normalized states are, bytes, integers 0 and 1 (the first of
// each tensor is 1, so that no mask is empty), booleans that are true. Extents that are open are 4. As many steps as
// fill the longest window, and one more; more can be read. What is drawn as noise by the policy is left to it.
StepInputs NoiseSteps(const policy::Policy& policy, uint64_t seed = 0);

// Every step of every episode, as the policy reads it; one file is open at a time. Errors: kInput for an episode that
// cannot be opened. Those of `read`: kInput for one that lacks what the policy observes, naming the file.
Result<StepInputs> EpisodeSteps(const policy::Policy& policy, const data::EpisodeSet& episodes);

}  // namespace vlaq::verify
