// The policy that settings of this family mean: its inputs, outputs, graphs by name and schedules, as data.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "families/kosmos2_lstm/policy_spec.h"
#include "policy/policy.h"

namespace vlaq::kosmos2_lstm {

inline constexpr std::string_view kKosmos2Lstm = "kosmos2_lstm";
// Its graphs.
inline constexpr std::string_view kWhole = "whole";
inline constexpr std::string_view kEncoder = "encoder";
inline constexpr std::string_view kHead = "head";
// Results within the encoder, as golden data call them.
inline constexpr std::string_view kVisionLastHidden = "vision_last_hidden";
inline constexpr std::string_view kImageEmbeds = "image_embeds";
inline constexpr std::string_view kTextLastHidden = "text_last_hidden";

// Names of files as the policy has them; all may be empty.
struct PolicyFiles {
  std::map<std::string, std::string> graphs;  // graph -> file
  std::map<std::string, std::string> stages;  // stage -> value in the encoder
  std::string tokenizer;
};

// `reads_task`: the encoder takes the prompt as inputs.
//
// Inputs: "observation.images.front", float32 [3, S, S]; "task", whose encoder makes input_ids and attention_mask,
// int64 [tokens], if the encoder reads a prompt. Output: "action", float32 [chunk, action_dim] in [-1, 1], times
// action_scale in m/s and rad/s. Schedules: "streaming" (the default: encode the new frame, keep the features of the
// last ones) and "whole" (encode the whole window). A spec that Validate() takes gives a policy that Validate() takes.
policy::Policy PolicyOf(const PolicySpec& spec, bool reads_task, const PolicyFiles& files = {});
// Whether a graph can read the prompt at all: the pooler's feature has none.
bool CanReadTask(const PolicySpec& spec);
// The results within its encoder, in order, however the prompt gets there: the pooler's feature comes of the first
// alone.
std::vector<std::string> EncoderStages(const PolicySpec& spec);

// Where a policy and its settings say different things: "outputs.action.unnormalize.scale[0] is 2.0, but by the
// settings 0.5"; empty where they agree. Compared is what the settings determine: inputs, outputs, control period and
// schedules; not names, units, the text encoder's own and how actions are played.
std::string DisagreementWithSettings(const policy::Policy& policy, const PolicySpec& spec);

// The settings of a policy of this family. Errors: kInput naming `where` and the key.
Result<PolicySpec> SettingsOf(const policy::Policy& policy, const std::string& where);
// The settings in a policy.json, whoever wrote it: its own top-level keys, or "settings" of "vlaq.policy/2". Errors:
// kInput for a policy of another family, or of a schema that is not known.
Result<Json> SettingsIn(const Json& json, const std::string& where);

}  // namespace vlaq::kosmos2_lstm
