// What somebody says of a model, held against arithmetic: whether so few bytes could hold it, and whether a device
// could run it so often. Impossible is proof; possible is not (a claim can be wrong in other ways). Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cost/model_cost.h"
#include "cost/roofline.h"

namespace vlaq::cost {

// A format that weights are stored in.
struct StorageFormat {
  std::string_view name;
  int64_t bits;
};
inline constexpr std::array kFormats = {StorageFormat{"fp32", 32}, StorageFormat{"fp16", 16}, StorageFormat{"int8", 8},
                                        StorageFormat{"int4", 4}};
// Bytes that so many parameters take at least: scales, and what stays in a wider format, come on top.
uint64_t SmallestBytes(int64_t parameters, const StorageFormat& format);

struct SizeVerdict {
  uint64_t claimed = 0;
  double bits_per_parameter = 0;
  std::vector<double> share;  // of the parameters that fit, by format (at most 1)
  bool possible = false;      // in the smallest format
};
SizeVerdict JudgeSize(const ModelCost& cost, uint64_t bytes);

// One precision at the claimed rate.
struct RateNeed {
  Limit limit;
  double macs_per_s = 0, bytes_per_s = 0;
  double times_peak = 0;
  std::optional<double> times_bandwidth;
};
struct RateVerdict {
  double claimed = 0;  // frames, or runs, a second
  std::string scenario;
  std::string mode;
  std::vector<RateNeed> needs;  // by precision that the device's peaks are known for
  bool possible = false;        // at one of them
};
// Judges the first scenario: a frame, or a run. Errors: kInput if the device has no peak at all.
Result<RateVerdict> JudgeRate(const ModelCost& cost, double per_second, const Device& device, const PowerMode& mode);

}  // namespace vlaq::cost
