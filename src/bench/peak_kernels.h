// Loops that do nothing but multiply and add, one for each set of instructions that does it fast: what a processor can
// do at best. Not aware of: clocks, threads (peaks.h). Any number of threads may run them at once.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace vlaq::bench {

struct PeakKernel {
  std::string_view name;        // as the kernel of the system spells it where it has a name: "avx512_vnni"
  std::string_view arithmetic;  // what is multiplied: "float32", "bfloat16", "int8"
  double macs_per_round = 0;
  // Multiplies and adds ones, and returns the sum over all accumulators: macs_per_round * rounds, if the work was
  // really done (exactly up to a million rounds; float32 counts no further).
  double (*run)(int64_t rounds) = nullptr;
};

// Those that this processor has and this system permits. At least one of float32.
std::vector<PeakKernel> PeakKernels();

// The part of it for Intel's tiles (AMX), which a process must ask for: empty where there are none or they are refused.
std::vector<PeakKernel> TileKernels();

}  // namespace vlaq::bench
