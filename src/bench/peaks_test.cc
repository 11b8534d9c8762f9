#include "bench/peaks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/machine.h"

namespace vlaq::bench {
namespace {

bool Has(const std::string& feature) {
  for (const CpuFeature& f : ThisMachine().features) {
    if (f.name == feature) return f.present;
  }
  return false;
}

// A kernel that the compiler left out, or whose count is off by its width, shows: it multiplies ones, and adds up what
// it says it does.
TEST(PeakKernelsTest, EachDoesTheProductsThatItCounts) {
  const auto kernels = PeakKernels();
  ASSERT_FALSE(kernels.empty());
  for (const PeakKernel& kernel : kernels) {
    for (const int64_t rounds : {int64_t{1}, int64_t{1000}}) {
      EXPECT_EQ(kernel.run(rounds), kernel.macs_per_round * static_cast<double>(rounds)) << kernel.name;
    }
    EXPECT_EQ(kernel.run(0), 0) << kernel.name;
  }
}

// Ten times the rounds take longer: the sum is not foreseen.
TEST(PeakKernelsTest, WorkTakesTime) {
  for (const PeakKernel& kernel : PeakKernels()) {
    const double rate = MacsPerSecond(kernel, 1);
    EXPECT_LT(rate, 1e10 * kernel.macs_per_round) << kernel.name << ": a round in less than 0.1 ns";
  }
}

// What the system says that the processor has is used. A system that says amx_int8 may still refuse it to a process.
TEST(PeakKernelsTest, EveryInstructionSetThatThisMachineHas) {
  std::set<std::string> names;
  for (const PeakKernel& kernel : PeakKernels()) names.emplace(kernel.name);
  for (const char* feature : {"avx512f", "avx_vnni", "avx512_vnni"})
    EXPECT_EQ(names.contains(feature), Has(feature)) << feature;
  EXPECT_TRUE(!names.contains("amx_int8") || Has("amx_int8"));
#if defined(__aarch64__) && !defined(__clang__)
  EXPECT_TRUE(names.contains("asimd"));
  for (const char* feature : {"asimddp", "i8mm"}) EXPECT_EQ(names.contains(feature), Has(feature)) << feature;
#endif
}

// Loose bounds that hold for any processor since 2010.
TEST(MeasurePeaks, AreWhatAProcessorCanDo) {
  const MachinePeaks peaks = MeasurePeaks(1);
  // An emulator (script/check aarch64) shows that the kernels run, at a hundredth of the speed.
  const double slowest = std::getenv("VLAQ_EMULATED") != nullptr ? 0.01 : 1;
  EXPECT_GT(peaks.fp32.macs_per_s, 1e8 * slowest);
  EXPECT_LT(peaks.fp32.macs_per_s, 1e12) << "two 512-bit units at 10 GHz would do 3e11";
  EXPECT_FALSE(peaks.fp32.kernel.empty());
  if (!peaks.int8.kernel.empty()) {
    EXPECT_GT(peaks.int8.macs_per_s, 1e9 * slowest);
    EXPECT_LT(peaks.int8.macs_per_s, 1e13) << "a tile product of 16,384 every 16 cycles at 9 GHz would do 9e12";
  }
  EXPECT_GT(peaks.bytes_per_s, 1e8 * slowest);
  EXPECT_LT(peaks.bytes_per_s, 1e12);
  EXPECT_GT(peaks.streams, 0);
}

// The peak of an arithmetic is that of its fastest instructions: tiles do more than vectors wherever they are there.
TEST(MeasurePeaks, TakesTheFastestInstructions) {
  if (TileKernels().empty()) GTEST_SKIP() << "this machine has no tiles, or refuses them";
  const MachinePeaks peaks = MeasurePeaks(1);
  EXPECT_EQ(peaks.int8.kernel, "amx_int8");
  EXPECT_EQ(peaks.bf16.kernel, "amx_bf16");
  for (const PeakKernel& kernel : PeakKernels()) {
    if (kernel.name != "avx512_vnni") continue;
    EXPECT_GT(peaks.int8.macs_per_s, 2 * MacsPerSecond(kernel, 1)) << "8 times by the tables";
  }
}

}  // namespace
}  // namespace vlaq::bench
