#include "quantization/number.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/names.h"

namespace vlaq::quantization {
namespace {

constexpr std::array kNumbers = {
    Named{Number::kFloat32, "float32"}, Named{Number::kFloat16, "float16"}, Named{Number::kInt8, "int8"},
    Named{Number::kUint8, "uint8"},     Named{Number::kInt4, "int4"},
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

std::string_view NumberName(Number number) { return NameIn(kNumbers, number); }
std::optional<Number> FindNumber(std::string_view name) { return FindIn(kNumbers, name); }
std::vector<std::string> NumberNames() { return NamesIn(kNumbers); }
std::string_view GranularityName(Granularity granularity) { return NameIn(kGranularities, granularity); }
std::optional<Granularity> FindGranularity(std::string_view name) { return FindIn(kGranularities, name); }
std::vector<std::string> GranularityNames() { return NamesIn(kGranularities); }
std::string_view RangeMethodName(RangeMethod method) { return NameIn(kMethods, method); }
std::optional<RangeMethod> FindRangeMethod(std::string_view name) { return FindIn(kMethods, name); }
std::vector<std::string> RangeMethodNames() { return NamesIn(kMethods); }

int BitsOf(Number number) {
  switch (number) {
    case Number::kFloat32:
      return 32;
    case Number::kFloat16:
      return 16;
    case Number::kInt8:
    case Number::kUint8:
      return 8;
    case Number::kInt4:
      return 4;
  }
  return 0;
}

Scale ScaleFor(Range range, Number number) {
  const double low = std::min(range.low, 0.0);
  const double high = std::max(range.high, 0.0);
  Scale result;
  if (number == Number::kUint8) {
    const auto scale = static_cast<float>((high - low) / 255);
    if (!(scale > 0)) return result;
    result.scale = scale;
    result.zero_point = static_cast<int32_t>(std::clamp(std::nearbyint(-low / static_cast<double>(scale)), 0.0, 255.0));
    return result;
  }
  const double most = number == Number::kInt4 ? 7 : 127;
  const auto scale = static_cast<float>(std::max(-low, high) / most);
  if (scale > 0) result.scale = scale;
  return result;
}

}  // namespace vlaq::quantization
