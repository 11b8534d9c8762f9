// What a bundle of schema 1 means as a policy. Those bundles were of one family, Kosmos-2 with an LSTM, and their
// graphs, ports and order of running were fixed in code; here they are data. Also how bundles of that family are
// described today.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/policy.h"
#include "policy/policy_spec.h"

namespace vlaq::policy {

inline constexpr std::string_view kKosmos2Lstm = "kosmos2_lstm";

// `baked_prompt`: the encoder takes no prompt. `tokenizer`: file in the bundle, empty: none, the prompt is token ids.
// `graph_files`: files of the graphs "encoder", "head", "whole". `stages`: stage -> value in the encoder.
//
// Inputs: "observation.images.front", float32 [3, S, S]; "task", whose encoder makes input_ids and attention_mask,
// int64 [tokens], unless the encoder reads no prompt. Output: "action", float32 [chunk, action_dim] in [-1, 1], times
// action_scale in m/s and rad/s. Schedules: "streaming" (the default: encode the new frame, keep the features of the
// last ones) and "whole" (encode the whole window). A spec that Validate() takes gives a policy that Validate() takes.
Policy FromSchema1(const PolicySpec& spec, bool baked_prompt, const std::string& tokenizer,
                   const std::map<std::string, std::string>& graph_files,
                   const std::map<std::string, std::string>& stages);

// Where a kosmos2_lstm policy and its settings say different things: "outputs.action.unnormalize.scale[0] is 2.0, but
// by the settings 0.5"; empty where they agree. Compared is what the settings determine: inputs, outputs, control
// period and schedules; not names, units, the text encoder's own and how actions are played.
std::string DisagreementWithSettings(const Policy& policy, const PolicySpec& spec, bool baked_prompt);

// The settings in a policy.json, whoever wrote it: its own top-level keys, or "settings" of "vlaq.policy/2". Errors:
// kInput for a policy of another family, or of a schema that is not known.
Result<Json> SettingsIn(const Json& json, const std::string& where);

}  // namespace vlaq::policy
