// What this machine could do at best: own micro-benchmarks of its arithmetic and its memory, for rooflines. The best of
// several short runs, since a peak is what nothing disturbs.
#pragma once

#include <cstdint>
#include <string>

namespace vlaq::measuring {

struct MachinePeaks {
  double fp32_macs_per_s = 0;
  double int8_macs_per_s = 0;            // 0: this processor has no instruction for it that is known here
  double bytes_per_s = 0;                // read from memory, beyond all caches
  std::string fp32_kernel, int8_kernel;  // "avx512f", "avx512_vnni", "portable"
};

// All `threads` at once; takes about a second. threads >= 1.
MachinePeaks MeasurePeaks(int threads);

}  // namespace vlaq::measuring
