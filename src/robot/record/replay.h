// A recording carried out again: the same commands from what came in, and the same actions from what was seen, bit for
// bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "robot/inference.h"
#include "robot/settings.h"

namespace vlaq::robot::record {

struct ReplayResult {
  uint64_t ticks = 0, different_ticks = 0;
  uint64_t steps = 0, different_steps = 0;  // of the policy; 0: none was given, or no pictures were recorded
  double largest_difference = 0;            // of an action, in the robot's units
  std::string first_difference;             // in words; empty: there is none
  std::vector<Error> damage;                // of the file
  std::map<std::string, uint64_t> states;   // ticks in each
};

// What a recording says of itself: "settings" aside, what was known of the drive ("bundle", "task", "schedule" ...).
// Errors: kInput for a file that is none of ours.
Result<std::map<std::string, std::string>> ReadAbout(const std::filesystem::path& path);

// `inference` may be null: then the commands alone are replayed. Errors: kInput for a file that is none of ours, or a
// message that is damaged; kUsage if the policy does not fit the settings; those of Inference::Reset. An error of a
// step is a difference, unless the recording has it, too.
Result<ReplayResult> Replay(const std::filesystem::path& path, Inference* inference, const Feature* action);

}  // namespace vlaq::robot::record
