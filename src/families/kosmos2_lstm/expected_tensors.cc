// The tensors that a kosmos2_lstm structure implies (docs/kosmos2_lstm.md 3): names and shapes, and the part each
// belongs to.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "families/kosmos2_lstm/structure.h"

namespace vlaq::kosmos2_lstm {
namespace {

// The tensors of modules that recur.
class ExpectedList {
 public:
  void Add(std::string name, Shape shape) { list_.push_back({std::move(name), std::move(shape)}); }
  void Linear(const std::string& name, int64_t out, int64_t in) {
    Add(name + ".weight", {out, in});
    Add(name + ".bias", {out});
  }
  void Norm(const std::string& name, int64_t width) {
    Add(name + ".weight", {width});
    Add(name + ".bias", {width});
  }
  void Attention(const std::string& name, int64_t width) {
    for (const std::string_view projection : {"k_proj", "v_proj", "q_proj", "out_proj"}) {
      Linear(fmt::format("{}.{}", name, projection), width, width);
    }
  }
  std::vector<ExpectedTensor> Take() { return std::move(list_); }

 private:
  std::vector<ExpectedTensor> list_;
};

void AddText(const TextStructure& text, ExpectedList& list) {
  list.Add(std::string(kEmbedding), {text.vocabulary, text.width});
  for (int64_t i = 0; i < text.layers; ++i) {
    const std::string layer = fmt::format("text_model.model.layers.{}", i);
    list.Attention(layer + ".self_attn", text.width);
    list.Norm(layer + ".self_attn.inner_attn_ln", text.width);
    list.Norm(layer + ".self_attn_layer_norm", text.width);
    list.Linear(layer + ".ffn.fc1", text.ffn, text.width);
    list.Linear(layer + ".ffn.fc2", text.width, text.ffn);
    list.Norm(layer + ".ffn.ffn_layernorm", text.ffn);
    list.Norm(layer + ".final_layer_norm", text.width);
  }
  list.Norm("text_model.model.layer_norm", text.width);
}

void AddVision(const VisionStructure& vision, ExpectedList& list) {
  const std::string model = "vision_model.model";
  list.Add(model + ".embeddings.class_embedding", {vision.width});
  list.Add(std::string(kPatchEmbedding), {vision.width, vision.channels, vision.patch, vision.patch});
  list.Add(std::string(kPositionEmbedding), {vision.tokens(), vision.width});
  list.Norm(model + ".pre_layrnorm", vision.width);  // spelled so in the files
  for (int64_t i = 0; i < vision.layers; ++i) {
    const std::string layer = fmt::format("{}.encoder.layers.{}", model, i);
    list.Attention(layer + ".self_attn", vision.width);
    list.Norm(layer + ".layer_norm1", vision.width);
    list.Linear(layer + ".mlp.fc1", vision.ffn, vision.width);
    list.Linear(layer + ".mlp.fc2", vision.width, vision.ffn);
    list.Norm(layer + ".layer_norm2", vision.width);
  }
  list.Norm(model + ".post_layernorm", vision.width);
}

void AddHead(const LstmStructure& lstm, const MlpStructure& mlp, ExpectedList& list) {
  for (int64_t i = 0; i < lstm.layers; ++i) {
    list.Add(fmt::format("rnn.weight_ih_l{}", i), {4 * lstm.hidden, i == 0 ? lstm.input : lstm.hidden});
    list.Add(fmt::format("rnn.weight_hh_l{}", i), {4 * lstm.hidden, lstm.hidden});
    list.Add(fmt::format("rnn.bias_ih_l{}", i), {4 * lstm.hidden});
    list.Add(fmt::format("rnn.bias_hh_l{}", i), {4 * lstm.hidden});
  }
  int64_t in = lstm.hidden;
  for (size_t i = 0; i < mlp.numbers.size(); ++i) {
    const int64_t out = i < mlp.widths.size() ? mlp.widths[i] : mlp.outputs;
    list.Linear(fmt::format("{}.mlp.{}", mlp.name, mlp.numbers[i]), out, in);
    in = out;
  }
}

}  // namespace

std::vector<ExpectedTensor> ExpectedTensors(const Structure& structure) {
  ExpectedList list;
  AddText(structure.text, list);
  AddVision(structure.vision, list);
  list.Add(std::string(kLatentQuery), {structure.latents, structure.text.width});
  list.Linear("image_to_text_projection.dense", structure.text.width, structure.vision.width);
  list.Attention("image_to_text_projection.x_attn", structure.text.width);
  AddHead(structure.lstm, structure.mlp, list);
  return list.Take();
}

std::string_view PartOf(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kParts{{
      {"text_model.", "text"},
      {"vision_model.", "vision"},
      {"image_to_text_projection.", "projection"},
      {"rnn.", "lstm"},
      {"action_token", "action token"},
  }};
  for (const auto& [start, part] : kParts) {
    if (name.starts_with(start)) return part;
  }
  return "mlp";
}

}  // namespace vlaq::kosmos2_lstm
