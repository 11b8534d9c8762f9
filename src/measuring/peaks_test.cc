#include "measuring/peaks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/machine.h"

namespace vlaq::measuring {
namespace {

// Loose bounds that hold for any processor since 2010, so that a kernel that the compiler left out, or a count that is
// off by its width, shows.
TEST(MeasurePeaks, AreWhatAProcessorCanDo) {
  const MachinePeaks peaks = MeasurePeaks(1);
  // An emulator (script/check aarch64) shows that the kernels run, at a hundredth of the speed.
  const double slowest = std::getenv("VLAQ_EMULATED") != nullptr ? 0.01 : 1;
  EXPECT_GT(peaks.fp32_macs_per_s, 1e8 * slowest);
  EXPECT_LT(peaks.fp32_macs_per_s, 1e12) << "two 512-bit units at 10 GHz would do 3e11";
  if (!peaks.int8_kernel.empty()) {
    EXPECT_GT(peaks.int8_macs_per_s, 1e9 * slowest);
    EXPECT_LT(peaks.int8_macs_per_s, 4e12);
  }
  EXPECT_GT(peaks.bytes_per_s, 1e8 * slowest);
  EXPECT_LT(peaks.bytes_per_s, 1e12);
  EXPECT_FALSE(peaks.fp32_kernel.empty());
#if defined(__aarch64__) && !defined(__clang__)
  EXPECT_EQ(peaks.fp32_kernel, "neon");
  for (const CpuFeature& feature : ThisMachine().features) {
    if (feature.name != "asimddp") continue;
    EXPECT_EQ(peaks.int8_kernel, feature.present ? "neon dotprod" : "");
  }
#endif
}

}  // namespace
}  // namespace vlaq::measuring
