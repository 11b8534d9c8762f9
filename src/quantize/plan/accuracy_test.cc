#include "quantize/plan/accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "quantize/plan/groups.h"

namespace vlaq::plan {
namespace {

using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

OperatorChoice Int8(const std::string& node, const std::string& group, int64_t macs) {
  OperatorChoice choice;
  choice.node = node;
  choice.op_type = "MatMul";
  choice.group = group;
  choice.form = Form::kDynamicInt8;
  choice.weights = {{"w" + node, NumericType::kInt8, numerics::Granularity::kChannel, 1, 0, {}}};
  choice.activation = {"x" + node, NumericType::kUint8, std::nullopt, {}};
  choice.rule = "ORT-01";
  choice.macs = macs;
  return choice;
}

// Groups a, b, c, d; a has two operators.
Plan FourGroups() {
  Plan plan;
  plan.operators = {Int8("a1", "a", 10), Int8("a2", "a", 10), Int8("b", "b", 5), Int8("c", "c", 50), Int8("d", "d", 1)};
  return plan;
}

// Errors of quantized groups add up; those of float16 are a tenth. `together`: what two groups do only both at once.
class FakeEvaluator : public SensitivityEvaluator {
 public:
  explicit FakeEvaluator(std::map<std::string, double> errors) : errors_(std::move(errors)) {}

  Result<ActionError> Measure(const Plan& plan, Scope scope) override {
    (scope == Scope::kAll ? all : ranking) += 1;
    double error = 0;
    std::map<std::string, bool> seen;
    for (const OperatorChoice& choice : plan.operators) {
      if (choice.form == Form::kFloat || seen[choice.group]) continue;
      seen[choice.group] = true;
      error += errors_[choice.group] * (choice.form == Form::kHalf ? 0.1 : 1);
    }
    if (plan.rest == NumericType::kFloat16) error += errors_[std::string(kRestGroup)];
    for (const auto& [pair, both] : together) {
      if (seen[pair.first] && seen[pair.second]) error += both;
    }
    ActionError effect;
    effect.steps = 100;
    effect.mae_increase = effect.mae_increase_most = error;
    effect.moved_rms = effect.moved_mean = std::fabs(error);
    effect.moved_most = 3 * std::fabs(error);
    return effect;
  }

  int all = 0, ranking = 0;
  std::map<std::pair<std::string, std::string>, double> together;

 private:
  std::map<std::string, double> errors_;
};

MixedPrecision Hold(const Plan& plan, FakeEvaluator& evaluator, AccuracyGoal goal, AccuracyOptions options = {}) {
  const auto ranking = RankGroups(plan, evaluator, SilentLog());
  EXPECT_TRUE(ranking.ok());
  auto held = SearchMixedPrecision(plan, *ranking, goal, options, evaluator, SilentLog());
  EXPECT_TRUE(held.ok());
  return std::move(*held);
}

TEST(RankGroups, PutsTheWorstFirst) {
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}});
  const auto ranking = RankGroups(FourGroups(), evaluator, SilentLog());
  ASSERT_TRUE(ranking.ok());
  std::vector<std::string> order;
  for (const GroupSensitivity& group : *ranking) order.push_back(group.group);
  EXPECT_THAT(order, ElementsAre("b", "c", "a", "d"));
  EXPECT_DOUBLE_EQ((*ranking)[0].effect.moved_rms, 0.4);
  EXPECT_EQ((*ranking)[0].format, "dynamic_int8 int8");
  EXPECT_EQ((*ranking)[2].macs, 20);
  EXPECT_EQ(evaluator.ranking, 4);
}

TEST(RankGroups, PutsWhatIsNoNumberBeforeAll) {
  FakeEvaluator evaluator({{"a", 0.1}, {"d", std::numeric_limits<double>::quiet_NaN()}});
  const auto ranking = RankGroups(FourGroups(), evaluator, SilentLog());
  ASSERT_TRUE(ranking.ok());
  EXPECT_EQ(ranking->front().group, "d");
}

