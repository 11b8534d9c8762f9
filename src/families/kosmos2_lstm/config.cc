#include "families/kosmos2_lstm/config.h"

#include <fmt/format.h>

#include <array>

#include "base/json.h"
#include "base/json_field.h"
#include "base/names.h"

namespace vlaq::kosmos2_lstm {
namespace {

constexpr std::array kActivations{
    Named<Activation>{Activation::kGelu, "gelu"},
    Named<Activation>{Activation::kQuickGelu, "quick_gelu"},
    Named<Activation>{Activation::kRelu, "relu"},
};

// An integer that the tensors know as well: its key, and what the shapes say.
struct SharedFact {
  std::string_view key;
  int64_t from_shapes;
};

void CheckFacts(const JsonField& part, std::initializer_list<SharedFact> facts) {
  for (const SharedFact& fact : facts) {
    int64_t value = fact.from_shapes;
    part.Read(fact.key, value);
    if (value == fact.from_shapes) continue;
    part.FailAt(fact.key, fmt::format("is {}, but the checkpoint's shapes say {}", value, fact.from_shapes),
                "the configuration belongs to another checkpoint");
  }
}

void ReadHeads(const JsonField& part, std::string_view key, int64_t width, int64_t& heads) {
  if (!part.Has(key)) part.FailAt(key, "is missing", "it cannot be derived from shapes");
  part.Read(key, heads);
  if (heads < 1 || width % heads != 0) {
    part.FailAt(key, fmt::format("is {}, which does not divide the width {}", heads, width));
  }
}

void ReadEpsilon(const JsonField& part, double& epsilon) {
  part.Read("layer_norm_eps", epsilon);
  if (!(epsilon > 0 && epsilon < 1)) {
    part.FailAt("layer_norm_eps", fmt::format("is {}, not a small positive number", epsilon));
  }
}

std::optional<Activation> FindActivation(std::string_view name) { return FindIn(kActivations, name); }

void ReadText(const JsonField& part, const Structure& s, Config& config) {
  CheckFacts(part, {{"vocab_size", s.text.vocabulary},
                    {"embed_dim", s.text.width},
                    {"layers", s.text.layers},
                    {"ffn_dim", s.text.ffn}});
  ReadHeads(part, "attention_heads", s.text.width, config.text_heads);
  ReadEpsilon(part, config.text_norm_epsilon);
  part.ReadName("activation_function", FindActivation, NamesIn(kActivations), config.text_activation);
  config.scale_embedding = true;
  part.Read("scale_embedding", config.scale_embedding);
  int64_t pad = kPadId;
  part.Read("pad_token_id", pad);
  // The embedding's and the position table's empty row is this one in every Kosmos-2.
  if (pad != kPadId) part.FailAt("pad_token_id", fmt::format("is {}, but Kosmos-2 pads with {}", pad, kPadId));
  constexpr int64_t kMaxPositions = 1'000'000;
  config.max_positions = 2048;
  if (const auto positions = part.Find("max_position_embeddings")) {
    config.max_positions = positions->Integer(1, kMaxPositions);
  }
  bool cross_attention = false;
  part.Read("add_cross_attention", cross_attention);
  if (cross_attention) part.FailAt("add_cross_attention", "is not supported");
}

void ReadVision(const JsonField& part, const Structure& s, Config& config) {
  CheckFacts(part, {{"hidden_size", s.vision.width},
                    {"intermediate_size", s.vision.ffn},
                    {"num_hidden_layers", s.vision.layers},
                    {"image_size", s.vision.image_size},
                    {"patch_size", s.vision.patch},
                    {"num_channels", s.vision.channels}});
  ReadHeads(part, "num_attention_heads", s.vision.width, config.vision_heads);
  ReadEpsilon(part, config.vision_norm_epsilon);
  part.ReadName("hidden_act", FindActivation, NamesIn(kActivations), config.vision_activation);
}

}  // namespace

Result<Config> ParseConfig(const Json& json, const std::string& where, const Structure& structure) {
  const JsonField root(json, where);
  Config config;
  for (const std::string_view part : {"text_config", "vision_config"}) {
    if (!root.Has(part)) root.FailAt(part, "is missing", "give transformers' Kosmos2Config (config.json)");
  }
  CheckFacts(root, {{"latent_query_num", structure.latents}});
  ReadText(root["text_config"], structure, config);
  ReadVision(root["vision_config"], structure, config);
  VLAQ_RETURN_IF_ERROR(root.status());
  return config;
}

Result<Config> ReadConfig(const std::filesystem::path& path, const Structure& structure) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  return ParseConfig(json, path.string(), structure);
}

Result<Config> PublishedConfig(const Structure& structure) {
  constexpr int64_t kTextWidth = 2048;
  constexpr int64_t kVisionWidth = 1024;
  constexpr int64_t kHeadWidth = 64;
  if (structure.text.width != kTextWidth || structure.vision.width != kVisionWidth) {
    return UsageError(
        fmt::format(
            "the checkpoint's widths ({} text, {} vision) are not those of the published Kosmos-2 ({} and {}), so "
            "text_config.attention_heads and vision_config.num_attention_heads cannot be known",
            structure.text.width, structure.vision.width, kTextWidth, kVisionWidth),
        "give them with --config config.json (transformers' Kosmos2Config)");
  }
  Config config;
  config.text_heads = kTextWidth / kHeadWidth;
  config.vision_heads = kVisionWidth / kHeadWidth;
  return config;
}

Json ConfigToJson(const Config& config, const Structure& s) {
  return Json{{"model_type", "kosmos-2"},
              {"latent_query_num", s.latents},
              {"text_config",
               {{"vocab_size", s.text.vocabulary},
                {"embed_dim", s.text.width},
                {"layers", s.text.layers},
                {"attention_heads", config.text_heads},
                {"ffn_dim", s.text.ffn},
                {"activation_function", NameIn(kActivations, config.text_activation)},
                {"layer_norm_eps", config.text_norm_epsilon},
                {"scale_embedding", config.scale_embedding},
                {"pad_token_id", kPadId},
                {"max_position_embeddings", config.max_positions}}},
              {"vision_config",
               {{"hidden_size", s.vision.width},
                {"intermediate_size", s.vision.ffn},
                {"num_hidden_layers", s.vision.layers},
                {"num_attention_heads", config.vision_heads},
                {"hidden_act", NameIn(kActivations, config.vision_activation)},
                {"layer_norm_eps", config.vision_norm_epsilon},
                {"image_size", s.vision.image_size},
                {"patch_size", s.vision.patch},
                {"num_channels", s.vision.channels}}}};
}

}  // namespace vlaq::kosmos2_lstm
