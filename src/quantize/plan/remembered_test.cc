#include "quantize/plan/remembered.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/output.h"
#include "base/testing.h"

namespace vlaq::plan {
namespace {

using numerics::Plan;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Says what it is told to and counts; after `left` measurements it fails, as when the machine goes down.
class CountingEvaluator : public SensitivityEvaluator {
 public:
  CountingEvaluator(int& count, int left) : count_(count), left_(left) {}

  Result<ActionError> Measure(const Plan& plan, Scope scope) override {
    if (left_-- == 0) return Error{ErrorCode::kBackend, "interrupted", "", ""};
    ++count_;
    ActionError effect;
    effect.steps = scope == Scope::kAll ? 20 : 5;
    effect.mae = static_cast<double>(plan.precision.size()) / 3;
    effect.mae_increase_most = kInfinity;
    effect.moved_mean = std::nan("");
    effect.directions = 0.1 + static_cast<double>(plan.precision.size());
    return effect;
  }

 private:
  int& count_;
  int left_;
};

Plan Of(const std::string& precision) {
  Plan plan;
  plan.precision = precision;
  return plan;
}

class RememberedTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<SensitivityEvaluator>> Open(const Json& key = {{"episodes", "e"}}, int left = -1) {
    return Remembering(std::make_unique<CountingEvaluator>(count_, left), file_, key, SilentLog());
  }
  std::unique_ptr<SensitivityEvaluator> MustOpen(int left = -1) {
    auto evaluator = Open({{"episodes", "e"}}, left);
    EXPECT_TRUE(evaluator.ok()) << evaluator.error().ToString();
    return std::move(*evaluator);
  }
  void ExpectRefused(const std::string& text, const std::string& message) {
    ASSERT_TRUE(WriteFile(file_.path, text, Existing::kReplace).ok());
    const auto evaluator = Open();
    ASSERT_FALSE(evaluator.ok()) << text;
    EXPECT_EQ(evaluator.error().code, ErrorCode::kInput);
    EXPECT_THAT(evaluator.error().ToString(),
                AllOf(HasSubstr("plan.json.part"), HasSubstr(message), HasSubstr("anew")));
  }

  TemporaryFolder folder_;
  ResumeFile file_ = MeasurementsBeside(folder_.path() / "plan.json");
  int count_ = 0;
};

TEST_F(RememberedTest, AnInterruptedSearchMeasuresNothingTwice) {
  const std::vector<std::pair<Plan, SensitivityEvaluator::Scope>> asked{
      {Of("a"), SensitivityEvaluator::Scope::kRanking},
      {Of("bb"), SensitivityEvaluator::Scope::kRanking},
      {Of("a"), SensitivityEvaluator::Scope::kAll},
      {Of("bb"), SensitivityEvaluator::Scope::kAll}};
  std::vector<ActionError> whole;
  int undisturbed = 0;
  CountingEvaluator plain(undisturbed, -1);
  for (const auto& [plan, scope] : asked) whole.push_back(*plain.Measure(plan, scope));

  {
    const auto evaluator = MustOpen(3);
    for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(evaluator->Measure(asked[i].first, asked[i].second).ok());
    EXPECT_FALSE(evaluator->Measure(asked[3].first, asked[3].second).ok());
  }
  EXPECT_EQ(count_, 3);
  const auto evaluator = MustOpen();
  for (size_t i = 0; i < asked.size(); ++i) {
    const auto effect = evaluator->Measure(asked[i].first, asked[i].second);
    ASSERT_TRUE(effect.ok());
    EXPECT_EQ(effect->steps, whole[i].steps);
    EXPECT_EQ(effect->mae, whole[i].mae) << "to the last bit";
    EXPECT_EQ(effect->directions, whole[i].directions);
    EXPECT_EQ(effect->mae_increase_most, kInfinity);
    EXPECT_TRUE(std::isnan(effect->moved_mean));
  }
  EXPECT_EQ(count_, 4);
  RemoveResumeFile(file_);
  EXPECT_FALSE(std::filesystem::exists(file_.path));
}

TEST_F(RememberedTest, OtherWorkAndDamageAreRefused) {
  ASSERT_TRUE(MustOpen()->Measure(Of("a"), SensitivityEvaluator::Scope::kAll).ok());
  const auto other = Open({{"episodes", "f"}});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kUsage);
  EXPECT_THAT(other.error().ToString(),
              HasSubstr("`vlaq plan quantize` with another episodes: \"e\" instead of \"f\""));
  const auto more = Open(Json::object());
  ASSERT_FALSE(more.ok());
  EXPECT_THAT(more.error().ToString(), HasSubstr("is of another `vlaq plan quantize`"));

  const std::string head = R"({"schema":"vlaq.plan.part/1","key":{"episodes":"e"},)";
  ExpectRefused("{", "anew");
  ExpectRefused(R"({"schema":"vlaq.plan/1"})", "is not what an interrupted");
  ExpectRefused(head + R"("measured":[]})", "measured must be an object");
  ExpectRefused(head + R"("measured":{"all 1":3}})", R"(measured["all 1"] must be an object)");
  ExpectRefused(head + R"("measured":{"all 1":{"mae":1}}})", R"(measured["all 1"].steps is missing)");
  ExpectRefused(head + R"("measured":{"all 1":{"steps":3,"mae":"most"}}})",
                R"(measured["all 1"].mae must be a number)");
}

}  // namespace
}  // namespace vlaq::plan
