// Small graphs for tests of this module, and what comes out of them. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "onnx/builder.h"
#include "onnx/model_file.h"

namespace vlaq::importing::testing {

inline onnx::Node MakeNode(std::string op_type, std::string name, std::vector<std::string> inputs,
                           std::vector<std::string> outputs, onnx::Attributes attributes = {}) {
  onnx::Node node;
  node.op_type = std::move(op_type);
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.attributes = std::move(attributes);
  return node;
}

inline onnx::ValueInfo Value(std::string name, std::vector<int64_t> extents, DType dtype = DType::kF32) {
  onnx::ValueInfo value;
  value.name = std::move(name);
  value.dtype = dtype;
  for (const int64_t extent : extents) {
    value.dims.push_back(extent < 0 ? onnx::Dim::Named("batch") : onnx::Dim::Fixed(extent));
  }
  return value;
}

// Floats that differ from each other and, by `seed`, from those of others.
inline Tensor Floats(Shape shape, float seed = 1) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  float value = seed;
  for (float& number : tensor.mutable_data<float>()) {
    number = value;
    value += value > 3 ? -4.75F : 0.25F;
  }
  return tensor;
}

inline onnx::Initializer Weight(std::string name, const Tensor& tensor) {
  return {std::move(name), tensor.dtype(), tensor.shape(), tensor};
}

inline onnx::Model ModelOf(onnx::Graph graph, int64_t opset = 17) {
  graph.name = "g";
  onnx::Model model = onnx::MakeModel(std::move(graph), "test");
  model.opsets[""] = opset;
  return model;
}

using Tensors = std::map<std::string, Tensor>;  // as back ends take and give them

// The outputs of a model by ONNX Runtime; none and a failure of the test if it does not run.
Tensors RunModel(const onnx::Model& model, const Tensors& inputs, const std::filesystem::path& folder = ".");

inline void ExpectSame(const Tensors& a, const Tensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_EQ(tensor.shape(), b.at(name).shape()) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.bytes(), b.at(name).bytes())) << name;
  }
}

}  // namespace vlaq::importing::testing
