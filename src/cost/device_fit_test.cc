#include "cost/device_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/cost_for_test.h"

namespace vlaq::cost {
namespace {

using ::testing::ElementsAre;

const PrecisionFit& At(const std::vector<PrecisionFit>& fits, std::string_view name) {
  return *std::ranges::find_if(fits, [&](const PrecisionFit& fit) { return fit.precision->name == name; });
}

Device WithMemory(uint64_t bytes) {
  Device device = SlowDevice();
  device.memory_bytes = bytes;
  return device;
}

TEST(MemoryOf, TakesOffOnlyWhatIsKnown) {
  Device device = WithMemory(1000);
  EXPECT_EQ(MemoryOf(device).available, 1000U);
  EXPECT_FALSE(MemoryOf(device).reserved);
  device.reserved_bytes = 300;
  EXPECT_EQ(MemoryOf(device).available, 700U);
}

TEST(FitOf, RunningHoldsBothEnginesAndOneFileWhileItLoads) {
  const auto fits = FitOf(SmallPolicy(), WithMemory(1'000'000), 0);
  ASSERT_EQ(fits.size(), 3U) << "tf32 takes what fp32 takes";
  const RunFit& split = At(fits, "fp16").runs[0];
  EXPECT_THAT(split.engines, ElementsAre("encoder", "head"));
  EXPECT_EQ(split.weights, 2U * (100 + 400));
  EXPECT_EQ(split.activations, 2U * 20);
  EXPECT_EQ(split.loading, 2U * 400);
  EXPECT_TRUE(split.fits);
  const uint64_t needed = split.running() + split.loading;
  EXPECT_TRUE(At(FitOf(SmallPolicy(), WithMemory(needed), 0), "fp16").runs[0].fits);
  EXPECT_FALSE(At(FitOf(SmallPolicy(), WithMemory(needed - 1), 0), "fp16").runs[0].fits);
}

// fp16 of 500 numbers stored as fp32, workspace 1000; the head (400) is the larger engine.
TEST(FitOf, EachWayOfBuildingNeedsLessThanTheOneBefore) {
  const auto fits = FitOf(SmallPolicy(), WithMemory(1'000'000), 1000);
  const auto& builds = At(fits, "fp16").builds;
  std::vector<uint64_t> peaks;
  for (const BuildFit& build : builds) peaks.push_back(build.peak());
  EXPECT_THAT(peaks, ElementsAre(2000 + 1000 + 1000 + 1000 + 20,  // whole
                                 2000 + 1000 + 1000 + 1000 + 40,  // both at once
                                 1600 + 800 + 800 + 1000 + 20,    // the larger
                                 800 + 800 + 800 + 1000 + 20,     // stored as fp16
                                 800 + 800 + 1000 + 20));         // weights stripped
  EXPECT_EQ(At(fits, "fp16").advised, 0U);
  EXPECT_EQ(At(FitOf(SmallPolicy(), WithMemory(5019), 1000), "fp16").advised, 2U);
  EXPECT_EQ(At(FitOf(SmallPolicy(), WithMemory(4219), 1000), "fp16").advised, 3U);
  EXPECT_EQ(At(FitOf(SmallPolicy(), WithMemory(2620), 1000), "fp16").advised, 4U);
  EXPECT_FALSE(At(FitOf(SmallPolicy(), WithMemory(2619), 1000), "fp16").advised);
}

TEST(FitOf, AWiderEngineThanTheBundleIsNotStoredSmaller) {
  ModelCost cost = SmallPolicy();
  for (GraphCost& graph : cost.graphs) graph.work.stored[0].bytes /= 4;  // int8
  const auto fits = FitOf(cost, WithMemory(1'000'000), 0);
  EXPECT_EQ(At(fits, "fp16").builds[2].stored, 400U);
  EXPECT_EQ(At(fits, "fp16").builds[3].stored, 400U);
}

}  // namespace
}  // namespace vlaq::cost
