// The words of quantization that the whole program shares: number formats, granularity, how a range is chosen.
// Not aware of: graphs, files, targets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq::numerics {

// How the elements of a weight or an activation are kept. Names on disk are NumPy's ("int8"); do not change them.
enum class NumericType {
  kFloat32,
  kFloat16,
  kInt8,   // symmetric: zero point 0, codes -127 to 127 for weights, -128 to 127 for activations
  kUint8,  // asymmetric: zero point between 0 and 255
  kInt4,   // symmetric, codes -8 to 7
};
std::string_view NumericTypeName(NumericType number);
std::optional<NumericType> FindNumericType(std::string_view name);
std::vector<std::string> NumericTypeNames();
// Bits of one element.
int BitsOf(NumericType number);

// What shares one scale.
enum class Granularity {
  kTensor,
  kChannel,  // each index along the axis
  kBlock,    // each run of `block` elements along the axis
};
std::string_view GranularityName(Granularity granularity);
std::optional<Granularity> FindGranularity(std::string_view name);
std::vector<std::string> GranularityNames();

// How a range is chosen from what was seen (spec: docs/quantization.md).
enum class RangeMethod { kMinMax, kPercentile, kEntropy, kMse };
std::string_view RangeMethodName(RangeMethod method);
std::optional<RangeMethod> FindRangeMethod(std::string_view name);
std::vector<std::string> RangeMethodNames();

// The real value of code q is scale * (q - zero_point).
struct Scale {
  float scale = 1;
  int32_t zero_point = 0;
};

// low <= 0 <= high: zero is always representable.
struct ClipRange {
  double low = 0;
  double high = 0;
};

// The scale that maps `range` onto the codes of `number` (an integer format). Symmetric formats use
// max(-low, high) / 127 (int4: / 7). A range of zero width gives scale 1: a dead tensor, which the caller reports.
Scale ScaleFor(ClipRange range, NumericType number);

}  // namespace vlaq::numerics
