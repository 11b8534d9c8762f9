#include "robot/states.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace vlaq::robot {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames{"DISARMED", "ARMED", "RUN", "HOLD", "ESTOP"};
constexpr std::array<std::string_view, kEvents> kEventNames{"arm",   "action", "fault", "stop",
                                                            "reset", "resume", "disarm"};

constexpr State kDisarmed = State::kDisarmed, kArmed = State::kArmed, kRun = State::kRun, kHold = State::kHold,
                kEstop = State::kEstop;
constexpr std::array<std::array<State, kEvents>, kStates> kTable{{
    //  arm        action     fault      stop    reset      resume     disarm
    {kArmed, kDisarmed, kDisarmed, kEstop, kDisarmed, kDisarmed, kDisarmed},  // DISARMED
    {kArmed, kRun, kHold, kEstop, kArmed, kArmed, kDisarmed},                 // ARMED
    {kRun, kRun, kHold, kEstop, kRun, kRun, kDisarmed},                       // RUN
    {kHold, kHold, kHold, kEstop, kHold, kArmed, kDisarmed},                  // HOLD
    {kEstop, kEstop, kEstop, kEstop, kHold, kEstop, kEstop},                  // ESTOP
}};

}  // namespace

std::string_view Name(State state) { return kStateNames[static_cast<size_t>(state)]; }
std::string_view Name(Event event) { return kEventNames[static_cast<size_t>(event)]; }

std::optional<Event> FindOrder(std::string_view word) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  std::string plain;
  for (const char c : word) plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  while (!plain.empty() && is_space(static_cast<unsigned char>(plain.back()))) plain.pop_back();
  plain.erase(plain.begin(), std::find_if_not(plain.begin(), plain.end(), is_space));
  for (const Event order : {Event::kArm, Event::kStop, Event::kReset, Event::kResume, Event::kDisarm}) {
    if (plain == Name(order)) return order;
  }
  return std::nullopt;
}

State Next(State state, Event event) { return kTable[static_cast<size_t>(state)][static_cast<size_t>(event)]; }

}  // namespace vlaq::robot
