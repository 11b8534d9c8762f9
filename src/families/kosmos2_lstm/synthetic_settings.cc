// The JSON files that belong to a synthetic checkpoint.
#include "base/json.h"
#include "families/kosmos2_lstm/synthetic_checkpoint.h"

namespace vlaq::kosmos2_lstm {
namespace {

constexpr int kIndent = 2;

Json TextConfig(const PolicyShape& shape) {
  return {{"model_type", "kosmos_2_text_model"},
          {"vocab_size", shape.vocabulary},
          {"embed_dim", shape.text_width},
          {"layers", shape.layers},
          {"attention_heads", shape.text_heads},
          {"ffn_dim", shape.text_ffn},
          {"activation_function", "gelu"},
          {"add_cross_attention", false},
          {"layer_norm_eps", 1e-5},
          {"max_position_embeddings", 2048},
          {"scale_embedding", true},
          {"dropout", 0.0},
          {"attention_dropout", 0.0},
          {"activation_dropout", 0.0},
          {"layerdrop", 0.0},
          {"pad_token_id", 1},
          {"bos_token_id", 0},
          {"eos_token_id", 2}};
}

Json VisionConfig(const PolicyShape& shape) {
  return {{"model_type", "kosmos_2_vision_model"},
          {"hidden_size", shape.vision_width},
          {"intermediate_size", shape.vision_ffn},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.vision_heads},
          {"num_channels", 3},
          {"image_size", shape.image},
          {"patch_size", shape.patch},
          {"hidden_act", "quick_gelu"},
          {"layer_norm_eps", 1e-5},
          {"attention_dropout", 0.0}};
}

}  // namespace

std::string ConfigJson(Size size) {
  const PolicyShape shape = ShapeOf(size);
  const Json config = {{"model_type", "kosmos-2"},
                       {"latent_query_num", shape.latents},
                       {"text_config", TextConfig(shape)},
                       {"vision_config", VisionConfig(shape)}};
  return JsonString(config, kIndent) + "\n";
}

std::string PolicyJson(Size size) {
  const PolicyShape shape = ShapeOf(size);
  const Json policy = {
      {"architecture", "kosmos2_lstm"},
      {"feature_source", "mean_hidden"},
      {"prompt_layout", "hf_processor"},
      {"lstm_input", shape.text_width},
      {"lstm_hidden", shape.lstm_hidden},
      {"lstm_layers", shape.lstm_layers},
      {"mlp_widths", shape.mlp_widths},
      {"chunk", 1},
      {"action_dim", shape.action_dim},
      {"window", 8},
      {"head_name", "actions"},
      {"action_scale", 2.0},
      {"preprocess", {{"resize", "bicubic"}, {"normalise", "clip"}, {"channel_order", "rgb"}}},
      {"prompt_ids", shape.prompt_ids},
      {"image_position_mask", shape.image_positions},
  };
  return JsonString(policy, kIndent) + "\n";
}

Status WriteSideFiles(const std::filesystem::path& folder, Size size, Existing existing) {
  VLAQ_RETURN_IF_ERROR(WriteFile(folder / "config.json", ConfigJson(size), existing));
  return WriteFile(folder / "policy.json", PolicyJson(size), existing);
}

}  // namespace vlaq::kosmos2_lstm
