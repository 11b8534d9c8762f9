#include "robot/states.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/names.h"

namespace vlaq::robot {
namespace {

constexpr std::array kStateNames{Named{State::kDisarmed, "DISARMED"}, Named{State::kArmed, "ARMED"},
                                 Named{State::kRun, "RUN"}, Named{State::kHold, "HOLD"}, Named{State::kEstop, "ESTOP"}};
constexpr std::array kEventNames{Named{Event::kArm, "arm"},      Named{Event::kAction, "action"},
                                 Named{Event::kFault, "fault"},  Named{Event::kStop, "stop"},
                                 Named{Event::kReset, "reset"},  Named{Event::kResume, "resume"},
                                 Named{Event::kDisarm, "disarm"}};

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

std::string_view Name(State state) { return NameIn(kStateNames, state); }
std::string_view Name(Event event) { return NameIn(kEventNames, event); }
std::optional<State> FindState(std::string_view name) { return FindIn(kStateNames, name); }

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
