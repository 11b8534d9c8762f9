// The states of a robot under control, and every way from one to another, as a table.
//
//   DISARMED --arm--> ARMED --action--> RUN --fault--> HOLD --resume--> ARMED
//   stop leads from anywhere to ESTOP, and reset from there to HOLD only: taking back an emergency stop never moves
//   the robot (as ISO 13850 asks), a second order does.
//
// Only RUN moves. Nothing but the operator leads out of DISARMED, HOLD and ESTOP.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vlaq::robot {

enum class State : uint8_t { kDisarmed, kArmed, kRun, kHold, kEstop };
inline constexpr size_t kStates = 5;

enum class Event : uint8_t {
  kArm,     // operator: may move once there is a fresh action; only when ready (SAFE-10)
  kAction,  // a fresh action is there
  kFault,   // something that stops the robot (reasons.h)
  kStop,    // operator: emergency stop
  kReset,   // operator: the emergency is over
  kResume,  // operator: go on after HOLD; only when ready
  kDisarm,  // operator: no more for now
};
inline constexpr size_t kEvents = 7;

std::string_view Name(State state);  // "DISARMED"
std::string_view Name(Event event);  // "arm"
std::optional<State> FindState(std::string_view name);
// What an operator may say: "arm", "stop", "reset", "resume", "disarm", in any case, blanks around it ignored.
std::optional<Event> FindOrder(std::string_view word);

// Where `event` leads from `state`; the same state if it leads nowhere.
State Next(State state, Event event);

}  // namespace vlaq::robot
