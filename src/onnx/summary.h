// What a model consists of, counted: for `inspect` and `verify`. Weights are not read. A pure function.
#pragma once

#include <map>
#include <string>

#include "onnx/graph.h"

namespace vlaq::onnx {

struct WeightBytes {
  int64_t tensors = 0;
  int64_t elements = 0;
  uint64_t inline_bytes = 0;
  uint64_t external_bytes = 0;

  uint64_t bytes() const { return inline_bytes + external_bytes; }
};

struct Summary {
  std::map<std::string, int64_t> operators;  // "MatMul", "com.microsoft.MatMulNBits" -> nodes, subgraphs included
  int64_t nodes = 0;
  std::map<DType, WeightBytes> weights;  // initializers and tensor attributes, subgraphs included
  WeightBytes total;                     // total.elements: the number of parameters
  std::vector<ValueInfo> inputs;         // without those that only name an initializer
  std::vector<ValueInfo> outputs;
};

Summary Summarize(const Model& model);

}  // namespace vlaq::onnx
