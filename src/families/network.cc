#include "families/network.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/version.h"

namespace vlaq::families {

namespace {
// TensorProto.DataType of the two targets that casts here have.
constexpr int64_t kOnnxFloat = 1;
constexpr int64_t kOnnxInt64 = 7;

// "q_proj" of "text_model.model.layers.0.self_attn.q_proj"; "0" of "actions.mlp.0" keeps its "mlp.".
std::string_view LastPart(std::string_view module) {
  const size_t mlp = module.find("mlp.");
  return mlp != std::string_view::npos && module.find('.', mlp + 4) == std::string_view::npos
             ? module.substr(mlp)
             : module.substr(module.rfind('.') + 1);
}
}  // namespace

Result<onnx::Model> Network::Finish() {
  if (!status_.ok()) return status_.error();
  VLAQ_ASSIGN_OR_RETURN(onnx::Graph graph, graph_.Finish());
  return onnx::MakeModel(std::move(graph), kVersion);
}

Value Network::Place(Result<const PlacedWeight*> placed) {
  if (!placed.ok()) {
    if (status_.ok()) status_ = placed.error();
    return "missing";
  }
  const PlacedWeight& weight = **placed;
  const Value stored = graph_.External(weight.recipe.name, weight.recipe.dtype, weight.recipe.shape,
                                       {std::string(kWeightsFile), weight.offset, weight.length});
  return weight.recipe.dtype == DType::kF32 ? stored : Cast(stored, DType::kF32);
}

Value Network::Weight(const std::string& canonical, const Transform& transform) {
  return Place(weights_.Place(canonical, transform, {canonical}));
}

Value Network::Cast(const Value& x, DType to) {
  return Op("Cast", {x}, {{"to", to == DType::kF32 ? kOnnxFloat : kOnnxInt64}});
}

Value Network::Slice(const Value& x, int64_t axis, int64_t start, int64_t end) {
  return Op("Slice", {x, Integers({start}), Integers({end}), Integers({axis})});
}

Value Network::Linear(const Value& x, const std::string& module) {
  const auto scope = graph_.Enter(LastPart(module));
  const Value product = MatMul(x, Weight(module + ".weight", kTranspose));
  return Add(product, Weight(module + ".bias"));
}

Value Network::Norm(const Value& x, const std::string& module, double epsilon) {
  const auto scope = graph_.Enter(LastPart(module));
  return Op("LayerNormalization", {x, Weight(module + ".weight"), Weight(module + ".bias")},
            {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(epsilon)}});
}

Value Network::Activate(const Value& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu: {  // 0.5 x (1 + erf(x / sqrt 2)), in the order that ONNX Runtime fuses
      const Value erf = Op("Erf", {Op("Div", {x, Scalar(std::numbers::sqrt2)})});
      return Mul(Mul(x, Add(erf, Scalar(1))), Scalar(0.5));
    }
    case Activation::kQuickGelu:
      return Mul(x, Op("Sigmoid", {Mul(x, Scalar(1.702))}));
    case Activation::kRelu:
      return Op("Relu", {x});
  }
  return x;
}

Value Network::RepeatForBatch(const Value& rows, const Value& like) {
  const Tensor never = Tensor::Make(DType::kBool, {});
  return Op("Where", {graph_.Constant("constant/false", never), Slice(like, 1, 0, 1), rows});
}

Value Network::SplitHeads(const Value& x, const Attention& attention, const std::vector<int64_t>& order) {
  return Transpose(Reshape(x, {0, 0, attention.heads, attention.width / attention.heads}), order);
}

Value Network::Attend(const Value& queries_from, const Value& keys_from, const Attention& a) {
  const auto scope = graph_.Enter(LastPart(a.module));
  const int64_t head_width = a.width / a.heads;
  const double scale = 1 / std::sqrt(static_cast<double>(head_width));
  const Value scaled = Mul(Linear(queries_from, a.module + ".q_proj"), Scalar(scale));
  const Value q = SplitHeads(scaled, a, {0, 2, 1, 3});
  const Value k = SplitHeads(Linear(keys_from, a.module + ".k_proj"), a, {0, 2, 3, 1});
  const Value v = SplitHeads(Linear(keys_from, a.module + ".v_proj"), a, {0, 2, 1, 3});
  Value scores = MatMul(q, k);
  if (!a.mask.empty()) scores = Add(scores, a.mask);
  const Value mixed = MatMul(Op("Softmax", {scores}, {{"axis", int64_t{-1}}}), v);
  Value context = Reshape(Transpose(mixed, {0, 2, 1, 3}), {0, 0, a.width});
  if (!a.inner_norm.empty()) context = Norm(context, a.inner_norm, a.inner_norm_epsilon);
  return Linear(context, a.module + ".out_proj");
}

}  // namespace vlaq::families
