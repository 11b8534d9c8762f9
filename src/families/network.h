// The vocabulary in which families write their networks: a graph under construction together with the weights it takes
// from the checkpoint. One method is one small, named computation; a Value is the name of its result.
//
// Errors are sticky: the first one is kept, later calls return harmless names, and Finish() reports it. So networks
// read as formulas.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "families/weights.h"
#include "onnx/builder.h"

namespace vlaq::families {

using Value = std::string;

enum class Activation { kGelu, kQuickGelu, kRelu };

class Network {
 public:
  Network(std::string graph_name, WeightTable& weights) : graph_(std::move(graph_name)), weights_(weights) {}

  onnx::GraphBuilder& graph() { return graph_; }
  // The finished model, or the first error.
  Result<onnx::Model> Finish();

  // --- values from outside ---
  // A tensor of the checkpoint under its canonical name, as float32.
  Value Weight(const std::string& canonical, const Transform& transform = kCopy);
  Value Scalar(double value) { return graph_.Constant(static_cast<float>(value)); }       // float32, rank 0
  Value Integer(int64_t value) { return graph_.Constant(value); }                         // int64, rank 0
  Value Integers(const std::vector<int64_t>& values) { return graph_.Constant(values); }  // int64, rank 1

  // --- single operators ---
  Value Op(const std::string& op_type, const std::vector<Value>& inputs, onnx::Attributes attributes = {}) {
    return graph_.Op(op_type, inputs, std::move(attributes));
  }
  Value Add(const Value& a, const Value& b) { return Op("Add", {a, b}); }
  Value Mul(const Value& a, const Value& b) { return Op("Mul", {a, b}); }
  Value MatMul(const Value& a, const Value& b) { return Op("MatMul", {a, b}); }
  Value Cast(const Value& x, DType to);
  Value Concat(const std::vector<Value>& parts, int64_t axis) { return Op("Concat", parts, {{"axis", axis}}); }
  // x[..., start:end, ...] on `axis`; `end` kEnd means to the end; negative positions count from the end.
  static constexpr int64_t kEnd = INT64_MAX;
  Value Slice(const Value& x, int64_t axis, int64_t start, int64_t end);
  // 0 copies the extent of x, -1 is inferred.
  Value Reshape(const Value& x, const std::vector<int64_t>& shape) { return Op("Reshape", {x, Integers(shape)}); }
  Value Transpose(const Value& x, const std::vector<int64_t>& order) { return Op("Transpose", {x}, {{"perm", order}}); }
  Value Unsqueeze(const Value& x, int64_t axis) { return Op("Unsqueeze", {x, Integers({axis})}); }
  Value Squeeze(const Value& x, int64_t axis) { return Op("Squeeze", {x, Integers({axis})}); }

  // --- layers ---
  // x W^T + b with the Linear `module`; x [..., in] -> [..., out].
  Value Linear(const Value& x, const std::string& module);
  // LayerNorm over the last axis with the weights of `module`.
  Value Norm(const Value& x, const std::string& module, double epsilon);
  Value Activate(const Value& x, Activation activation);
  // `rows` [1, n, D] repeated for the batch of `like` [B, >= 1, D] -> [B, n, D], without a computed shape: a Where
  // whose condition is false takes every value from `rows` and only its extents from `like`.
  Value RepeatForBatch(const Value& rows, const Value& like);

  struct Attention {
    std::string module;  // holds q_proj, k_proj, v_proj, out_proj
    int64_t heads = 0;
    int64_t width = 0;
    // LayerNorm between the merged context and out_proj (Magneto's sub-LN); empty: none.
    std::string inner_norm = {};
    double inner_norm_epsilon = 1e-5;
    // Added to the scores, broadcastable to [B, heads, queries, keys]; empty: none.
    Value mask = {};
  };
  // Multi-head attention with the scale 1/sqrt(head width) on the query after its bias. queries_from [B or 1, Q, D],
  // keys_from [B, K, D] -> [B, Q, D].
  Value Attend(const Value& queries_from, const Value& keys_from, const Attention& attention);

 protected:
  WeightTable& weights() { return weights_; }
  // The value of a weight that a family placed itself, as float32.
  Value Place(Result<const PlacedWeight*> placed);

 private:
  Value SplitHeads(const Value& x, const Attention& attention, const std::vector<int64_t>& order);

  onnx::GraphBuilder graph_;
  WeightTable& weights_;
  Status status_;
};

}  // namespace vlaq::families
