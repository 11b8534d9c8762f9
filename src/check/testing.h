// Small graphs for tests of this module, and what the rules say of them. For tests only.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "check/check.h"
#include "onnx/builder.h"

namespace vlaq::check::testing {

using Build = std::function<void(onnx::GraphBuilder&)>;

inline const Version& Old() { return **target::FindImporter("8.6"); }

// Builds a graph; its last node's first output becomes the model's.
inline onnx::Model Make(const Build& build, int64_t opset = 17) {
  onnx::GraphBuilder builder("g");
  build(builder);
  auto graph = builder.Finish();
  onnx::Model model = onnx::MakeModel(graph.ok() ? *std::move(graph) : onnx::Graph{}, "test");
  model.opsets[""] = opset;
  return model;
}

// The ids of the rules that a model breaks.
inline std::set<std::string> Broken(const onnx::Model& model, std::string_view version) {
  onnx::WeightFiles files(".");
  std::set<std::string> ids;
  const auto findings = CheckModel(model, files, **target::FindImporter(version), "g");
  if (!findings.ok()) return {findings.error().ToString()};
  for (const Finding& finding : *findings) ids.emplace(finding.rule->id);
  return ids;
}

inline onnx::Node MakeNode(std::string op_type, std::string name, std::vector<std::string> inputs, std::string output) {
  onnx::Node node;
  node.op_type = std::move(op_type);
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  return node;
}

template <typename T>
Tensor Values(std::initializer_list<T> values) {
  const std::vector<T> list(values);
  return Tensor::From<T>({static_cast<int64_t>(list.size())}, std::span<const T>(list));
}

inline std::vector<onnx::Dim> FixedDims(std::initializer_list<int64_t> extents) {
  std::vector<onnx::Dim> dims;
  for (const int64_t extent : extents) dims.push_back(onnx::Dim::Fixed(extent));
  return dims;
}

inline std::string X(onnx::GraphBuilder& b, DType dtype = DType::kF32,
                     std::vector<onnx::Dim> dims = FixedDims({2, 4})) {
  return b.Input("x", dtype, std::move(dims));
}
inline std::string Floats(onnx::GraphBuilder& b, Shape shape, float value = 1) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  for (float& v : tensor.mutable_data<float>()) v = value;
  return b.Constant("floats", tensor);
}

}  // namespace vlaq::check::testing
