#include "quantization/distortion.h"

namespace vlaq::quantization {

void Distortion::AddGroup(int64_t group, const Difference& difference, int64_t clipped) {
  difference_.Merge(difference);
  clipped_ += clipped;
  if (difference.max_reference() == 0) return;
  if (worst_group_ >= 0 && difference.signal_to_noise_db() >= worst_group_db_) return;
  worst_group_db_ = difference.signal_to_noise_db();
  worst_group_ = group;
}

}  // namespace vlaq::quantization
