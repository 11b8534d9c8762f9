// Every rule that vlaq goes by or speaks of, each id once with its one meaning: why a plan gives an operator its form,
// what a target takes, what TensorRT refuses. Cited through RuleId: an id that is not in the tables does not compile.
// docs/quantization.md and docs/check.md show the tables.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "target/tensorrt_rules.h"

namespace vlaq::target {

// Not a rule of TensorRT: why plans are as they are, and what other targets take.
constexpr Rule Reason(std::string_view id, std::string_view meaning, std::string_view source) {
  return {id, nullptr, Severity::kNote, meaning, "", source};
}

// In the order of docs/quantization.md.
inline constexpr std::array kReasons = {
    Reason("QP-01", "a matrix product with a constant weight: where the time goes", "ModelOpt's placement"),
    Reason("QP-06", "gives one row at batch 1: memory-bound, no gain from integer kernels", "ModelOpt's placement"),
    Reason("QP-07", "a convolution of few channels: too few for integer kernels", "ModelOpt's placement"),
    Reason("CONV-01",
           "a convolution: ONNX Runtime's integer ones are slower than float32 unless all around is quantized",
           "script/quantize-imports --convolutions"),
    Reason("GEMM-01",
           "a product with its bias of two axes, or of fixed extents: ONNX Runtime makes one Gemm of them, which Q/DQ "
           "around two of its three operands does not make an integer one",
           "ONNX Runtime's MatMulAddFusion and its selector of Gemm"),
    Reason("FORM-01", "has no form with integers", "the operator's definition"),
    Reason("FORM-02", "static int8 has a scale for a weight or for each of its channels, not for blocks",
           "the forms of vlaq quantize"),
    Reason("ACT-01", "makes the actions: an error here reaches the wheels unfiltered",
           "caution: next to no work is lost by it"),
    Reason("EMB-01", "a table of rows: an eighth of the bytes, read row by row, so int8 with a scale for each row",
           "size of the published policy"),
    Reason("EMB-02", "a table of rows, stored in float16", "size of the published policy"),
    Reason("ORT-01", "dynamic ranges for transformers and recurrent layers on CPUs", "ONNX Runtime's documentation"),
    Reason("ORT-02", "products of two signed 8-bit operands are slow on x86-64", "ONNX Runtime's documentation"),
    Reason("ORT-03", "a CPU without VNNI or dot product: sums of 8-bit products may saturate",
           "ONNX Runtime's documentation"),
    Reason("LSTM-01", "TensorRT lowers an LSTM to a loop without INT8", "TensorRT's operator table"),
    Reason("LSTM-03", "weights stored in int8 for TensorRT's float loop: a quarter of the bytes, the same kernels",
           "built by TensorRT-RTX"),
    Reason("LSTM-02", "no standard operator has an LSTM with int8 weights", "ONNX operator list"),
    Reason("W4-01", "weights by blocks of 4 bits; activations stay float at its edges", "MatMulNBits"),
    Reason("FP16-01", "weights in float16; this target computes in float32", "ONNX Runtime's CPU kernels"),
    Reason("FP16-02", "operands in float16", "half the bytes, and float16 kernels"),
    Reason("FP-03", "its values go beyond 512: kept in float32", "ModelOpt AutoCast's limit"),
    Reason("SIZE-01", "small, but not worth float32 beside weights of 4 bits", "size of the published policy"),
    Reason("USER", "asked for on the command line", "you"),
    Reason("TIME-01", "no faster in INT8, by the layers' times of both engines on the board", "vlaq build --choose"),
    Reason("ACC-01", "reverted to hold the accuracy that was asked for", "accuracy control"),
    Reason("CPU-01", "graphs for stock ONNX Runtime are written in opset 17, which it reads since 1.12",
           "the target's definition"),
    Reason("PORT-01",
           "a portable graph has standard operators of opset 17, and integers only as symmetric int8 in Q/DQ around "
           "float operators",
           "the target's definition"),
};

// The rule with this id, or null.
constexpr const Rule* FindRule(std::string_view id) {
  for (const Rule& rule : kReasons) {
    if (rule.id == id) return &rule;
  }
  for (const Rule& rule : kTensorRtRules) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

// A rule, cited by its id: RuleId rule = "QP-06". Always one of the tables above.
class RuleId {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions): it stands for the text, as a format does.
  consteval RuleId(const char* id) : rule_(FindRule(id)) {
    if (rule_ == nullptr) NoSuchRule();
  }

  const Rule& operator*() const { return *rule_; }
  const Rule* operator->() const { return rule_; }
  std::string_view id() const { return rule_->id; }
  bool operator==(const RuleId&) const = default;

 private:
  static void NoSuchRule();  // no constant expression, which is what refuses an unknown id
  const Rule* rule_;
};

}  // namespace vlaq::target
