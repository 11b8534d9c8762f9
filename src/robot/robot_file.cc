#include "robot/robot_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace vlaq::robot {
namespace {

// Limits that a person can step out of the way of.
constexpr double kMetersPerSecond = 0.3, kRadiansPerSecond = 0.5, kSecondsToFull = 0.5;
// A policy that is asked more often than this sees the world change before it has played much of a chunk.
constexpr double kSlowControlMs = 100;

bool IsTwist(const std::string& name) { return name.starts_with("linear_") || name.starts_with("angular_"); }

Axis ProposeAxis(const std::string& name, const std::string& unit) {
  Axis axis{.from = name, .to = name, .unit = unit};
  if (!IsTwist(name) && unit != "m/s" && unit != "rad/s") {
    axis.kind = AxisKind::kPosition;
    return axis;
  }
  if (IsTwist(name)) std::ranges::replace(axis.to, '_', '.');
  const double limit = name.starts_with("angular_") || unit == "rad/s" ? kRadiansPerSecond : kMetersPerSecond;
  axis.min = -limit;
  axis.max = limit;
  axis.max_rate = limit / kSecondsToFull;
  return axis;
}

TimingSettings ProposeTiming(double period_ms, int64_t chunk) {
  TimingSettings timing;
  timing.control_period_ms = std::min(20.0, period_ms);
  timing.action_period_ms = period_ms;
  timing.inference_period_ms = period_ms;
  timing.expected_latency_ms = std::min(100.0, period_ms);
  // A fast policy with long chunks is computed when half of one is left.
  if (chunk > 1 && period_ms < kSlowControlMs) {
    timing.chunk_rule = ChunkRule::kReplaceAligned;
    timing.inference_period_ms = std::max(1.0, std::floor(static_cast<double>(chunk) / 2)) * period_ms;
    timing.expected_latency_ms = std::min(timing.inference_period_ms, 200.0);
  }
  const double lasts = static_cast<double>(chunk) * period_ms;
  if (lasts < timing.inference_period_ms + timing.expected_latency_ms) timing.on_empty = OnEmpty::kHold;
  return timing;
}

}  // namespace

Result<RobotFile> ReadRobotFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json document, ReadJsonFile(path));
  const JsonField file(document, path.string(),
                       "vlaq robot BUNDLE --propose writes such a file; docs/robot.md explains it");
  RobotFile result;
  file.HasSchema(kRobotSchema, "vlaq robot BUNDLE --propose writes one");
  file.Only({"schema", "timing", "safety", "sensors", "axes", "ros2"}, "a robot file");
  ReadSettings(file, result.settings);
  if (const auto ros2 = file.Find("ros2")) result.ros2 = ros2->ObjectText();
  VLAQ_RETURN_IF_ERROR(file.status());
  return result;
}

std::string RobotFileText(const RobotFile& file) {
  Json document{{"schema", kRobotSchema}};
  WriteSettings(file.settings, document);
  if (auto ros2 = ParseJson(file.ros2, "ros2"); ros2.ok() && !ros2->empty()) document["ros2"] = std::move(*ros2);
  return JsonString(document, 2) + "\n";
}

Result<Settings> ProposeSettings(const PolicyFeatures& policy) {
  Settings settings;
  if (policy.outputs.empty() || policy.outputs.front().shape.empty() || policy.outputs.front().shape.size() > 2) {
    return UsageError("the policy's first output is no action");
  }
  const Feature& action = policy.outputs.front();
  const int64_t width = action.shape.back();
  if (width < 1 || width > static_cast<int64_t>(kMaxAxes)) {
    return UsageError(fmt::format("the policy's action has {} values; 1 to {} can be driven", width, kMaxAxes));
  }
  for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
    settings.axes.push_back(ProposeAxis(action.NameOf(i), action.UnitOf(i)));
  }
  for (const Feature& input : policy.inputs) {
    const bool image = input.type == FeatureType::kImage;
    if (image || input.type == FeatureType::kState) settings.sensors.push_back({.feature = input.name, .image = image});
  }
  const int64_t chunk = action.shape.size() == 2 ? std::max<int64_t>(action.shape.front(), 1) : 1;
  settings.timing = ProposeTiming(policy.control_period_s > 0 ? policy.control_period_s * 1000 : 100, chunk);
  settings.safety.max_observation_age_ms = std::max(500.0, 2 * settings.timing.inference_period_ms);
  return settings;
}

}  // namespace vlaq::robot
