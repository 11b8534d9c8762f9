// The safety rules, one function each (SAFE-04, SAFE-05 and so on name them in docs/robot.md). Each is a pure function
// of what it is given. SAFE-01 (every tick sends) and SAFE-11 (the tick waits for nobody) are properties of the loop,
// SAFE-08 of the table of states, SAFE-12 is AsShadow() and SAFE-13 the recorder. None asks for memory.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "robot/reasons.h"
#include "robot/settings.h"
#include "robot/time.h"

namespace vlaq::robot {

// SAFE-01: what stands still: 0, or for a position where it is held.
double StandingStill(const Axis& axis, double held);

// SAFE-02: true until command_timeout_ms after the last action that was due. `covered_until`: ChunkPlayer's.
bool ActionIsFresh(const SafetySettings& safety, Time now, Time covered_until);

// SAFE-03: whether inference may use an observation whose oldest part came at `usable_at`.
bool ObservationIsFresh(const SafetySettings& safety, Time now, Time usable_at);
// SAFE-03: whether the robot may go on without a fresher one: for command_timeout_ms more.
bool ObservationIsTolerable(const SafetySettings& safety, Time now, Time usable_at);

// SAFE-04
bool AllFinite(std::span<const double> values);
bool AllFinite(std::span<const float> values);

// SAFE-05: `wanted` held within the axis's limits, then within what may change in `period` since `before`. Adds
// kClamped and kRateLimited to `noted`.
double Limited(const Axis& axis, double wanted, double before, Time period, ReasonSet& noted);

// SAFE-06: whether an inference that began at `running_since` (kNever: none runs) takes too long.
bool InferenceHangs(Time now, Time running_since, Time timeout);
// SAFE-06: whether one that has ended took too long, which no tick may have seen.
bool InferenceHung(Time took, Time timeout);
// SAFE-06: whether one that took `took` missed the start of the next.
bool MissedDeadline(const TimingSettings& timing, Time took);

// SAFE-07: kRangeStop, kRangeMissing, or none. `meters`: the nearest reading at `read_at`; of no obstacle infinite.
ReasonSet RangeStops(const SafetySettings& safety, Time now, double meters, Time read_at);

// SAFE-09: what is not there. `taken`: somebody takes the commands; `heard`: somebody who can stop the robot is there.
ReasonSet PeersMissing(const SafetySettings& safety, bool taken, bool heard, bool inference_gone);

// SAFE-10: whether the robot may be armed: warm, nothing stops it, every axis knows its scale and limits, and where it
// is (`placed`, of positions).
bool MayArm(bool warm, bool placed, ReasonSet stopping);

// SAFE-12: the name that a topic's dry run is published under: "/cmd_vel" -> "/vlaq/shadow/cmd_vel".
std::string AsShadow(std::string_view topic);

}  // namespace vlaq::robot
