// The forms that operators.cc chooses from. Private to this module.
#pragma once

#include "quantize/rewrite/operators.h"

namespace vlaq::rewrite {

// The domain of ONNX Runtime's own operators.
inline constexpr std::string_view kContrib = "com.microsoft";

struct Rewrite {
  const numerics::OperatorChoice& choice;
  const onnx::Node& node;
  const GraphStyle& style;
  GraphEditor& editor;
};

// The single weight that the plan gives for the operator. Errors: kInput if there is not exactly one.
Result<const numerics::WeightChoice*> OnlyWeight(const Rewrite& r);

// static_int8.cc: QuantizeLinear and DequantizeLinear around the activation (shared by its readers) and the weight.
Status StaticInt8(const Rewrite& r);
// dynamic_int8.cc: DynamicQuantizeLinear (shared by the readers of a value), MatMulInteger, and one multiplication by
// both scales; ONNX Runtime makes one kernel of it. com.microsoft.DynamicQuantizeLSTM for an LSTM.
Status DynamicInt8MatMul(const Rewrite& r);
Status DynamicInt8Gemm(const Rewrite& r);
Status DynamicInt8Lstm(const Rewrite& r);
// weight_only.cc: per channel int8 behind a DequantizeLinear, float16 behind a Cast, blocks in MatMulNBits or behind a
// blocked DequantizeLinear.
Status WeightOnlyMatMul(const Rewrite& r);
// Rows of an int8 or float16 table are gathered first and widened then.
Status WeightOnlyGather(const Rewrite& r);
// All weights in float16 behind a Cast.
Status StoredHalf(const Rewrite& r);
// W and R in float16, or in int8 by gate row behind a DequantizeLinear.
Status WeightOnlyLstm(const Rewrite& r);

}  // namespace vlaq::rewrite
