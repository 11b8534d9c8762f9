#include "quantize/numerics/numeric_type.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/names.h"

namespace vlaq::numerics {
namespace {

constexpr std::array kNumbers = {
    Named{NumericType::kFloat32, "float32"}, Named{NumericType::kFloat16, "float16"}, Named{NumericType::kInt8, "int8"},
    Named{NumericType::kUint8, "uint8"},     Named{NumericType::kInt4, "int4"},
};
constexpr std::array kGranularities = {
    Named{Granularity::kTensor, "tensor"},
    Named{Granularity::kChannel, "channel"},
    Named{Granularity::kBlock, "block"},
};
constexpr std::array kMethods = {
    Named{RangeMethod::kMinMax, "min_max"},
    Named{RangeMethod::kPercentile, "percentile"},
    Named{RangeMethod::kEntropy, "entropy"},
    Named{RangeMethod::kMse, "mse"},
};

}  // namespace

std::string_view NumericTypeName(NumericType number) { return NameIn(kNumbers, number); }
std::optional<NumericType> FindNumericType(std::string_view name) { return FindIn(kNumbers, name); }
std::vector<std::string> NumericTypeNames() { return NamesIn(kNumbers); }
std::string_view GranularityName(Granularity granularity) { return NameIn(kGranularities, granularity); }
std::optional<Granularity> FindGranularity(std::string_view name) { return FindIn(kGranularities, name); }
std::vector<std::string> GranularityNames() { return NamesIn(kGranularities); }
std::string_view RangeMethodName(RangeMethod method) { return NameIn(kMethods, method); }
std::optional<RangeMethod> FindRangeMethod(std::string_view name) { return FindIn(kMethods, name); }
std::vector<std::string> RangeMethodNames() { return NamesIn(kMethods); }

int BitsOf(NumericType number) {
  switch (number) {
    case NumericType::kFloat32:
      return 32;
    case NumericType::kFloat16:
      return 16;
    case NumericType::kInt8:
    case NumericType::kUint8:
      return 8;
    case NumericType::kInt4:
      return 4;
  }
  return 0;
}

Scale ScaleFor(ClipRange range, NumericType number) {
  const double low = std::min(range.low, 0.0);
  const double high = std::max(range.high, 0.0);
  Scale result;
  if (number == NumericType::kUint8) {
    const auto scale = static_cast<float>((high - low) / 255);
    if (!(scale > 0)) return result;
    result.scale = scale;
    result.zero_point = static_cast<int32_t>(std::clamp(std::nearbyint(-low / static_cast<double>(scale)), 0.0, 255.0));
    return result;
  }
  const double most = number == NumericType::kInt4 ? 7 : 127;
  const auto scale = static_cast<float>(std::max(-low, high) / most);
  if (scale > 0) result.scale = scale;
  return result;
}

}  // namespace vlaq::numerics
