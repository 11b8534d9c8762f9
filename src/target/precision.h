// What a bundle is stored and computed in, in one word. The one table of these words: bundles, plans, engines, the
// command line and the limits of verification all mean its rows.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vlaq::target {

enum class Precision {
  kFp32,
  kFp16,
  kBf16AsStored,  // bfloat16 tensors of a checkpoint stay so; computed in float32
  kInt8,
  kInt4,
  kMixed,  // int8 where a plan says so, else float16
};

struct PrecisionRow {
  Precision precision;
  std::string_view name;         // in files and on the command line
  bool quantized = false;        // vlaq quantize makes it
  std::string_view engine = "";  // what a TensorRT engine of such a bundle is called; "": none is made
  // What ONNX Runtime's TensorRT may compute in: no type narrower than what the bundle stores.
  bool half_kernels = false, int8_kernels = false;
};
inline constexpr std::array kPrecisions = {
    PrecisionRow{Precision::kFp32, "fp32"},
    PrecisionRow{Precision::kFp16, "fp16", true, "fp16", true},
    PrecisionRow{Precision::kBf16AsStored, "bf16-as-stored"},
    PrecisionRow{Precision::kInt8, "int8", true, "int8", true, true},
    PrecisionRow{Precision::kInt4, "int4", true, "int4"},
    PrecisionRow{Precision::kMixed, "mixed", true, "int8", true, true},
};

std::string_view PrecisionName(Precision precision);
// The row of that name, or null.
const PrecisionRow* FindPrecisionRow(std::string_view name);
std::optional<Precision> FindPrecision(std::string_view name);
// Those that vlaq quantize makes.
std::vector<std::string> PrecisionNames();
// Errors: kInput at `where`, listing the known names.
Status CheckPrecision(std::string_view name, const std::string& where);

}  // namespace vlaq::target
