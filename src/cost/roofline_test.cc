// Rooflines, claims and what fits, on a model whose figures can be worked out by hand.
#include "cost/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/claims.h"
#include "cost/cost_for_test.h"

namespace vlaq::cost {
namespace {

const PrecisionRow& PrecisionNamed(std::string_view name) {
  return *std::ranges::find(kPrecisions, name, &PrecisionRow::name);
}

Limit At(const ModelCost& cost, const char* scenario, const char* precision) {
  const Device device = SlowDevice();
  const auto limit =
      LimitOf(cost, *cost.FindScenario(scenario), device, device.modes.back(), PrecisionNamed(precision));
  EXPECT_TRUE(limit) << precision;
  return limit.value_or(Limit{});
}

TEST(Limit, IsTheLargerOfArithmeticAndMemoryForEachEngine) {
  const ModelCost cost = SmallPolicy();
  // Encoder: 2000 MACs at 1000 a second, 100 weights of 4 bytes at 1000 bytes a second.
  const Limit frame = At(cost, "frame", "fp32");
  EXPECT_DOUBLE_EQ(frame.seconds, 2);
  EXPECT_DOUBLE_EQ(*frame.memory_s, 0.4);
  EXPECT_EQ(frame.bound, BoundBy::kArithmetic);
  // Head: 10 MACs, but 400 weights.
  const Limit step = At(cost, "step_streaming", "fp32");
  EXPECT_DOUBLE_EQ(step.seconds, 2 + 1.6);
  EXPECT_EQ(step.bound, BoundBy::kArithmetic);
  // At int8 the encoder takes 0.2 s, the head's weights 0.4 s.
  const Limit fast = At(cost, "step_streaming", "int8");
  EXPECT_DOUBLE_EQ(fast.seconds, 0.2 + 0.4);
  EXPECT_EQ(fast.bound, BoundBy::kMemory);
}

TEST(Limit, IsAbsentWhereThePeakIsAndWithoutBandwidthArithmeticOnly) {
  const ModelCost cost = SmallPolicy();
  Device device = SlowDevice();
  EXPECT_FALSE(LimitOf(cost, cost.scenarios[0], device, device.modes[0], PrecisionNamed("fp16")));
  device.bytes_per_s.reset();
  const auto limit = LimitOf(cost, cost.scenarios[1], device, device.modes[0], PrecisionNamed("int8"));
  ASSERT_TRUE(limit);
  EXPECT_FALSE(limit->memory_s);
  EXPECT_DOUBLE_EQ(limit->seconds, 0.201);
}

TEST(Limit, WhatTheCacheKeepsIsNotReadAgain) {
  const ModelCost cost = SmallPolicy();
  Device device = SlowDevice();
  device.cache_bytes = 150;
  const Scenario& step = *cost.FindScenario("step_streaming");
  EXPECT_DOUBLE_EQ(WeightsRead(cost, step, device, PrecisionNamed("int8")), 0 + 250);
  EXPECT_DOUBLE_EQ(*LimitOf(cost, step, device, device.modes[0], PrecisionNamed("int8"))->memory_s, 0.25);
}

TEST(Size, ClaimsAreHeldAgainstTheSmallestFormat) {
  const ModelCost cost = SmallPolicy();  // 480 parameters
  const SizeVerdict tiny = JudgeSize(cost, 48);
  EXPECT_FALSE(tiny.possible);
  EXPECT_DOUBLE_EQ(tiny.bits_per_parameter, 0.8);
  EXPECT_THAT(tiny.share, ::testing::ElementsAre(0.025, 0.05, 0.1, 0.2));
  EXPECT_FALSE(JudgeSize(cost, 239).possible);
  EXPECT_TRUE(JudgeSize(cost, 240).possible) << "all of them at 4 bits";
  EXPECT_EQ(JudgeSize(cost, 5000).share.front(), 1);
}

TEST(Size, SmallestBytesRoundUp) {
  EXPECT_EQ(SmallestBytes(1'703'973'122, kFormats[0]), 6'815'892'488U);
  EXPECT_EQ(SmallestBytes(3, kFormats[3]), 2U);
  EXPECT_EQ(SmallestBytes(9, kFormats[3]), 5U);
}

TEST(Rate, ClaimsAreHeldAgainstTheBestPrecision) {
  const ModelCost cost = SmallPolicy();
  const Device device = SlowDevice();
  const auto fast = JudgeRate(cost, 50, device, device.modes[0]);
  ASSERT_TRUE(fast.ok());
  EXPECT_FALSE(fast->possible);
  ASSERT_EQ(fast->needs.size(), 2U) << "fp32 and int8";
  EXPECT_DOUBLE_EQ(fast->needs[1].macs_per_s, 100'000);
  EXPECT_DOUBLE_EQ(fast->needs[1].times_peak, 10);
  EXPECT_DOUBLE_EQ(*fast->needs[1].times_bandwidth, 5);
  EXPECT_TRUE(JudgeRate(cost, 5, device, device.modes[0])->possible) << "0.2 s a frame at int8";
  EXPECT_FALSE(JudgeRate(cost, 5.1, device, device.modes[0])->possible);
  EXPECT_FALSE(JudgeRate(cost, 1, device, PowerMode{"off", {}, {}, "", true}).ok());
}

}  // namespace
}  // namespace vlaq::cost
