// What "verified" needs.
#include "verify/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Report With(const std::vector<Against>& passed) {
  Report report;
  for (const Against against : passed) report.checks.push_back({0, "a check", true, "", {}, against});
  return report;
}

TEST(Verdict, ABundleThatAgreesWithItselfIsIntact) {
  const Conclusion c = Conclude(With({Against::kItself}), false);
  EXPECT_EQ(c.verdict, Verdict::kIntact);
  EXPECT_THAT(c.grounds, IsEmpty());
  ASSERT_EQ(c.missing.size(), 2U);
  EXPECT_THAT(c.missing[0].options, HasSubstr("--against"));
  EXPECT_THAT(c.missing[1].options, HasSubstr("--episodes"));
}

TEST(Verdict, TheCheckpointAloneLacksNumbersAndGoldenDataAloneAnIdentity) {
  const Conclusion checkpoint = Conclude(With({Against::kCheckpoint}), false);
  EXPECT_EQ(checkpoint.verdict, Verdict::kIntact);
  EXPECT_THAT(checkpoint.missing[0].options, HasSubstr("--golden"));
  EXPECT_EQ(Conclude(With({Against::kGolden}), false).verdict, Verdict::kIntact);
  const Conclusion both = Conclude(With({Against::kCheckpoint, Against::kGolden}), false);
  EXPECT_EQ(both.verdict, Verdict::kVerified);
  EXPECT_THAT(both.grounds, ElementsAre("the checkpoint and golden data"));
}

TEST(Verdict, ASourceOrEpisodesAreEnough) {
  EXPECT_EQ(Conclude(With({Against::kSource}), true).verdict, Verdict::kVerified);
  EXPECT_EQ(Conclude(With({Against::kEpisodes}), false).verdict, Verdict::kVerified);
  EXPECT_EQ(Conclude(With({Against::kSimulator}), false).verdict, Verdict::kIntact);
}

TEST(Verdict, OneFailureOrNothingAtAllFails) {
  Report report = With({Against::kEpisodes, Against::kSource});
  report.checks.push_back({3, "recorded actions", false, "", {}, Against::kEpisodes});
  EXPECT_EQ(Conclude(report, false).verdict, Verdict::kFailed);
  EXPECT_EQ(Conclude(Report(), false).verdict, Verdict::kFailed);
}

TEST(Verdict, ACheckThatIsNeededAndDidNotRunIsMissing) {
  Report report = With({Against::kSource});
  report.untestable.push_back({2, "kernels", "TensorRT is not here"});
  const Conclusion elsewhere = Conclude(report, true);
  EXPECT_EQ(elsewhere.verdict, Verdict::kVerified);
  EXPECT_THAT(elsewhere.except, ElementsAre("kernels"));
  report.untestable.push_back({1, "outputs against the source", "give --episodes DIR", true});
  const Conclusion needed = Conclude(report, true);
  EXPECT_EQ(needed.verdict, Verdict::kIntact);
  EXPECT_THAT(needed.missing[0].what, HasSubstr("outputs against the source: give --episodes DIR"));
}

}  // namespace
}  // namespace vlaq::verify
