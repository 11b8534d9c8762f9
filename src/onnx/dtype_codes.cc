#include "onnx/dtype_codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace vlaq::onnx {
namespace {

struct Row {
  int32_t code;
  std::string_view name;
  std::optional<DType> dtype;
};

// Newer than libonnx 1.12 from 17 on, so its enum cannot be used. The newest types have no DType.
constexpr std::array kRows{
    Row{1, "float", DType::kF32},
    Row{2, "uint8", DType::kU8},
    Row{3, "int8", DType::kI8},
    Row{4, "uint16", DType::kU16},
    Row{5, "int16", DType::kI16},
    Row{6, "int32", DType::kI32},
    Row{7, "int64", DType::kI64},
    Row{8, "string", std::nullopt},
    Row{9, "bool", DType::kBool},
    Row{10, "float16", DType::kF16},
    Row{11, "double", DType::kF64},
    Row{12, "uint32", DType::kU32},
    Row{13, "uint64", DType::kU64},
    Row{14, "complex64", DType::kC64},
    Row{15, "complex128", DType::kC128},
    Row{16, "bfloat16", DType::kBF16},
    Row{17, "float8e4m3fn", DType::kF8E4M3FN},
    Row{18, "float8e4m3fnuz", DType::kF8E4M3FNUZ},
    Row{19, "float8e5m2", DType::kF8E5M2},
    Row{20, "float8e5m2fnuz", DType::kF8E5M2FNUZ},
    Row{21, "uint4", DType::kU4},
    Row{22, "int4", DType::kI4},
    Row{23, "float4e2m1", DType::kF4E2M1FN},
    Row{24, "float8e8m0", DType::kF8E8M0FNU},
};

}  // namespace

std::optional<DType> DTypeOfCode(int32_t code) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.code == code; });
  return row == kRows.end() ? std::nullopt : row->dtype;
}

std::optional<int32_t> CodeOfDType(DType dtype) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.dtype == dtype; });
  if (row == kRows.end()) return std::nullopt;
  return row->code;
}

std::string CodeName(int32_t code) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.code == code; });
  return row == kRows.end() ? fmt::format("type {}", code) : std::string(row->name);
}

}  // namespace vlaq::onnx
