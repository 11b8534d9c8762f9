#include "onnx/dtype_codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace vlaq::onnx {
namespace {

struct CodeRow {
  int32_t code;
  std::string_view name;
  std::optional<DType> dtype;
};

// Newer than libonnx 1.12 from 17 on, so its enum cannot be used. The newest types have no DType.
constexpr std::array kCodeRows{
    CodeRow{1, "float", DType::kF32},
    CodeRow{2, "uint8", DType::kU8},
    CodeRow{3, "int8", DType::kI8},
    CodeRow{4, "uint16", DType::kU16},
    CodeRow{5, "int16", DType::kI16},
    CodeRow{6, "int32", DType::kI32},
    CodeRow{7, "int64", DType::kI64},
    CodeRow{8, "string", std::nullopt},
    CodeRow{9, "bool", DType::kBool},
    CodeRow{10, "float16", DType::kF16},
    CodeRow{11, "double", DType::kF64},
    CodeRow{12, "uint32", DType::kU32},
    CodeRow{13, "uint64", DType::kU64},
    CodeRow{14, "complex64", DType::kC64},
    CodeRow{15, "complex128", DType::kC128},
    CodeRow{16, "bfloat16", DType::kBF16},
    CodeRow{17, "float8e4m3fn", DType::kF8E4M3FN},
    CodeRow{18, "float8e4m3fnuz", DType::kF8E4M3FNUZ},
    CodeRow{19, "float8e5m2", DType::kF8E5M2},
    CodeRow{20, "float8e5m2fnuz", DType::kF8E5M2FNUZ},
    CodeRow{21, "uint4", DType::kU4},
    CodeRow{22, "int4", DType::kI4},
    CodeRow{23, "float4e2m1", DType::kF4E2M1FN},
    CodeRow{24, "float8e8m0", DType::kF8E8M0FNU},
    CodeRow{25, "uint2", std::nullopt},
    CodeRow{26, "int2", std::nullopt},
};

}  // namespace

std::optional<DType> DTypeOfCode(int32_t code) {
  const auto* row = std::find_if(kCodeRows.begin(), kCodeRows.end(), [&](const CodeRow& r) { return r.code == code; });
  return row == kCodeRows.end() ? std::nullopt : row->dtype;
}

std::optional<int32_t> CodeOfDType(DType dtype) {
  const auto* row =
      std::find_if(kCodeRows.begin(), kCodeRows.end(), [&](const CodeRow& r) { return r.dtype == dtype; });
  if (row == kCodeRows.end()) return std::nullopt;
  return row->code;
}

std::string CodeName(int32_t code) {
  const auto* row = std::find_if(kCodeRows.begin(), kCodeRows.end(), [&](const CodeRow& r) { return r.code == code; });
  return row == kCodeRows.end() ? fmt::format("type {}", code) : std::string(row->name);
}

}  // namespace vlaq::onnx
