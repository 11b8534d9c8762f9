// Noise that the executor draws.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/executor.h"
#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using policy::InputType;
using policy::NoiseKind;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NoiseTest : public ExecutorTest {
 protected:
  void UseNoise(NoiseKind kind, DType dtype = DType::kF32, Shape shape = {5}) {
    policy_.inputs = {StateInput("n", std::move(shape), dtype)};
    policy_.inputs[0].type = InputType::kNoise;
    policy_.inputs[0].noise = kind;
    policy_.outputs = {ActionOutput("y", {-1})};
    policy_.outputs[0].dtype = dtype;
    policy_.schedules["only"] = {Concat({"n"}, 1, "y")};
  }
  static std::vector<float> Draw(Executor& executor) {
    const auto outputs = executor.Step({});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return ValuesOf(outputs->at("y"));
  }
};

TEST_F(NoiseTest, IsTheSameForASeedAndAnotherAtEachStep) {
  UseNoise(NoiseKind::kNormal);
  Executor a = Open(3);
  Executor b = Open(3);
  Executor other = Open(4);
  const auto first = Draw(a);
  EXPECT_EQ(Draw(b), first);
  EXPECT_NE(Draw(other), first);
  const auto second = Draw(a);
  EXPECT_NE(second, first);
  a.Reset();
  EXPECT_EQ(Draw(a), first);
  const auto given = a.Step({{"n", Floats({1, 2, 3, 4, 5})}});
  EXPECT_THAT(ValuesOf(given->at("y")), ElementsAre(1, 2, 3, 4, 5)) << "what is given wins";
  Draw(b);
  EXPECT_EQ(Draw(a), Draw(b)) << "and does not move what comes after";
}

TEST_F(NoiseTest, EachInputHasItsOwn) {
  UseNoise(NoiseKind::kNormal);
  policy_.inputs.push_back(policy_.inputs[0]);
  policy_.inputs[1].name = "m";
  policy_.schedules["only"] = {Concat({"n", "m"}, 1, "y")};
  Executor executor = Open();
  const auto both = Draw(executor);
  ASSERT_EQ(both.size(), 10U);
  EXPECT_NE(std::vector(both.begin(), both.begin() + 5), std::vector(both.begin() + 5, both.end()));
  executor.Reset();
  const auto one = executor.Step({{"n", Floats({1, 2, 3, 4, 5})}});
  EXPECT_EQ(std::vector(both.begin() + 5, both.end()),
            std::vector(one->at("y").data<float>().begin() + 5, one->at("y").data<float>().end()));
}

TEST_F(NoiseTest, HasTheDistributionThatThePolicyNames) {
  for (const NoiseKind kind : {NoiseKind::kNormal, NoiseKind::kUniform, NoiseKind::kZeros}) {
    UseNoise(kind, DType::kF32, {40000});
    Executor executor = Open(1);
    const auto values = Draw(executor);
    double sum = 0;
    double squares = 0;
    for (const float x : values) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    const double mean = sum / 40000;
    const double variance = squares / 40000 - mean * mean;
    EXPECT_NEAR(mean, kind == NoiseKind::kUniform ? 0.5 : 0, 0.02);
    EXPECT_NEAR(variance, kind == NoiseKind::kNormal ? 1 : kind == NoiseKind::kUniform ? 1.0 / 12 : 0, 0.03);
    if (kind == NoiseKind::kUniform) {
      EXPECT_THAT(values, Each(AllOf(::testing::Ge(0.0F), ::testing::Lt(1.0F))));
    }
  }
}

TEST_F(NoiseTest, UniformNoiseStaysBelowOneInNarrowTypes) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    UseNoise(NoiseKind::kUniform, dtype, {20000});
    Executor executor = Open();
    const auto outputs = executor.Step({});
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    const uint16_t one = dtype == DType::kF16 ? 0x3C00 : 0x3F80;
    for (size_t i = 0; i < 20000; ++i) ASSERT_LT(LoadLittle<uint16_t>(outputs->at("y").bytes(), 2 * i), one);
  }
}

TEST_F(NoiseTest, CannotBeDrawnWithoutExtentsOrInIntegers) {
  UseNoise(NoiseKind::kNormal, DType::kF32, {-1});
  Executor executor = Open();
  EXPECT_THAT(StepError(executor, {}, ErrorCode::kUsage),
              AllOf(HasSubstr("'n'"), HasSubstr("[-1]"), HasSubstr("give it")));
  EXPECT_TRUE(executor.Step({{"n", Floats({1})}}).ok());
  UseNoise(NoiseKind::kNormal, DType::kI64);
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("inputs.n"), HasSubstr("int64")));
}

}  // namespace
}  // namespace vlaq::runtime::testing
