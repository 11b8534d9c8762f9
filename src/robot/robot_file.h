// The file that says how a robot is driven ("vlaq.robot/1", robot.json): the settings, and what an adapter needs to
// know of its wire.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"
#include "robot/settings.h"
#include "vlaq/policy.h"

namespace vlaq::robot {

inline constexpr std::string_view kRobotSchema = "vlaq.robot/1";

struct RobotFile {
  Settings settings;
  std::string ros2 = "{}";  // the member "ros2" as JSON text, for its adapter
};

// Errors: kInput naming the file and the keys that lead to what is wrong.
Result<RobotFile> ReadRobotFile(const std::filesystem::path& path);
// The text of such a file.
std::string RobotFileText(const RobotFile& file);

// Settings that fit a policy and may be right for its robot: every image and state a sensor, every value of its action
// an axis. An axis in m/s or rad/s, or named as a twist's, is a velocity with low limits; anything else a position.
// Errors: kUsage for a policy whose first output is no action, or with more values than can be driven.
Result<Settings> ProposeSettings(const PolicyFeatures& policy);

}  // namespace vlaq::robot
