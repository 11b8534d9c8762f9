// What transformers' Kosmos2Config says and the tensors do not: head counts, epsilons, activations. Read from
// config.json, or the published kosmos-2-patch14-224 where the shapes are its shapes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "families/kosmos2_lstm/structure.h"
#include "families/network.h"

namespace vlaq::kosmos2_lstm {

using families::Activation;

// Padding's token id and its row in the position table.
inline constexpr int64_t kPadId = 1;

// Positions that the exported table has at least: enough for every prompt at run time, whatever config.json says.
inline constexpr int64_t kMinPositions = 2048;

struct Config {
  int64_t text_heads = 0;
  int64_t vision_heads = 0;
  double text_norm_epsilon = 1e-5;
  double vision_norm_epsilon = 1e-5;
  Activation text_activation = Activation::kGelu;
  Activation vision_activation = Activation::kQuickGelu;
  bool scale_embedding = true;
  int64_t max_positions = 2048;
};

// Errors: kInput if the file contradicts the checkpoint's shapes or names something that kosmos2_lstm cannot compute
// (the error gives the key and both values).
Result<Config> ReadConfig(const std::filesystem::path& path, const Structure& structure);
Result<Config> ParseConfig(const Json& json, const std::string& where, const Structure& structure);

// The published configuration, if the checkpoint has its widths; otherwise kUsage naming the keys that must be given.
Result<Config> PublishedConfig(const Structure& structure);

// The config as transformers writes it (only the keys that matter here), for the bundle's policy.json.
Json ConfigToJson(const Config& config, const Structure& structure);

}  // namespace vlaq::kosmos2_lstm
