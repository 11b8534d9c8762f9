#include "robot/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

namespace vlaq::robot {
namespace {

Error Setting(const std::string& what, const std::string& advice = "") { return UsageError("timing: " + what, advice); }

// How many actions of a chunk are played.
int64_t Played(const TimingSettings& timing, int64_t chunk) {
  return timing.chunk_rule == ChunkRule::kFirstOnly ? 1 : chunk;
}

// How long after the end of a chunk the next one may come, ms; of one that comes in time 0.
double LongestGap(const TimingSettings& timing, int64_t chunk) {
  if (timing.chunk_rule == ChunkRule::kExhaust) return timing.expected_latency_ms;
  const double lasts = static_cast<double>(Played(timing, chunk)) * timing.action_period_ms;
  return std::max(0.0, timing.inference_period_ms + timing.expected_latency_ms - lasts);
}

std::string GapText(const TimingSettings& timing, int64_t chunk) {
  const int64_t played = Played(timing, chunk);
  if (timing.chunk_rule == ChunkRule::kExhaust) {
    return fmt::format("with chunk_rule exhaust the robot has no action for up to {} ms (expected_latency_ms)",
                       timing.expected_latency_ms);
  }
  return fmt::format(
      "{} of {} ms (action_period_ms) {} {} ms, and the next chunk comes after up to {} ms (inference_period_ms + "
      "expected_latency_ms)",
      played == 1 ? "an action" : fmt::format("{} actions", played), timing.action_period_ms,
      played == 1 ? "lasts" : "last", static_cast<double>(played) * timing.action_period_ms,
      timing.inference_period_ms + timing.expected_latency_ms);
}

// What would close the gap.
std::string Remedy(const TimingSettings& timing, int64_t chunk) {
  if (timing.chunk_rule == ChunkRule::kExhaust) return "chunk_rule replace_aligned computes while it moves";
  const auto played = static_cast<double>(Played(timing, chunk));
  const double needed = timing.inference_period_ms + timing.expected_latency_ms;
  const double most = played * timing.action_period_ms - timing.expected_latency_ms;
  std::string text = fmt::format("action_period_ms {} would fit", std::ceil(needed / played));
  if (most > 0) text += fmt::format(", or inference_period_ms {}", std::floor(most));
  return text;
}

// A number and what it may be.
struct Range {
  const char* name = "";
  double value = 0, least = 0, most = 0;
  const char* because = "";  // in parentheses
};

Status CheckRanges(std::string_view part, std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) {
    if (range.value >= range.least && range.value <= range.most) continue;  // not so of NaN
    return UsageError(fmt::format("{}: {} is {}, and must be {} to {}{}", part, range.name, range.value, range.least,
                                  range.most, range.because));
  }
  return {};
}

Status CheckPeriods(const TimingSettings& timing) {
  return CheckRanges("timing", {{"control_period_ms", timing.control_period_ms, 1, 1000},
                                {"inference_period_ms", timing.inference_period_ms, 1, 60'000},
                                {"action_period_ms", timing.action_period_ms, 1, 60'000},
                                {"expected_latency_ms", timing.expected_latency_ms, 0, 60'000},
                                {"fill_period_ms", timing.fill_period_ms, 0, 60'000},
                                {"warmup_steps", static_cast<double>(timing.warmup_steps), 0, 10'000},
                                {"ramp_ms", timing.ramp_ms, 1, 60'000},
                                {"merge_new_weight", timing.merge_new_weight, 0, 1},
                                {"refill_at", timing.refill_at, 0, 1}});
}

Status CheckCoverage(const Settings& settings, int64_t chunk) {
  const TimingSettings& timing = settings.timing;
  const double gap = LongestGap(timing, chunk);
  if (gap > 0 && !timing.on_empty) {
    return Setting(
        GapText(timing, chunk),
        "say in on_empty what the robot does without an action: hold, stop or ramp; or " + Remedy(timing, chunk));
  }
  if (gap > settings.safety.command_timeout_ms) {
    return Setting(
        fmt::format("{}: {} ms without an action, and safety.command_timeout_ms {} would stop the robot each time",
                    GapText(timing, chunk), gap, settings.safety.command_timeout_ms),
        fmt::format("command_timeout_ms {} would fit; or {}", std::ceil(gap), Remedy(timing, chunk)));
  }
  return {};
}

Status CheckSafety(const Settings& settings) {
  const SafetySettings& safety = settings.safety;
  const double tick = settings.timing.control_period_ms;
  constexpr const char* kFromTick = " (from one control period up)";
  return CheckRanges("safety", {{"command_timeout_ms", safety.command_timeout_ms, tick, 10'000, kFromTick},
                                {"max_observation_age_ms", safety.max_observation_age_ms, tick, 60'000, kFromTick},
                                {"range_stop_m", safety.range_stop_m, 0, 100, " (meters)"},
                                {"range_timeout_ms", safety.range_timeout_ms, tick, 10'000, kFromTick},
                                {"inference_timeout_ms", ToMs(settings.inference_timeout()),
                                 settings.timing.expected_latency_ms, 120'000, " (from expected_latency_ms up)"}});
}

Status CheckAxis(const Axis& axis) {
  const auto fail = [&axis](const std::string& what) {
    return UsageError(fmt::format("axis '{}': {}", axis.to, what));
  };
  if (!std::isfinite(axis.scale) || !std::isfinite(axis.offset) || axis.scale == 0) {
    return fail("scale must be a number other than 0, and offset a number");
  }
  if (!(axis.min <= axis.max)) return fail(fmt::format("min {} is above max {}", axis.min, axis.max));
  if (!(axis.max_rate > 0)) return fail("max_rate must be above 0");
  if (axis.kind == AxisKind::kVelocity && (axis.min > 0 || axis.max < 0)) {
    return fail(fmt::format("a velocity must be able to be 0, and lies within [{}, {}]", axis.min, axis.max));
  }
  return {};
}

Status CheckAxes(const std::vector<Axis>& axes) {
  if (axes.empty() || axes.size() > kMaxAxes) {
    return UsageError(fmt::format("{} axes; 1 to {} can be driven", axes.size(), kMaxAxes));
  }
  std::set<std::string> seen;
  for (const Axis& axis : axes) {
    VLAQ_RETURN_IF_ERROR(CheckAxis(axis));
    if (!seen.insert(axis.to).second) return UsageError(fmt::format("two axes drive '{}'", axis.to));
  }
  return {};
}

}  // namespace

void AllowRepeats(Settings& settings) {
  for (SensorSettings& sensor : settings.sensors) sensor.refuse_frozen = sensor.refuse_blank = false;
}

Status Validate(const Settings& settings, int64_t chunk) {
  VLAQ_RETURN_IF_ERROR(CheckPeriods(settings.timing));
  VLAQ_RETURN_IF_ERROR(CheckSafety(settings));
  VLAQ_RETURN_IF_ERROR(CheckCoverage(settings, std::max<int64_t>(chunk, 1)));
  VLAQ_RETURN_IF_ERROR(CheckAxes(settings.axes));
  if (settings.sensors.empty() || settings.sensors.size() > kMaxSensors) {
    return UsageError(
        fmt::format("{} cameras and sensors; a policy is driven by 1 to {}", settings.sensors.size(), kMaxSensors));
  }
  return {};
}

}  // namespace vlaq::robot
