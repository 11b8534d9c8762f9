// What an operator of a quantized graph really multiplies with, read off its ONNX nodes: codes, scales and zero points
// become numbers again by ONNX's rules, however the graph came about.
//
// In scope: the forms that quantized graphs have (Q/DQ, MatMulInteger with its scales, MatMulNBits,
// DynamicQuantizeMatMul, DynamicQuantizeLSTM, gathered tables, float16). Not aware of: plans, the code that wrote the
// graph. The independent witness: it shares no code with that, not even onnx::GraphIndex and onnx::OperatorCatalog, so
// that it can find mistakes there. Use from one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/graph.h"
#include "onnx/model_file.h"
#include "onnx/types.h"
#include "quantize/numerics/plan.h"

namespace vlaq::verify {

// A constant of the graph as numbers, and what it was kept in.
struct ReadConstant {
  Tensor values;  // float32 for every float or quantized constant; else as stored
  numerics::NumericType number = numerics::NumericType::kFloat32;
};

// The range of an activation that is fixed in the graph.
struct ReadActivation {
  numerics::NumericType number = numerics::NumericType::kInt8;
  numerics::Scale scale;
};

// One operator of the source as it is found in the other graph.
struct ReadOperator {
  numerics::Form form = numerics::Form::kFloat;
  std::string op_type;               // in the source's words: "MatMul" of a MatMulNBits
  const onnx::Node* node = nullptr;  // that has the attributes
  // By input of the source's operator: the value behind quantization and casts, "" where it is constant or left out.
  std::vector<std::string> inputs;
  // Inputs that are constant, read when asked for. Errors: kInput naming the node or initializer.
  std::map<size_t, std::function<Result<ReadConstant>()>> constants;
  std::optional<ReadActivation> activation;  // of a static form
  std::set<std::string> initializers;        // that it is made of
};

class GraphReading {
 public:
  // Both must outlive the reading. Errors: kInput for operators whose types are not known.
  static Result<GraphReading> Make(const onnx::Graph& graph, onnx::WeightFiles& files);

  const onnx::Graph& graph() const { return *graph_; }
  const onnx::Initializer* FindInitializer(std::string_view name) const;
  const onnx::Node* Producer(std::string_view value) const;
  // An initializer, or what casts and (de)quantization make of one.
  bool IsConstant(std::string_view value) const;
  // The value behind casts between float types and behind a quantization that is undone at once.
  std::string Behind(std::string value) const;
  // Errors: kInput naming what cannot be read.
  Result<ReadConstant> Constant(std::string_view value) const;
  // What makes `value`, seen as one operator. `stands_for`: the source's, where the same nodes could be read as one
  // operator or as two (a product and the sum behind it, or a Gemm). Errors: kInput naming the node, if its form is
  // none that is known.
  Result<ReadOperator> Operator(std::string_view value, const onnx::Node* stands_for = nullptr) const;

 private:
  GraphReading(const onnx::Graph& graph, onnx::WeightFiles& files) : graph_(&graph), files_(&files) {}

  bool IsFloatCast(const onnx::Node& node) const;
  const onnx::Node* ProducerOf(std::string_view value, std::string_view op_type) const;
  void Collect(std::string_view value, std::set<std::string>& initializers) const;
  void TakeConstant(size_t input, const std::string& value, ReadOperator& op) const;
  void TakeInput(size_t input, const std::string& value, ReadOperator& op) const;
  Result<std::optional<ReadActivation>> Activation(const std::string& value) const;
  Result<ReadConstant> Dequantized(const onnx::Node& node) const;
  Result<Tensor> Quantized(const onnx::Node& node) const;
  Result<ReadConstant> FromNBits(const onnx::Node& node) const;
  Result<ReadConstant> Scaled(const std::string& codes, const std::string& scales, const std::string& zeros,
                              int64_t axis) const;
  Result<ReadConstant> LstmWeight(const onnx::Node& node, size_t weight, size_t scale) const;

  Result<ReadOperator> Plain(const onnx::Node& node) const;
  Result<ReadOperator> NBits(const onnx::Node& node) const;
  Result<ReadOperator> DynamicMatMul(const onnx::Node& node) const;
  Result<ReadOperator> DynamicLstm(const onnx::Node& node) const;
  Result<ReadOperator> ScaledProduct(const onnx::Node& product, const std::string& scales) const;
  Result<ReadOperator> ScaledRows(const onnx::Node& codes, const onnx::Node& scales) const;
  Result<std::optional<ReadOperator>> Scaled(const onnx::Node& mul) const;
  Result<std::optional<ReadOperator>> IntegerGemm(const onnx::Node& last, const onnx::Node& gemm) const;

  const onnx::Graph* graph_;
  onnx::WeightFiles* files_;
  onnx::ValueTypes types_;
  std::map<std::string, const onnx::Node*, std::less<>> producers_;
  std::map<std::string, const onnx::Initializer*, std::less<>> initializers_;
};

}  // namespace vlaq::verify
