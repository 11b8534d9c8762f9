#include "quantize/plan/smoothing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantize/numerics/smooth.h"
#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

using numerics::ActivationStatistics;
using numerics::Plan;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SmallBundle;

class SmoothingTest : public ::testing::Test {
 protected:
  SmoothingTest() : statistics_(testing::StatisticsOf(made_.bundle(), {{"x", testing::RandomFloats({1, 4, 8}, 5)}})) {
    // One channel far larger than the others, which is what smoothing is for.
    statistics_.values.at("block/norm").channel_absmax[3] *= 100;
  }

  Plan Planned(const std::string& target = "portable") const {
    const auto plan = MakePlan(made_.bundle(), **target::Find(target), &statistics_, {});
    EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().ToString());
    return plan.ok() ? plan->plan : Plan();
  }
  Status Smooth(std::optional<double> alpha, Plan& plan) const {
    return AddSmoothing(made_.bundle(), *ReadOperators(made_.bundle()), statistics_, alpha, plan);
  }
  // max |X_j| / s_j by the formula.
  double LargestSmoothed(double alpha) const {
    std::vector<Tensor> weights;
    for (const char* name : {"wq", "wkey"}) {
      const std::string text(name);
      weights.push_back(testing::RandomFloats({8, 8}, text.size() * 31 + static_cast<uint64_t>(text.front())));
    }
    const std::vector<float> rows = *numerics::WeightRowAbsmax(weights);
    const std::vector<float>& absmax = statistics_.values.at("block/norm").channel_absmax;
    double most = 0;
    for (size_t j = 0; j < rows.size(); ++j) {
      const auto seen = static_cast<double>(absmax[j]), row = static_cast<double>(rows[j]);
      most = std::max(most, seen * std::pow(row, 1 - alpha) / std::pow(seen, alpha));
    }
    return most;
  }

  const SmallBundle made_{testing::SmallPolicy()};
  ActivationStatistics statistics_;
};

TEST_F(SmoothingTest, RangesBecomeThoseOfTheSmoothedValue) {
  Plan plan = Planned();
  const double before = plan.Find("block/q/MatMul")->activation->range->high;
  ASSERT_TRUE(Smooth(0.5, plan).ok());
  ASSERT_EQ(plan.smooth.size(), 1U);
  EXPECT_EQ(plan.smooth[0].value, "block/norm");
  EXPECT_EQ(plan.smooth[0].alpha, 0.5);
  EXPECT_THAT(plan.smooth[0].nodes, ElementsAre("block/q/MatMul", "block/k/MatMul"));
  for (const char* node : {"block/q/MatMul", "block/k/MatMul"}) {
    const auto& range = *plan.Find(node)->activation->range;
    EXPECT_NEAR(range.high, LargestSmoothed(0.5), 1e-3 * range.high) << node;
    EXPECT_EQ(range.low, -range.high) << node;
    EXPECT_NE(range.high, before) << node;
  }
}

TEST_F(SmoothingTest, AnEstimateChoosesItsAlpha) {
  Plan plan = Planned();
  ASSERT_TRUE(Smooth(std::nullopt, plan).ok());
  ASSERT_EQ(plan.smooth.size(), 1U) << "one channel is far larger than the others: some alpha must help";
  EXPECT_GT(plan.smooth[0].alpha, 0);
}

TEST_F(SmoothingTest, ReadersThatDoNotQuantizeTheirActivationsLeaveItAlone) {
  Plan plan = Planned();
  for (auto& choice : plan.operators) {
    if (choice.node == "block/k/MatMul") choice.form = numerics::Form::kFloat;
  }
  ASSERT_TRUE(Smooth(0.5, plan).ok());
  EXPECT_THAT(plan.smooth, IsEmpty());
}

TEST_F(SmoothingTest, ChannelsMustHaveBeenSeen) {
  Plan plan = Planned();
  statistics_.values.at("block/norm").channel_absmax.clear();
  const Status status = Smooth(0.5, plan);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().ToString(), HasSubstr("'block/norm': has no statistics by channel"));
}

}  // namespace
}  // namespace vlaq::plan
