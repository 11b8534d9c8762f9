#include "sim/layout.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

namespace vlaq::sim {
namespace {

using ::testing::HasSubstr;

TEST(Layout, IsTheSameForASeed) {
  const Layout a = MakeLayout(42);
  const Layout b = MakeLayout(42);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.instruction, b.instruction);
  EXPECT_EQ(a.bottle.x, b.bottle.x);
  EXPECT_EQ(a.look.light, b.look.light);
  EXPECT_NE(a.bottle.x, MakeLayout(43).bottle.x);
}

TEST(Layout, TellsTheSideInItsNameAndItsInstruction) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Layout layout = MakeLayout(seed);
    const std::string side(Name(layout.side));
    EXPECT_THAT(layout.name, HasSubstr("_" + side));
    EXPECT_THAT(layout.instruction, HasSubstr(side));
    EXPECT_EQ(layout.instruction, Instruction(layout.side, layout.phrase));
  }
}

TEST(Layout, SentencesOfTheTwoSidesDifferInThatWordOnly) {
  for (int phrase = 0; phrase < PhraseCount(); ++phrase) {
    std::string left = Instruction(Side::kLeft, phrase);
    const size_t at = left.find("left");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(left.replace(at, 4, "right"), Instruction(Side::kRight, phrase));
  }
}

TEST(Layout, AllKindsOfTheOriginalOccurAboutEvenly) {
  std::map<std::string, int> kinds;
  std::map<std::string, int> sides;
  constexpr int kSeeds = 800;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Layout layout = MakeLayout(seed);
    ++kinds[layout.name];
    ++sides[std::string(Name(layout.side))];
  }
  EXPECT_EQ(kinds.size(), 8U);  // 1box, 2box x hori, vert x left, right
  for (const auto& [name, count] : kinds) EXPECT_GT(count, kSeeds / 20) << name;
  EXPECT_NEAR(sides["left"], kSeeds / 2.0, 2.5 * std::sqrt(kSeeds));
}

// Nothing but the words may tell the side: not the look, not where things stand before they are adapted to it.
TEST(Layout, TheBoxesDoNotTellTheSide) {
  double left = 0;
  double right = 0;
  int lefts = 0;
  constexpr int kSeeds = 2000;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Layout layout = MakeLayout(seed);
    const bool is_left = layout.side == Side::kLeft;
    (is_left ? left : right) += layout.boxes.front().y;
    lefts += is_left ? 1 : 0;
  }
  EXPECT_NEAR(left / lefts, 0, 0.05);
  EXPECT_NEAR(right / (kSeeds - lefts), 0, 0.05);
}

TEST(Layout, StartAndBottleAreClearOfTheBoxes) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Layout layout = MakeLayout(seed);
    EXPECT_GT(DistanceToBoxes(layout, layout.start.x, layout.start.y), 0.5) << seed;
    EXPECT_GT(DistanceToBoxes(layout, layout.bottle.x, layout.bottle.y), 0.8) << seed;
    EXPECT_LT(layout.boxes.front().x, layout.boxes.back().x + 1e-9) << seed;
  }
}

TEST(Layout, DistanceToBoxesIsZeroInsideAndEuclideanOutside) {
  Layout layout;
  layout.boxes = {{.x = 2, .y = 0, .half_x = 0.5, .half_y = 0.25, .half_z = 0.3}};
  EXPECT_DOUBLE_EQ(DistanceToBoxes(layout, 2.2, 0.1), 0);
  EXPECT_DOUBLE_EQ(DistanceToBoxes(layout, 1.0, 0), 0.5);
  EXPECT_DOUBLE_EQ(DistanceToBoxes(layout, 2.5 + 0.3, 0.25 + 0.4), 0.5);
}

}  // namespace
}  // namespace vlaq::sim
