// What a checkpoint says of its own policy, in the terms of policy.json: trainers save their settings (args,
// hyper_parameters, config, metadata), and where the names are known they win over defaults. In scope: which names mean
// which setting. Not aware of: what to do about a contradiction (the architecture's Propose). Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"

namespace vlaq::architecture {

// A setting that the checkpoint names.
struct Stated {
  std::string key;    // of policy.json, dotted below preprocess: "action_scale", "preprocess.normalise"
  std::string value;  // as JSON text
  std::string place;  // where it stands: "args.action_scale"
};

struct StatedSettings {
  std::vector<Stated> known;
  std::vector<std::string> not_understood;  // "args.normalize is 'robust'": a known name with an unknown value
};

// In the order of the file; a setting that is stated at several places occurs several times.
StatedSettings ReadStated(const checkpoint::Checkpoint& checkpoint);

// "preprocess.normalise" in a JSON object; nullptr if it is not there.
const Json* FindSetting(const Json& object, std::string_view key);
// Makes the objects on the way.
void PutSetting(Json& object, std::string_view key, const Json& value);

}  // namespace vlaq::architecture
