// Reads from names and shapes alone what a kosmos2_lstm checkpoint is: a Kosmos-2 backbone, an LSTM and an MLP head.
// Nothing is guessed: what the tensors do not say (head counts, feature source) is not here but in Kosmos2Config and
// PolicySpec. Any prefix is accepted ("kosmos_model.", "model.backbone.", "module.") because parts are recognized by
// the ends of their names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "families/kosmos2_lstm/policy_spec.h"

namespace vlaq::kosmos2_lstm {

// Canonical names by which a checkpoint is recognized and measured.
inline constexpr std::string_view kEmbedding = "text_model.model.embed_tokens.weight";
inline constexpr std::string_view kPatchEmbedding = "vision_model.model.embeddings.patch_embedding.weight";
inline constexpr std::string_view kPositionEmbedding = "vision_model.model.embeddings.position_embedding.weight";
inline constexpr std::string_view kLatentQuery = "image_to_text_projection.latent_query";
inline constexpr std::string_view kFirstGates = "rnn.weight_ih_l0";
inline constexpr std::string_view kActionToken = "action_token";

struct TextStructure {
  int64_t layers = 0;
  int64_t width = 0;  // embed_dim
  int64_t ffn = 0;
  int64_t vocabulary = 0;
};

struct VisionStructure {
  int64_t layers = 0;
  int64_t width = 0;  // hidden_size
  int64_t ffn = 0;
  int64_t channels = 0;
  int64_t patch = 0;       // pixels, square
  int64_t image_size = 0;  // pixels, square: patch x sqrt(position rows - 1)

  int64_t grid() const { return image_size / patch; }
  int64_t tokens() const { return grid() * grid() + 1; }  // patches and the class token
};

struct LstmStructure {
  int64_t layers = 0;
  int64_t input = 0;
  int64_t hidden = 0;  // rows of weight_ih / 4: the four gates are stacked
};

struct MlpStructure {
  std::string name;              // "actions", "velocities": the module that holds `mlp`
  std::vector<int64_t> numbers;  // positions of the Linears inside the Sequential, ascending
  std::vector<int64_t> widths;   // outputs of the hidden Linears
  int64_t outputs = 0;           // chunk x action_dim
};

struct Structure {
  std::string variant;  // "simple LSTM", "RoboVLMs"
  std::string backbone_prefix;
  std::string head_prefix;
  TextStructure text;
  VisionStructure vision;
  int64_t latents = 0;
  LstmStructure lstm;
  MlpStructure mlp;
  bool has_action_token = false;

  // Canonical name ("text_model.model.layer_norm.weight", "rnn.weight_ih_l0", "actions.mlp.0.bias", "action_token")
  // -> name in the file. Holds every tensor that the policy's graphs may need.
  std::map<std::string, std::string> names;
  // Name in the file -> why the policy does not need it (tied lm_head, non-persistent buffers of old versions).
  std::map<std::string, std::string> ignored;
  // Names in the file that the architecture has no place for.
  std::vector<std::string> unknown;
};

// One tensor that the structure implies: canonical name and shape.
struct ExpectedTensor {
  std::string name;
  Shape shape;
};
// Every tensor of the backbone and the head, in a fixed order (text, vision, projection, lstm, mlp).
std::vector<ExpectedTensor> ExpectedTensors(const Structure& structure);

// The part a canonical name belongs to, for summaries: "text", "vision", "projection", "lstm", "mlp", "action token".
std::string_view PartOf(std::string_view canonical_name);

// nullopt if this is not a kosmos2_lstm checkpoint (some landmark is missing: `reason` says which). Errors: kInput if
// it is one but a tensor is missing or has a shape that contradicts the others (the error names it and both shapes).
struct StructureOrReason {
  std::optional<Structure> structure;
  std::string reason;
};
Result<StructureOrReason> ReadStructure(const checkpoint::Checkpoint& checkpoint);

// As ReadStructure, but kInput with the reason when it is another architecture.
Result<Structure> RequireStructure(const checkpoint::Checkpoint& checkpoint);

// What policy.json says of sizes must be what the tensors say. Errors: kInput naming the key and both values; `where`
// stands for the file.
Status CheckSpec(const PolicySpec& spec, const Structure& structure, const std::string& where);

}  // namespace vlaq::kosmos2_lstm
