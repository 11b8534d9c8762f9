// From the decoder's output to actions (docs/kosmos2_lstm.md 7 and 8).
#include <fmt/format.h>

#include "families/kosmos2_lstm/towers.h"
#include "families/kosmos2_lstm/transforms.h"

namespace vlaq::kosmos2_lstm {
namespace {

// Mean over the positions that may be seen: sum(mask x) / sum(mask).
Value MaskedMean(Network& net, const Value& hidden, const Value& mask) {
  const Value weights = net.Cast(mask, DType::kF32);
  const Value sum = net.Squeeze(net.MatMul(net.Unsqueeze(weights, 1), hidden), 1);
  const Value count = net.Op("ReduceSum", {weights, net.Integers({1})}, {{"keepdims", int64_t{1}}});
  return net.Op("Div", {sum, count});
}

// The last position that may be seen, picked by a product with 0 and 1, which is exact.
Value LastVisible(Network& net, const Value& hidden, const Value& mask) {
  const Value count = net.Op("CumSum", {mask, net.Integer(1)});
  const Value total = net.Op("ReduceSum", {mask, net.Integers({1})}, {{"keepdims", int64_t{1}}});
  const Value reached = net.Cast(net.Op("Equal", {count, total}), DType::kI64);
  const Value one_hot = net.Cast(net.Mul(reached, mask), DType::kF32);
  return net.Squeeze(net.MatMul(net.Unsqueeze(one_hot, 1), hidden), 1);
}

Value At(Network& net, const Value& hidden, int64_t position) {
  const int64_t end = position == -1 ? Network::kEnd : position + 1;
  return net.Squeeze(net.Slice(hidden, 1, position, end), 1);
}

}  // namespace

Value SelectFeature(Network& net, const PolicySpec& spec, const Value& text_hidden, const Value& mask) {
  const auto scope = net.graph().Enter("feature");
  switch (spec.feature_source) {
    case FeatureSource::kMeanHidden:
      return MaskedMean(net, text_hidden, mask);
    case FeatureSource::kLastToken:
      return LastVisible(net, text_hidden, mask);
    case FeatureSource::kFirstToken:
      return At(net, text_hidden, 0);
    case FeatureSource::kActionToken:  // where the layout put it; the processor's layout has its place but not the
                                       // token
      return At(net, text_hidden, spec.prompt_layout == PromptLayout::kForkFallback ? -1 : -2);
    case FeatureSource::kPooler:
      break;  // not a feature of the text tower
  }
  return text_hidden;
}

Value ActionHead(Network& net, const Model& model, const PolicySpec& spec, const Value& features) {
  const auto scope = net.graph().Enter("head");
  const LstmStructure& lstm = model.structure.lstm;
  Value x = net.Transpose(features, {1, 0, 2});  // time first, as the ONNX operator wants it
  for (int64_t i = 0; i < lstm.layers; ++i) {
    const bool last = i + 1 == lstm.layers;
    const std::vector<Value> outputs =
        net.graph().Ops("LSTM",
                        {x, net.Weight(fmt::format("rnn.weight_ih_l{}", i), kLstmGates),
                         net.Weight(fmt::format("rnn.weight_hh_l{}", i), kLstmGates), net.LstmBias(i)},
                        last ? 2 : 1, {{"hidden_size", lstm.hidden}});
    // Y [window, 1, batch, H] for the next layer; of the last layer only Y_h [1, batch, H], the newest step.
    x = net.Squeeze(outputs[last ? 1 : 0], last ? 0 : 1);
  }
  const MlpStructure& mlp = model.structure.mlp;
  for (size_t i = 0; i < mlp.numbers.size(); ++i) {
    x = net.Linear(x, fmt::format("{}.mlp.{}", mlp.name, mlp.numbers[i]));
    x = net.Op(i + 1 < mlp.numbers.size() ? "Relu" : "Tanh", {x});
  }
  return net.Reshape(x, {0, spec.chunk, spec.action_dim});
}

}  // namespace vlaq::kosmos2_lstm
