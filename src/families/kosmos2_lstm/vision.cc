// The vision tower and the bridge to the language model (docs/kosmos2_lstm.md 4.1 to 4.3).
#include <fmt/format.h>

#include "families/kosmos2_lstm/towers.h"

namespace vlaq::kosmos2_lstm {
namespace {

constexpr std::string_view kVision = "vision_model.model.";
constexpr std::string_view kProjection = "image_to_text_projection.";

std::string WeightName(std::string_view part, std::string_view rest) { return fmt::format("{}{}", part, rest); }

// A vector or matrix of the checkpoint as rows [1, n, width].
Value AsRows(Network& net, const Value& weight, int64_t rows, int64_t width) {
  return net.Reshape(weight, {1, rows, width});
}

Value PatchTokens(Network& net, const VisionStructure& vision, const Value& pixel_values) {
  const Value patches =
      net.Op("Conv", {pixel_values, net.Weight(WeightName(kVision, "embeddings.patch_embedding.weight"))},
             {{"kernel_shape", std::vector<int64_t>{vision.patch, vision.patch}},
              {"strides", std::vector<int64_t>{vision.patch, vision.patch}}});
  const int64_t count = vision.grid() * vision.grid();
  const Value tokens = net.Transpose(net.Reshape(patches, {0, vision.width, count}), {0, 2, 1});
  const Value class_row = AsRows(net, net.Weight(WeightName(kVision, "embeddings.class_embedding")), 1, vision.width);
  return net.Concat({net.RepeatForBatch(class_row, tokens), tokens}, 1);
}

Value VisionLayer(Network& net, const Model& model, int64_t index, const Value& x) {
  const std::string layer = fmt::format("{}encoder.layers.{}", kVision, index);
  const double epsilon = model.config.vision_norm_epsilon;
  const auto scope = net.graph().Enter(fmt::format("layer.{}", index));
  const Value normed = net.Norm(x, layer + ".layer_norm1", epsilon);
  const Value attended = net.Attend(
      normed, normed,
      {.module = layer + ".self_attn", .heads = model.config.vision_heads, .width = model.structure.vision.width});
  const Value y = net.Add(x, attended);
  const Value wide = net.Linear(net.Norm(y, layer + ".layer_norm2", epsilon), layer + ".mlp.fc1");
  return net.Add(y, net.Linear(net.Activate(wide, model.config.vision_activation), layer + ".mlp.fc2"));
}

}  // namespace

Value VisionTower(Network& net, const Model& model, const Value& pixel_values) {
  const auto scope = net.graph().Enter("vision");
  const VisionStructure& vision = model.structure.vision;
  Value x = net.Add(PatchTokens(net, vision, pixel_values),
                    net.Weight(WeightName(kVision, "embeddings.position_embedding.weight")));
  x = net.Norm(x, WeightName(kVision, "pre_layrnorm"), model.config.vision_norm_epsilon);
  for (int64_t i = 0; i < vision.layers; ++i) x = VisionLayer(net, model, i, x);
  return x;
}

Value VisionPooler(Network& net, const Model& model, const Value& vision_hidden) {
  const auto scope = net.graph().Enter("pooler");
  const Value class_token = net.Squeeze(net.Slice(vision_hidden, 1, 0, 1), 1);
  return net.Norm(class_token, WeightName(kVision, "post_layernorm"), model.config.vision_norm_epsilon);
}

Value ImageEmbeds(Network& net, const Model& model, const Value& vision_hidden) {
  const auto scope = net.graph().Enter("projection");
  const int64_t width = model.structure.text.width;
  const Value normed = net.Norm(vision_hidden, WeightName(kVision, "post_layernorm"), model.config.vision_norm_epsilon);
  const Value length = net.Op("ReduceL2", {normed}, {{"axes", std::vector<int64_t>{-1}}, {"keepdims", int64_t{1}}});
  const Value unit = net.Op("Div", {normed, net.Op("Max", {length, net.Scalar(1e-12)})});
  const Value features = net.Linear(unit, WeightName(kProjection, "dense"));
  const Value latents =
      AsRows(net, net.Weight(WeightName(kProjection, "latent_query")), model.structure.latents, width);
  // Keys and values: features first, latents last. The query is the same for every frame.
  const Value keys = net.Concat({features, net.RepeatForBatch(latents, features)}, 1);
  return net.Attend(latents, keys,
                    {.module = WeightName(kProjection, "x_attn"), .heads = model.config.text_heads, .width = width});
}

}  // namespace vlaq::kosmos2_lstm
