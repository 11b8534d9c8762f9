#include "runtime/noise.h"

#include <algorithm>

#include "tensor/convert.h"

namespace vlaq::runtime {
namespace {

using policy::NoiseKind;

// Numbers in [0, 1) that the type holds exactly: rounding one up would give 1.
int UniformBits(DType dtype) { return dtype == DType::kF16 ? 11 : dtype == DType::kBF16 ? 8 : 24; }

void FillNoise(NoiseKind kind, int bits, Random random, std::span<float> out) {
  if (kind == NoiseKind::kZeros) {
    std::fill(out.begin(), out.end(), 0.0F);
    return;
  }
  const float unit = 1.0F / static_cast<float>(1U << static_cast<unsigned>(bits));
  for (float& x : out) {
    x = kind == NoiseKind::kNormal ? static_cast<float>(random.Normal())
                                   : static_cast<float>(random.Next() >> static_cast<unsigned>(64 - bits)) * unit;
  }
}

}  // namespace

const ReusedTensor& DrawNoise(NoiseKind kind, DType dtype, const Shape& shape, const Random& random, DrawnNoise& room) {
  Tensor& floats = room.floats.Take(DType::kF32, shape);
  FillNoise(kind, UniformBits(dtype), random, floats.mutable_data<float>());
  if (dtype == DType::kF32) return room.floats;
  Convert(DType::kF32, floats.bytes(), dtype, room.converted.Take(dtype, shape).mutable_bytes());
  return room.converted;
}

}  // namespace vlaq::runtime