TEST(FindLeastActionError, FindsItWhereverItStands) {
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"d", std::numeric_limits<double>::quiet_NaN()}});
  const Plan plan = FourGroups();
  const auto least = FindLeastActionError(
      {OnlyGroup(plan, "d"), OnlyGroup(plan, "b"), OnlyGroup(plan, "a"), OnlyGroup(plan, "b")}, evaluator, SilentLog());
  ASSERT_TRUE(least.ok());
  EXPECT_EQ(least->index, 2U);
  ASSERT_EQ(least->effects.size(), 4U);
  EXPECT_DOUBLE_EQ(least->effects[1].moved_rms, 0.4);
}

TEST(SearchMixedPrecision, LeavesAPlanAloneThatHolds) {
  FakeEvaluator evaluator({{"a", 0.1}});
  const MixedPrecision held = Hold(FourGroups(), evaluator, {0.1, {}});
  EXPECT_TRUE(held.reached);
  EXPECT_THAT(held.reversions, IsEmpty());
  EXPECT_EQ(held.measurements, 1);
  EXPECT_EQ(QuantizedGroups(held.plan).size(), 4U);
}

TEST(SearchMixedPrecision, RevertsTheWorstFirstAndNoMore) {
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {"d", 0.01}});
  const MixedPrecision held = Hold(FourGroups(), evaluator, {0.35, {}});
  EXPECT_TRUE(held.reached);
  EXPECT_THAT(QuantizedGroups(held.plan), ElementsAre("a", "c", "d"));
  EXPECT_NEAR(held.after.mae_increase, 0.31, 1e-12);
  EXPECT_NEAR(held.before.mae_increase, 0.71, 1e-12);
  const OperatorChoice& reverted = *held.plan.Find("b");
  EXPECT_EQ(reverted.form, Form::kFloat);
  EXPECT_EQ(reverted.weights[0].number, NumericType::kFloat32);
  EXPECT_EQ(reverted.weights[0].name, "wb");
  EXPECT_FALSE(reverted.activation);
  EXPECT_EQ(reverted.rule, "ACC-01");
  EXPECT_THAT(reverted.reason, HasSubstr("0.4 RMS, 1.2 at most: number 1 of 4"));
  EXPECT_EQ(held.plan.Find("c")->rule, "ORT-01");
}

TEST(SearchMixedPrecision, HoldsTheLargestMovementToo) {
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {"d", 0.01}});
  const MixedPrecision held = Hold(FourGroups(), evaluator, {{}, 0.35});
  EXPECT_TRUE(held.reached);
  EXPECT_THAT(QuantizedGroups(held.plan), ElementsAre("a", "d"));
  FakeEvaluator again({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {"d", 0.01}});
  EXPECT_THAT(QuantizedGroups(Hold(FourGroups(), again, {0.35, 0.05}).plan), ElementsAre("d"));
}

// b and c make up for each other, so without b it is worse: the search takes it back and looks again.
TEST(SearchMixedPrecision, TakesBackWhatMakesItWorseAndRanksAgain) {
  FakeEvaluator evaluator({{"a", 0.2}, {"b", -0.4}, {"c", 0.3}, {"d", 0.25}});
  const MixedPrecision held = Hold(FourGroups(), evaluator, {0.12, {}});
  EXPECT_TRUE(held.reached);
  ASSERT_GE(held.reversions.size(), 2U);
  EXPECT_EQ(held.reversions[0].group, "b");
  EXPECT_FALSE(held.reversions[0].kept);
  EXPECT_TRUE(held.reversions[1].kept);
  EXPECT_EQ(held.plan.Find("b")->form, Form::kDynamicInt8);
  EXPECT_LE(held.after.mae_increase, 0.12);
  EXPECT_EQ(evaluator.ranking, 8);  // four groups, twice
}

