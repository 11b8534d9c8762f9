#include "tensor/dtype.h"

#include <algorithm>
#include <array>

namespace vlaq {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  uint32_t bits;
  bool is_float;
};

constexpr std::array kRows{
    Row{DType::kBool, "bool", 8, false},
    Row{DType::kU8, "uint8", 8, false},
    Row{DType::kI8, "int8", 8, false},
    Row{DType::kU16, "uint16", 16, false},
    Row{DType::kI16, "int16", 16, false},
    Row{DType::kU32, "uint32", 32, false},
    Row{DType::kI32, "int32", 32, false},
    Row{DType::kU64, "uint64", 64, false},
    Row{DType::kI64, "int64", 64, false},
    Row{DType::kU4, "uint4", 4, false},
    Row{DType::kI4, "int4", 4, false},
    Row{DType::kF8E4M3FN, "float8_e4m3fn", 8, true},
    Row{DType::kF8E5M2, "float8_e5m2", 8, true},
    Row{DType::kF8E4M3FNUZ, "float8_e4m3fnuz", 8, true},
    Row{DType::kF8E5M2FNUZ, "float8_e5m2fnuz", 8, true},
    Row{DType::kF8E8M0FNU, "float8_e8m0fnu", 8, true},
    Row{DType::kF6E2M3FN, "float6_e2m3fn", 6, true},
    Row{DType::kF6E3M2FN, "float6_e3m2fn", 6, true},
    Row{DType::kF4E2M1FN, "float4_e2m1fn", 4, true},
    Row{DType::kF16, "float16", 16, true},
    Row{DType::kBF16, "bfloat16", 16, true},
    Row{DType::kF32, "float32", 32, true},
    Row{DType::kF64, "float64", 64, true},
    Row{DType::kC64, "complex64", 64, false},
    Row{DType::kC128, "complex128", 128, false},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].dtype) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "kRows is indexed by DType");

const Row& RowOf(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

}  // namespace

std::string_view DTypeName(DType dtype) { return RowOf(dtype).name; }
uint32_t DTypeBits(DType dtype) { return RowOf(dtype).bits; }
bool IsFloat(DType dtype) { return RowOf(dtype).is_float; }

std::optional<DType> FindDType(std::string_view name) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.name == name; });
  if (row == kRows.end()) return std::nullopt;
  return row->dtype;
}

}  // namespace vlaq
