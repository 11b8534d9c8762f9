// What this machine could do at best: own micro-benchmarks of its arithmetic and its memory, for rooflines. The best of
// several short runs, since a peak is what nothing disturbs.
#pragma once

#include <string>
#include <vector>

#include "bench/peak_kernels.h"

namespace vlaq::bench {

struct MachinePeaks {
  struct Rate {
    double macs_per_s = 0;  // 0: this processor has no instruction for it that is known here
    std::string kernel;     // the fastest of peak_kernels.h: "amx_int8"
  };
  Rate fp32, bf16, int8;
  double bytes_per_s = 0;  // read from memory, beyond all caches
  int streams = 0;         // places that each thread reads at in turn, where that was fastest
};

// All `threads` at once; takes about two seconds. threads >= 1.
MachinePeaks MeasurePeaks(int threads);
// Multiply-accumulates a second of one kernel, by `threads` at once.
double MacsPerSecond(const PeakKernel& kernel, int threads);

}  // namespace vlaq::bench
