// What a checkpoint says of its own policy, in the terms of policy.json: trainers save their settings (args,
// hyper_parameters, config, metadata), and where the names are known they win over defaults. In scope: finding the
// names that a family knows. Not aware of: what to do about a contradiction (Family::Settle). Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"

namespace vlaq::families {

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

// A name that trainers use, and how its value becomes one of policy.json.
struct Meaning {
  std::string_view name;      // as trainers write it, in lower case
  std::string_view key;       // of policy.json
  Json (*read)(const Json&);  // null: not understood
};

// In the order of the file; a setting that is stated at several places occurs several times.
StatedSettings FindStated(const checkpoint::Checkpoint& checkpoint, std::span<const Meaning> meanings);

// "preprocess.normalise" in a JSON object; nullptr if it is not there.
const Json* FindSetting(const Json& object, std::string_view key);
// Makes the objects on the way.
void PutSetting(Json& object, std::string_view key, const Json& value);

}  // namespace vlaq::families
