#include <gtest/gtest.h>

#include <array>

#include "families/kosmos2_lstm/kosmos2_lstm.h"

namespace vlaq::kosmos2_lstm {
namespace {

TEST(Traits, NineDirectionsAndAThresholdThatItselfMeansStop) {
  struct Case {
    double forward, left;
    std::string_view name;
  };
  const families::Traits& traits = Kosmos2Lstm().traits();
  ASSERT_TRUE(traits.action_classes.has_value());
  for (const Case& c :
       {Case{0, 0, "stop"}, Case{1, 0, "F"}, Case{-1, 0, "B"}, Case{0, 1, "L"}, Case{0, -1, "R"}, Case{1, 1, "FL"},
        Case{1, -1, "FR"}, Case{-1, 1, "BL"}, Case{-1, -1, "BR"}, Case{0.3, -0.3, "stop"}, Case{0.3001, 0.3, "F"},
        Case{0.3, 0.3001, "L"}, Case{-0.3001, -0.3, "B"}, Case{-0.3, -0.3001, "R"}, Case{0.3001, -0.3001, "FR"}}) {
    const std::array action{c.forward, c.left};
    EXPECT_EQ(traits.action_classes->names[traits.action_classes->classify(action)], c.name)
        << c.forward << ", " << c.left;
  }
  const std::array one{1.0};
  EXPECT_EQ(traits.action_classes->names[traits.action_classes->classify(one)], "F");
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
