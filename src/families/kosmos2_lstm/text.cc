// The language tower (docs/kosmos2_lstm.md 4.4 and 4.5): embedding scale, sinusoidal positions, a causal sub-LN
// decoder.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "families/kosmos2_lstm/towers.h"

namespace vlaq::kosmos2_lstm {
namespace {

// Additive mask [B or 1, 1, T, T]: 0 where a token may look, the smallest float elsewhere. A token sees itself and
// earlier ones (order by a running count, so that no shape has to be computed), and only where `mask` is 1.
Value AdditiveMask(Network& net, const Value& mask) {
  const auto scope = net.graph().Enter("mask");
  const Value ones = net.Cast(net.Op("Equal", {mask, mask}), DType::kI64);
  const Value order = net.Op("CumSum", {ones, net.Integer(1)});
  const Value causal = net.Op("LessOrEqual", {net.Unsqueeze(order, 1), net.Unsqueeze(order, 2)});
  const Value visible = net.Unsqueeze(net.Op("Equal", {mask, net.Integer(1)}), 1);
  const Value allowed = net.Op("And", {causal, visible});
  const Value additive =
      net.Op("Where", {allowed, net.Scalar(0), net.Scalar(static_cast<double>(std::numeric_limits<float>::lowest()))});
  return net.Unsqueeze(additive, 1);
}

Value DecoderLayer(Network& net, const Model& model, int64_t index, const Value& mask, const Value& x) {
  const std::string layer = fmt::format("text_model.model.layers.{}", index);
  const double epsilon = model.config.text_norm_epsilon;
  const auto scope = net.graph().Enter(fmt::format("layer.{}", index));
  const Value normed = net.Norm(x, layer + ".self_attn_layer_norm", epsilon);
  const Value attended = net.Attend(normed, normed,
                                    {.module = layer + ".self_attn",
                                     .heads = model.config.text_heads,
                                     .width = model.structure.text.width,
                                     .inner_norm = layer + ".self_attn.inner_attn_ln",
                                     .inner_norm_epsilon = epsilon,
                                     .mask = mask});
  const Value y = net.Add(x, attended);
  const Value wide = net.Linear(net.Norm(y, layer + ".final_layer_norm", epsilon), layer + ".ffn.fc1");
  const Value inner = net.Norm(net.Activate(wide, model.config.text_activation), layer + ".ffn.ffn_layernorm", epsilon);
  return net.Add(y, net.Linear(inner, layer + ".ffn.fc2"));
}

}  // namespace

Value TextTower(Network& net, const Model& model, const Sequence& sequence) {
  const auto scope = net.graph().Enter("text");
  const TextStructure& text = model.structure.text;
  // Image rows are scaled like words.
  const double scale = model.config.scale_embedding ? std::sqrt(static_cast<double>(text.width)) : 1.0;
  const Value positions =
      net.Op("Gather", {net.Positions(model.position_rows, text.width), sequence.positions}, {{"axis", int64_t{0}}});
  Value x = net.Add(net.Mul(sequence.embeddings, net.Scalar(scale)), positions);
  const Value mask = AdditiveMask(net, sequence.mask);
  for (int64_t i = 0; i < text.layers; ++i) x = DecoderLayer(net, model, i, mask, x);
  return net.Norm(x, "text_model.model.layer_norm", model.config.text_norm_epsilon);
}

}  // namespace vlaq::kosmos2_lstm
