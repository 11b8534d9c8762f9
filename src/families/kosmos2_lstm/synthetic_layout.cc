#include "families/kosmos2_lstm/synthetic_layout.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace vlaq::kosmos2_lstm {
namespace {

// Appends tensors and draws the deviation from the shape: lively weights, since a fresh initialization (biases zero,
// norms one) would hide mistakes further down.
class Layout {
 public:
  explicit Layout(const PolicyShape& shape) : shape_(shape) {}

  std::vector<TensorPlan> Build() {
    Text();
    Vision();
    Projection();
    Head();
    return std::move(plans_);
  }

 private:
  TensorPlan& Add(std::string name, Shape extents, float mean, double deviation) {
    plans_.push_back({std::move(name), std::move(extents), mean, static_cast<float>(deviation)});
    return plans_.back();
  }
  TensorPlan& Weight(std::string name, Shape extents) {
    const int64_t fan_in = *ElementCount(extents) / extents[0];
    return Add(std::move(name), std::move(extents), 0, 1 / std::sqrt(static_cast<double>(fan_in)));
  }
  void Vector(std::string name, int64_t width) { Add(std::move(name), {width}, 0, 0.1); }
  void Linear(const std::string& name, int64_t in, int64_t out) {
    Weight(name + ".weight", {out, in});
    Vector(name + ".bias", out);
  }
  void Norm(const std::string& name, int64_t width) {
    Add(name + ".weight", {width}, 1, 0.2);
    Vector(name + ".bias", width);
  }
  void Attention(const std::string& name, int64_t width) {
    for (const std::string_view part : {"k", "v", "q", "out"})
      Linear(fmt::format("{}.{}_proj", name, part), width, width);
  }

  void Text() {
    const std::string top = "kosmos_model.text_model.model.";
    const int64_t width = shape_.text_width;
    TensorPlan& embedding = Weight(top + "embed_tokens.weight", {shape_.vocabulary, width});
    embedding.deviation *= 0.5F;  // it is multiplied by sqrt(width) in the model
    embedding.zero_row_1 = true;
    for (int64_t i = 0; i < shape_.layers; ++i) {
      const std::string layer = fmt::format("{}layers.{}.", top, i);
      Attention(layer + "self_attn", width);
      Norm(layer + "self_attn.inner_attn_ln", width);
      Norm(layer + "self_attn_layer_norm", width);
      Linear(layer + "ffn.fc1", width, shape_.text_ffn);
      Linear(layer + "ffn.fc2", shape_.text_ffn, width);
      Norm(layer + "ffn.ffn_layernorm", shape_.text_ffn);
      Norm(layer + "final_layer_norm", width);
    }
    Norm(top + "layer_norm", width);
  }

  void Vision() {
    const std::string top = "kosmos_model.vision_model.model.";
    const int64_t width = shape_.vision_width;
    const int64_t side = shape_.image / shape_.patch;
    Vector(top + "embeddings.class_embedding", width);
    Weight(top + "embeddings.patch_embedding.weight", {width, 3, shape_.patch, shape_.patch});
    Weight(top + "embeddings.position_embedding.weight", {side * side + 1, width});
    Norm(top + "pre_layrnorm", width);  // spelled so
    for (int64_t i = 0; i < shape_.layers; ++i) {
      const std::string layer = fmt::format("{}encoder.layers.{}.", top, i);
      Attention(layer + "self_attn", width);
      Norm(layer + "layer_norm1", width);
      Linear(layer + "mlp.fc1", width, shape_.vision_ffn);
      Linear(layer + "mlp.fc2", shape_.vision_ffn, width);
      Norm(layer + "layer_norm2", width);
    }
    Norm(top + "post_layernorm", width);
  }

  void Projection() {
    const std::string top = "kosmos_model.image_to_text_projection.";
    Weight(top + "latent_query", {shape_.latents, shape_.text_width});
    Linear(top + "dense", shape_.vision_width, shape_.text_width);
    Attention(top + "x_attn", shape_.text_width);
  }

  void Head() {
    const size_t first = plans_.size();
    const int64_t hidden = shape_.lstm_hidden;
    const int64_t gates = 4 * hidden;  // input, forget, cell, output, stacked
    const double deviation = 1.2 / std::sqrt(static_cast<double>(hidden));
    for (int64_t i = 0; i < shape_.lstm_layers; ++i) {
      Add(fmt::format("rnn.weight_ih_l{}", i), {gates, i == 0 ? shape_.text_width : hidden}, 0, deviation);
      Add(fmt::format("rnn.weight_hh_l{}", i), {gates, hidden}, 0, deviation);
      Add(fmt::format("rnn.bias_ih_l{}", i), {gates}, 0, deviation);
      Add(fmt::format("rnn.bias_hh_l{}", i), {gates}, 0, deviation);
    }
    int64_t in = hidden;
    int number = 0;  // an activation stands between two layers
    for (const int64_t out : shape_.mlp_widths) {
      Linear(fmt::format("actions.mlp.{}", number), in, out);
      in = out;
      number += 2;
    }
    Linear(fmt::format("actions.mlp.{}", number), in, shape_.action_dim);
    for (size_t i = first; i < plans_.size(); ++i) plans_[i].is_head = true;
  }

  const PolicyShape& shape_;
  std::vector<TensorPlan> plans_;
};

// <s> <image> 64 image rows </image> and the words.
void AddPrompt(PolicyShape& shape, int64_t image_open, int64_t image_close, const std::vector<int64_t>& words) {
  constexpr int64_t kFirstRow = 4;  // any id: the image's rows replace these positions
  shape.prompt_ids = {0, image_open};
  shape.image_positions = {0, 0};
  for (int64_t i = 0; i < shape.latents; ++i) {
    shape.prompt_ids.push_back(kFirstRow + i);
    shape.image_positions.push_back(1);
  }
  shape.prompt_ids.push_back(image_close);
  shape.prompt_ids.insert(shape.prompt_ids.end(), words.begin(), words.end());
  shape.image_positions.resize(shape.prompt_ids.size(), 0);
}

}  // namespace

PolicyShape ShapeOf(Size size) {
  PolicyShape shape;
  switch (size) {
    case Size::kFull:
      shape.vocabulary = 65037;
      shape.text_width = 2048;
      shape.text_heads = 32;
      shape.text_ffn = 8192;
      shape.vision_width = 1024;
      shape.vision_heads = 16;
      shape.vision_ffn = 4096;
      shape.lstm_hidden = 1024;
      shape.mlp_widths = {1024, 512, 256};
      AddPrompt(shape, 64003, 64004, {64012, 712, 1648, 9});  // "<grounding>An image of"
      return shape;
    case Size::kMicro:
      shape.vocabulary = 600;
      shape.text_width = 64;
      shape.text_heads = 4;
      shape.text_ffn = 96;
      shape.vision_width = 32;
      shape.vision_heads = 2;
      shape.vision_ffn = 64;
      shape.lstm_hidden = 32;
      shape.mlp_widths = {32, 24, 16};
      AddPrompt(shape, 500, 501, {588, 586, 592, 271, 160, 558, 125, 208, 143, 238, 353, 132, 491});
      return shape;
  }
  return shape;
}

std::vector<TensorPlan> PolicyTensors(const PolicyShape& shape) { return Layout(shape).Build(); }

}  // namespace vlaq::kosmos2_lstm
