// What rounding did to one tensor, in several metrics that each see another failure, as a whole and for the worst of
// its scales: two channels whose scales were swapped hardly show in the whole, but stand out there.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/status.h"
#include "quantization/plan.h"
#include "tensor/difference.h"
#include "tensor/tensor.h"

namespace vlaq::quantization {

class Distortion {
 public:
  // All values of one scale group, original and as they are read back.
  void AddGroup(int64_t group, const Difference& difference, int64_t clipped);

  const Difference& difference() const { return difference_; }
  double signal_to_noise_db() const { return difference_.signal_to_noise_db(); }
  // Over the groups that are not all zero; infinity if there are none.
  double worst_group_db() const { return worst_group_db_; }
  int64_t worst_group() const { return worst_group_; }  // -1 if there are none
  // Values beyond the range of their scale, by more than half a step.
  int64_t clipped() const { return clipped_; }

 private:
  Difference difference_;
  double worst_group_db_ = std::numeric_limits<double>::infinity();
  int64_t worst_group_ = -1;
  int64_t clipped_ = 0;
};

}  // namespace vlaq::quantization
