#include "tensor/non_finite.h"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "base/text.h"
#include "tensor/convert.h"

namespace vlaq {
namespace {

// Elements whose exponent is all ones: the loop has no branch, so that compilers use vectors.
template <typename Bits>
int64_t CountExponent(Bytes bytes, Bits mask) {
  int64_t count = 0;
  for (size_t at = 0; at < bytes.size(); at += sizeof(Bits)) count += (LoadLittle<Bits>(bytes, at) & mask) == mask;
  return count;
}

double ValueAt(DType dtype, Bytes bytes, size_t index) {
  const size_t item = DTypeBits(dtype) / 8;
  double value = 0;
  Convert(dtype, bytes.subspan(index * item, item), DType::kF64, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

int64_t Count(DType dtype, Bytes bytes) {
  if (dtype == DType::kF32) return CountExponent<uint32_t>(bytes, 0x7F800000U);
  if (dtype == DType::kF16) return CountExponent<uint16_t>(bytes, 0x7C00U);
  if (dtype == DType::kBF16) return CountExponent<uint16_t>(bytes, 0x7F80U);
  if (dtype == DType::kF64) return CountExponent<uint64_t>(bytes, 0x7FF0000000000000U);
  int64_t count = 0;  // 8-bit floats
  for (size_t i = 0; i < bytes.size(); ++i) count += std::isfinite(ValueAt(dtype, bytes, i)) ? 0 : 1;
  return count;
}

}  // namespace

std::string NonFinite::Describe(int64_t elements) const {
  return fmt::format("element {} is {} ({} of {} values {} not finite)", first,
                     std::isnan(value) ? std::abs(value) : value, Grouped(count), Grouped(elements),
                     count == 1 ? "is" : "are");
}

NonFinite FindNonFinite(DType dtype, Bytes bytes, int64_t base) {
  NonFinite found;
  if (!IsFloat(dtype) || !IsConvertible(dtype, DType::kF64)) return found;
  found.count = Count(dtype, bytes);
  if (found.count == 0) return found;
  const size_t item = DTypeBits(dtype) / 8;
  for (size_t i = 0; i * item < bytes.size(); ++i) {
    const double value = ValueAt(dtype, bytes, i);
    if (std::isfinite(value)) continue;
    found.first = base + static_cast<int64_t>(i);
    found.value = value;
    break;
  }
  return found;
}

void Merge(NonFinite& all, const NonFinite& next) {
  if (!next.any()) return;
  if (!all.any()) {
    all = next;
  } else {
    all.count += next.count;
  }
}

}  // namespace vlaq
