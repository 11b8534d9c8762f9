// What rounding did to one tensor, in several metrics that each see another failure, as a whole and for the worst of
// its scales: two channels whose scales were swapped hardly show in the whole, but stand out there.
//
// In scope: the figures, what they should be for healthy weights, and taking them from stored codes by a way of its own
// (Encode() takes them while it encodes). Not aware of: files, graphs. Accumulators merge; plain values.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "quantize/numerics/plan.h"
#include "tensor/difference.h"
#include "tensor/tensor.h"

namespace vlaq::numerics {

// A scale whose largest |w| is below this stands for zeros: float32 could not hold all scales that it may get.
inline constexpr float kNegligible = 1e-34F;

class Distortion {
 public:
  // All values of one scale, original and as they are read back; `group` is the flat index of the scale.
  void AddGroup(int64_t group, const Difference& difference, int64_t clipped);
  void AddCode(int8_t code) { codes_.set(static_cast<size_t>(code + 128)); }
  void AddCodes(const std::array<bool, 256>& seen);  // by code + 128
  // `other` is of other scales of the same tensor.
  void Merge(const Distortion& other);

  // Over all values, group by group (which worst_index() counts in).
  const Difference& difference() const { return difference_; }
  double signal_to_noise_db() const { return difference_.signal_to_noise_db(); }
  // Over the groups that are more than kNegligible; infinity if there are none or nothing was lost.
  double worst_group_db() const;
  int64_t worst_group() const { return worst_group_; }  // -1 if there are none
  // Values that are read back more than half a step off: they lie beyond the range of their scale.
  int64_t clipped() const { return clipped_; }
  // Codes that occur, of those that `number` (kInt8, kInt4) has, between 0 and 1.
  double used_codes(NumericType number) const;

 private:
  Difference difference_;
  double worst_noise_ = -1;  // sum of squared differences per sum of squares
  int64_t worst_group_ = -1;
  int64_t clipped_ = 0;
  std::bitset<256> codes_;
};

// Takes the distortion from what was stored: `codes` int8 with the shape of `original` (float32), `scales` as in
// Encoded. Shares no code with Encode(), so that it can check it. Errors: kInput naming choice.name if shapes do not
// fit each other, a scale is not a positive number, or a code is none of the format's.
Result<Distortion> Measure(const Tensor& original, const Tensor& codes, const Tensor& scales,
                           const WeightChoice& choice, int threads = 1);

// What is to be expected of weights, in dB: less is damage, more is as suspicious, since rounding cannot be that good:
// then codes or scales are not what they say, or the original has been rounded before.
//
// Rounding to steps of d leaves noise of d^2 / 12, and d is max|w| / L with L = 127 (int8) or 7 (int4), so the ratio is
// 12 L^2 / c^2 with c = max|w| / rms: 52.9 dB and 27.7 dB for c = 1, the upper bounds. The lower ones leave 2 dB or
// more to what heavy tails (t with 3 degrees of freedom) give groups of 8192 (kChannel) and 256 values (kBlock), and
// whole tensors (kTensor) of 10^6; below 3 dB a tensor is as much noise as weights, whatever its tails.
struct DistortionBounds {
  double lowest_db = 0;        // of a whole tensor
  double highest_db = 0;       // of a whole tensor
  double lowest_group_db = 0;  // of its worst scale
};
// `number`: kInt8 or kInt4.
DistortionBounds BoundsFor(NumericType number, Granularity granularity);

// In words, in what `distortion` cannot be that of a healthy weight encoded as `choice` says: it breaks the bounds, or
// the range was to be max|w| and yet values are off by more than half a step (so it finds scales that were swapped, if
// they differ at all). Nothing for tensors of fewer than 64 elements, where chance rules, or of nothing but zeros.
std::optional<std::string> Complaint(const Distortion& distortion, const WeightChoice& choice);

}  // namespace vlaq::numerics
