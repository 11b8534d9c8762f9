// What a checkpoint does not say about a policy, as plain data: which feature feeds the LSTM, how the prompt is laid
// out, how camera frames become pixels, how long the window is, what an action means. Read from and written to
// policy.json; the bundle's policy.json holds these keys and more. Not aware of: how any of it is computed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "image/preprocess.h"

namespace vlaq::kosmos2_lstm {

// The vector that one frame contributes to the LSTM's input.
enum class FeatureSource {
  kMeanHidden,   // mean of the language model's last hidden states over the visible positions
  kLastToken,    // last visible position
  kFirstToken,   // position 0
  kActionToken,  // position of the learned action token
  kPooler,       // vision tower's pooled class token; the language model is not used
};

// How words, image rows and special tokens are put in a row.
enum class PromptLayout {
  kHfProcessor,   // transformers' Kosmos2Processor: <s> <image> 64 rows </image> text
  kRobovlms,      // <s>, 64 rows, text, action token, last token
  kForkFallback,  // rows over the first 64 positions of the padded prompt, action token at the end
};

// Names as in policy.json and on the command line.
std::string_view Name(FeatureSource source);
std::string_view Name(PromptLayout layout);
std::optional<FeatureSource> FindFeatureSource(std::string_view name);
std::optional<PromptLayout> FindPromptLayout(std::string_view name);
std::vector<std::string> FeatureSourceNames();
std::vector<std::string> PromptLayoutNames();

struct PolicySpec {
  std::string architecture = "kosmos2_lstm";
  FeatureSource feature_source = FeatureSource::kMeanHidden;
  PromptLayout prompt_layout = PromptLayout::kHfProcessor;

  // Changes the shapes; checked against the checkpoint.
  int64_t lstm_input = 0;
  int64_t lstm_hidden = 0;
  int64_t lstm_layers = 0;
  std::vector<int64_t> mlp_widths;
  std::string head_name;
  int64_t chunk = 1;       // actions per step
  int64_t action_dim = 2;  // values per action
  int64_t window = 8;      // frames that the LSTM sees at most

  double action_scale = 1.0;      // velocity = action_scale x action in [-1, 1]
  double control_period_s = 0.4;  // seconds between two frames

  // Camera frame -> pixel_values. Rounds as the Pillow of today does; older versions differ for portrait frames.
  image::PreprocessSpec preprocess = {.pass_order = image::PassOrder::kPillow13};

  // The prompt that is baked into the whole-policy graph: token ids as the encoder takes them, and 1 where a token may
  // be seen (empty: everywhere).
  std::vector<int64_t> prompt_ids;
  std::vector<int64_t> attention_mask;
  std::string prompt_text;    // what the ids were made from; empty if they were given as numbers
  int64_t vocabulary = 0;     // token ids lie below; 0: not known
  int64_t image_tokens = 64;  // image rows in the sequence
  int64_t image_start = 2;    // kHfProcessor: position of the first image row
  int64_t max_tokens = 0;     // most prompt_ids that the encoder has positions for; 0: not known

  // The mask to use for prompt_ids.
  std::vector<int64_t> PromptMask() const;
};

// Reads the keys that are present over `defaults`. Unknown keys are left alone (a bundle's policy.json has more).
// Errors: kInput naming the file and the key.
Result<PolicySpec> ParsePolicySpec(const Json& json, const std::string& where, PolicySpec defaults);
Json PolicySpecToJson(const PolicySpec& spec);

// Whether a settings file says only what is known: the keys of ParsePolicySpec(), at every depth, and those that a
// bundle's policy.json has beside them. Errors: kInput naming the file and the key, with the nearest known one.
Status CheckPolicyKeys(const Json& json, const std::string& where);

// Everything that can be checked without a checkpoint: ranges, lengths, the prompt against the layout.
// Errors: kUsage naming the setting.
Status Validate(const PolicySpec& spec);

}  // namespace vlaq::kosmos2_lstm
