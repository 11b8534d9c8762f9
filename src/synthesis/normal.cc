#include "synthesis/normal.h"

namespace vlaq::synthesis {
namespace {

constexpr int64_t kTwiceMean = int64_t{4} * 0xFFFF;    // of the sum of four words, doubled to stay an integer
constexpr double kTwiceDeviation = 75674.45447441297;  // 2 sqrt(4 (2^32 - 1) / 12)

}  // namespace

void FillNormal(const Random& stream, uint64_t first, float mean, float deviation, std::span<float> values) {
  const double scale = static_cast<double>(deviation) / kTwiceDeviation;
  for (size_t k = 0; k < values.size(); ++k) {
    const uint64_t bits = stream.At(first + k);
    const uint64_t sum = (bits & 0xFFFFU) + ((bits >> 16U) & 0xFFFFU) + ((bits >> 32U) & 0xFFFFU) + (bits >> 48U);
    const int64_t centered = 2 * static_cast<int64_t>(sum) - kTwiceMean;
    // Through double: whether the compiler fuses multiply and add then makes no difference to the rounded float.
    values[k] = static_cast<float>(static_cast<double>(mean) + scale * static_cast<double>(centered));
  }
}

}  // namespace vlaq::synthesis