// c and d hurt only together, so a and b, which rank first, are reverted for nothing and come back.
TEST(SearchMixedPrecision, GivesBackWhatItNeedNotHaveReverted) {
  FakeEvaluator evaluator({{"a", 0.06}, {"b", 0.05}, {"c", 0.04}, {"d", 0.03}});
  evaluator.together[{"c", "d"}] = 1;
  const MixedPrecision held = Hold(FourGroups(), evaluator, {0.16, {}});
  EXPECT_TRUE(held.reached);
  // Reverted: a, b, c. With d alone left there is room for a again, and for b, but not for c.
  EXPECT_THAT(held.restored, ElementsAre("a", "b"));
  EXPECT_THAT(QuantizedGroups(held.plan), ElementsAre("a", "b", "d"));
  EXPECT_EQ(held.plan.Find("a2")->rule, "ORT-01");
  EXPECT_NEAR(held.after.mae_increase, 0.14, 1e-12);
}

TEST(SearchMixedPrecision, GoesByFloat16WhereThePlanHasIt) {
  Plan plan = FourGroups();
  plan.rest = NumericType::kFloat16;
  plan.keep_float = {{"norm", "FP-03", "900"}};
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {std::string(kRestGroup), 0.001}});
  MixedPrecision held = Hold(plan, evaluator, {0.345, {}});
  EXPECT_TRUE(held.reached);
  EXPECT_EQ(held.plan.Find("b")->form, Form::kHalf);
  EXPECT_EQ(held.plan.Find("b")->weights[0].number, NumericType::kFloat16);
  EXPECT_EQ(held.reversions[0].to, "half float16");
  // So little that even float16 is too much: everything ends in float32.
  held = Hold(plan, evaluator, {0.0005, {}});
  EXPECT_TRUE(held.reached);
  EXPECT_EQ(held.plan.rest, NumericType::kFloat32);
  EXPECT_THAT(held.plan.keep_float, IsEmpty());
  for (const OperatorChoice& choice : held.plan.operators) {
    EXPECT_EQ(choice.form, choice.group == "d" ? held.plan.Find("d")->form : Form::kFloat) << choice.node;
  }
}

TEST(SearchMixedPrecision, SaysWhenItCannot) {
  FakeEvaluator evaluator({{"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {"d", 0.01}});
  AccuracyOptions options;
  options.max_measurements = 2;
  const MixedPrecision held = Hold(FourGroups(), evaluator, {0.05, {}}, options);
  EXPECT_FALSE(held.reached);
  EXPECT_EQ(held.measurements, 2);
  EXPECT_EQ(evaluator.all, 2);
}

TEST(SearchMixedPrecision, NeverKeepsActionsThatAreNoNumbers) {
  FakeEvaluator evaluator({{"b", std::numeric_limits<double>::quiet_NaN()}});
  const MixedPrecision held = Hold(FourGroups(), evaluator, {1e9, {}});
  EXPECT_TRUE(held.reached);
  EXPECT_THAT(QuantizedGroups(held.plan), ElementsAre("a", "c", "d"));
}

TEST(Groups, SmoothingGoesWithItsReaders) {
  Plan plan = FourGroups();
  plan.smooth = {{"xa", {"a1", "a2"}, 0.5}, {"xb", {"b"}, 0.5}};
  EXPECT_EQ(OnlyGroup(plan, "a").smooth.size(), 1U);
  EXPECT_EQ(OnlyGroup(plan, "c").smooth.size(), 0U);
  const Plan relaxed = Relaxed(plan, "a", "X", "why");
  ASSERT_EQ(relaxed.smooth.size(), 1U);
  EXPECT_EQ(relaxed.smooth[0].value, "xb");
  EXPECT_EQ(WithGroupOf(relaxed, plan, "a").smooth.size(), 2U);
}

}  // namespace
}  // namespace vlaq::plan
