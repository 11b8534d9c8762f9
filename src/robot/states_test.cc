#include "robot/states.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

namespace vlaq::robot {
namespace {

constexpr std::array kAllStates{State::kDisarmed, State::kArmed, State::kRun, State::kHold, State::kEstop};
constexpr std::array kAllEvents{Event::kArm,   Event::kAction, Event::kFault, Event::kStop,
                                Event::kReset, Event::kResume, Event::kDisarm};

// Told as people tell it: only what leads somewhere.
TEST(StatesTest, EveryWayBetweenThemAndNoOther) {
  const std::map<std::pair<State, Event>, State> ways{
      {{State::kDisarmed, Event::kArm}, State::kArmed},  {{State::kDisarmed, Event::kStop}, State::kEstop},
      {{State::kArmed, Event::kAction}, State::kRun},    {{State::kArmed, Event::kFault}, State::kHold},
      {{State::kArmed, Event::kStop}, State::kEstop},    {{State::kArmed, Event::kDisarm}, State::kDisarmed},
      {{State::kRun, Event::kFault}, State::kHold},      {{State::kRun, Event::kStop}, State::kEstop},
      {{State::kRun, Event::kDisarm}, State::kDisarmed}, {{State::kHold, Event::kStop}, State::kEstop},
      {{State::kHold, Event::kResume}, State::kArmed},   {{State::kHold, Event::kDisarm}, State::kDisarmed},
      {{State::kEstop, Event::kReset}, State::kHold},
  };
  for (const State state : kAllStates) {
    for (const Event event : kAllEvents) {
      const auto way = ways.find({state, event});
      EXPECT_EQ(Next(state, event), way == ways.end() ? state : way->second) << Name(state) << " " << Name(event);
    }
  }
}

TEST(StatesTest, OnlyTheOperatorLeadsBackToMotion) {
  // From where it stands still nothing that happens by itself leads to RUN, not even many such events.
  for (const State state : {State::kDisarmed, State::kHold, State::kEstop}) {
    for (const Event first : {Event::kAction, Event::kFault}) {
      for (const Event second : {Event::kAction, Event::kFault}) EXPECT_EQ(Next(Next(state, first), second), state);
    }
  }
  // And from an emergency stop it takes two orders.
  for (const Event order : {Event::kArm, Event::kReset, Event::kResume, Event::kDisarm}) {
    EXPECT_NE(Next(Next(State::kEstop, order), Event::kAction), State::kRun) << Name(order);
  }
}

TEST(StatesTest, OrdersAreFoundInAnyCase) {
  EXPECT_EQ(FindOrder("stop"), Event::kStop);
  EXPECT_EQ(FindOrder("  STOP\n"), Event::kStop);
  EXPECT_EQ(FindOrder("Resume"), Event::kResume);
  EXPECT_EQ(FindOrder("action"), std::nullopt);  // not the operator's to say
  EXPECT_EQ(FindOrder(""), std::nullopt);
  EXPECT_EQ(FindOrder("stop now"), std::nullopt);
}

}  // namespace
}  // namespace vlaq::robot
