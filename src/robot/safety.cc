#include "robot/safety.h"

#include <algorithm>
#include <cmath>

namespace vlaq::robot {

double StandingStill(const Axis& axis, double held) { return axis.kind == AxisKind::kVelocity ? 0.0 : held; }

bool ActionIsFresh(const SafetySettings& safety, Time now, Time covered_until) {
  return now - covered_until <= FromMs(safety.command_timeout_ms);
}

bool ObservationIsFresh(const SafetySettings& safety, Time now, Time usable_at) {
  return now - usable_at <= FromMs(safety.max_observation_age_ms);
}

bool ObservationIsTolerable(const SafetySettings& safety, Time now, Time usable_at) {
  return now - usable_at <= FromMs(safety.max_observation_age_ms) + FromMs(safety.command_timeout_ms);
}

bool AllFinite(std::span<const double> values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}
bool AllFinite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

double Limited(const Axis& axis, double wanted, double before, Time period, ReasonSet& noted) {
  const double within = std::clamp(wanted, axis.min, axis.max);
  if (within != wanted) noted |= Reason::kClamped;
  const double most = axis.max_rate * ToSeconds(period);
  const double result = std::clamp(within, before - most, before + most);
  if (result != within) noted |= Reason::kRateLimited;
  return result;
}

bool InferenceHangs(Time now, Time running_since, Time timeout) {
  return running_since != kNever && InferenceHung(now - running_since, timeout);
}

bool InferenceHung(Time took, Time timeout) { return took > timeout; }

bool MissedDeadline(const TimingSettings& timing, Time took) { return took > FromMs(timing.inference_period_ms); }

ReasonSet RangeStops(const SafetySettings& safety, Time now, double meters, Time read_at) {
  ReasonSet reasons;
  // Whoever reads a sensor is stopped by it, required or not; a reading that is no number is none.
  if (read_at != kNever && meters <= safety.range_stop_m) reasons |= Reason::kRangeStop;
  const bool silent = now - read_at > FromMs(safety.range_timeout_ms) || std::isnan(meters);
  if (silent && (safety.range_required || read_at != kNever)) reasons |= Reason::kRangeMissing;
  return reasons;
}

ReasonSet PeersMissing(const SafetySettings& safety, bool taken, bool heard, bool inference_gone) {
  ReasonSet reasons;
  if (safety.peer_required && !taken) reasons |= Reason::kPeerGone;
  if (safety.operator_required && !heard) reasons |= Reason::kOperatorGone;
  if (inference_gone) reasons |= Reason::kInferenceGone;
  return reasons;
}

bool MayArm(bool warm, bool placed, ReasonSet stopping) { return warm && placed && stopping.empty(); }

std::string AsShadow(std::string_view topic) {
  return "/vlaq/shadow" + std::string(topic.starts_with('/') ? "" : "/") + std::string(topic);
}

}  // namespace vlaq::robot
