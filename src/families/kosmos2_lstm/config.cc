#include "families/kosmos2_lstm/config.h"

#include <fmt/format.h>

#include <array>

#include "base/json.h"
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

Status CheckFacts(const JsonReader& reader, std::initializer_list<SharedFact> facts) {
  for (const SharedFact& fact : facts) {
    VLAQ_ASSIGN_OR_RETURN(const auto value, reader.Integer(fact.key));
    if (value && *value != fact.from_shapes) {
      return InputError(
          reader.where(),
          fmt::format("\"{}\" is {}, but the checkpoint's shapes say {}", fact.key, *value, fact.from_shapes),
          "the configuration belongs to another checkpoint");
    }
  }
  return {};
}

Status ReadHeads(const JsonReader& reader, std::string_view key, int64_t width, int64_t& heads) {
  VLAQ_ASSIGN_OR_RETURN(const auto value, reader.Integer(key));
  if (!value)
    return InputError(reader.where(), fmt::format("\"{}\" is missing", key), "it cannot be derived from shapes");
  if (*value < 1 || width % *value != 0) {
    return InputError(reader.where(),
                      fmt::format("\"{}\" is {}, which does not divide the width {}", key, *value, width));
  }
  heads = *value;
  return {};
}

Status ReadEpsilon(const JsonReader& reader, double& epsilon) {
  VLAQ_ASSIGN_OR_RETURN(const auto value, reader.Number("layer_norm_eps"));
  if (value && !(*value > 0 && *value < 1)) {
    return InputError(reader.where(), fmt::format("\"layer_norm_eps\" is {}, not a small positive number", *value));
  }
  if (value) epsilon = *value;
  return {};
}

Status ReadActivation(const JsonReader& reader, std::string_view key, Activation& activation) {
  VLAQ_ASSIGN_OR_RETURN(const auto name, reader.String(key));
  if (!name) return {};
  if (const auto known = FindIn(kActivations, *name)) {
    activation = *known;
    return {};
  }
  return InputError(reader.where(), fmt::format("\"{}\" is \"{}\", which vlaq does not know", key, *name),
                    "known are gelu, quick_gelu and relu");
}

Status ReadText(const JsonReader& reader, const Structure& s, Config& config) {
  VLAQ_RETURN_IF_ERROR(CheckFacts(reader, {{"vocab_size", s.text.vocabulary},
                                           {"embed_dim", s.text.width},
                                           {"layers", s.text.layers},
                                           {"ffn_dim", s.text.ffn}}));
  VLAQ_RETURN_IF_ERROR(ReadHeads(reader, "attention_heads", s.text.width, config.text_heads));
  VLAQ_RETURN_IF_ERROR(ReadEpsilon(reader, config.text_norm_epsilon));
  VLAQ_RETURN_IF_ERROR(ReadActivation(reader, "activation_function", config.text_activation));
  VLAQ_ASSIGN_OR_RETURN(const auto scale, reader.Boolean("scale_embedding"));
  config.scale_embedding = scale.value_or(true);
  VLAQ_ASSIGN_OR_RETURN(const auto pad, reader.Integer("pad_token_id"));
  if (pad.value_or(1) != 1) {  // the embedding's and the position table's empty row is row 1 in every Kosmos-2
    return InputError(reader.where(), fmt::format("\"pad_token_id\" is {}, but Kosmos-2 pads with 1", *pad));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto positions, reader.Integer("max_position_embeddings"));
  config.max_positions = positions.value_or(2048);
  if (config.max_positions < 1 || config.max_positions > 1'000'000) {
    return InputError(reader.where(), fmt::format("\"max_position_embeddings\" is {}", config.max_positions));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto cross, reader.Boolean("add_cross_attention"));
  if (cross.value_or(false)) return InputError(reader.where(), "\"add_cross_attention\" is not supported");
  return {};
}

Status ReadVision(const JsonReader& reader, const Structure& s, Config& config) {
  VLAQ_RETURN_IF_ERROR(CheckFacts(reader, {{"hidden_size", s.vision.width},
                                           {"intermediate_size", s.vision.ffn},
                                           {"num_hidden_layers", s.vision.layers},
                                           {"image_size", s.vision.image_size},
                                           {"patch_size", s.vision.patch},
                                           {"num_channels", s.vision.channels}}));
  VLAQ_RETURN_IF_ERROR(ReadHeads(reader, "num_attention_heads", s.vision.width, config.vision_heads));
  VLAQ_RETURN_IF_ERROR(ReadEpsilon(reader, config.vision_norm_epsilon));
  return ReadActivation(reader, "hidden_act", config.vision_activation);
}

}  // namespace

Result<Config> ParseConfig(const Json& json, const std::string& where, const Structure& structure) {
  const JsonReader top(json, where);
  VLAQ_RETURN_IF_ERROR(CheckFacts(top, {{"latent_query_num", structure.latents}}));
  Config config;
  for (const std::string_view key : {"text_config", "vision_config"}) {
    const Json* part = top.Find(key);
    if (part == nullptr || !part->is_object()) {
      return InputError(where, fmt::format("\"{}\" is missing", key), "give transformers' Kosmos2Config (config.json)");
    }
    const JsonReader reader(*part, fmt::format("{}: {}", where, key));
    VLAQ_RETURN_IF_ERROR(key == "text_config" ? ReadText(reader, structure, config)
                                              : ReadVision(reader, structure, config));
  }
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
