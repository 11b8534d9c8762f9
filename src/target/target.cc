#include "target/target.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::target {
namespace {

constexpr std::array kTargets = {
    Target{.name = "cpu",
           .for_whom = "stock ONNX Runtime on a CPU",
           .contrib_operators = true,
           .dynamic_int8 = true,
           .asymmetric_activations = true,
           .int4 = true},
    Target{.name = "portable",
           .for_whom = "any ONNX runtime: opset 17, standard operators, symmetric Q/DQ",
           .quantize_for_each_reader = true},
    Target{.name = "tensorrt-8.6",
           .for_whom = "JetPack 6.0: TensorRT 8.6",
           .int8_convolutions = true,
           .float_weights_before_quantize = true,
           .dequantize_tables_first = true,
           .float16_compute = true},
    Target{.name = "tensorrt-10",
           .for_whom = "JetPack 6.1 and later: TensorRT 10",
           .newest_opset = 21,
           .int8_convolutions = true,
           .dequantize_tables_first = true,
           .int4 = true,
           .int8_lstm_weights = true,
           .float16_compute = true},
};

constexpr std::array kRules = {
    Rule{"QP-01", "a matrix product with a constant weight: where the time goes", "ModelOpt's placement"},
    Rule{"QP-06", "gives one row at batch 1: memory-bound, no gain from integer kernels", "ModelOpt's placement"},
    Rule{"QP-07", "a convolution of few channels: too few for integer kernels", "ModelOpt's placement"},
    Rule{"CONV-01", "a convolution: ONNX Runtime's integer ones are slower than float32 unless all around is quantized",
         "script/quantize-imports --convolutions"},
    Rule{"FORM-01", "has no form with integers", "the operator's definition"},
    Rule{"ACT-01", "makes the actions: an error here reaches the wheels unfiltered",
         "caution: next to no work is lost by it"},
    Rule{"EMB-01", "a table of rows: an eighth of the bytes, read row by row, so int8 with a scale for each row",
         "size of the published policy"},
    Rule{"EMB-02", "a table of rows, stored in float16", "size of the published policy"},
    Rule{"ORT-01", "dynamic ranges for transformers and recurrent layers on CPUs", "ONNX Runtime's documentation"},
    Rule{"ORT-03", "a CPU without VNNI or dot product: sums of 8-bit products may saturate",
         "ONNX Runtime's documentation"},
    Rule{"LSTM-01", "TensorRT lowers an LSTM to a loop without INT8", "TensorRT's operator table"},
    Rule{"LSTM-03", "weights stored in int8 for TensorRT's float loop: a quarter of the bytes, the same kernels",
         "built by TensorRT-RTX"},
    Rule{"LSTM-02", "no standard operator has an LSTM with int8 weights", "ONNX operator list"},
    Rule{"W4-01", "weights by blocks of 4 bits; activations stay float at its edges", "MatMulNBits"},
    Rule{"FP16-01", "weights in float16; this target computes in float32", "ONNX Runtime's CPU kernels"},
    Rule{"FP16-02", "operands in float16", "half the bytes, and float16 kernels"},
    Rule{"FP-03", "its values go beyond 512: kept in float32", "ModelOpt AutoCast's limit"},
    Rule{"SIZE-01", "small, but not worth float32 beside weights of 4 bits", "size of the published policy"},
    Rule{"USER", "asked for on the command line", "you"},
    Rule{"TIME-01", "no faster in INT8, by the layers' times of both engines on the board", "vlaq build --choose"},
    Rule{"ACC-01", "reverted to hold the accuracy that was asked for", "accuracy control"},
};

}  // namespace

std::span<const Target> All() { return kTargets; }

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Target& target : kTargets) names.emplace_back(target.name);
  return names;
}

Result<const Target*> Find(std::string_view name) {
  const auto* found = std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& t) { return t.name == name; });
  if (found != kTargets.end()) return found;
  std::string names;
  for (const Target& target : kTargets) names += fmt::format("{}{}", names.empty() ? "" : ", ", target.name);
  return InputError("target", fmt::format("'{}' is not known", name), "there are " + names);
}

std::span<const Rule> Rules() { return kRules; }

const Rule* FindRule(std::string_view id) {
  const auto* found = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rule.id == id; });
  return found == kRules.end() ? nullptr : found;
}

}  // namespace vlaq::target
