// Ways to change a bundle's policy.json, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/json.h"
#include "bundle/bundle.h"
#include "policy/schema1.h"

namespace vlaq::bundle::testing {

inline void EditManifest(const std::filesystem::path& folder, const std::function<void(Json&)>& edit) {
  Json json = *ReadJsonFile(folder / kPolicyFile);
  edit(json);
  std::ofstream(folder / kPolicyFile, std::ios::binary) << json.dump();
}

// Changes the settings of a kosmos2_lstm bundle and what follows from them in the rest of its policy, as a careful
// forger would.
inline void EditSettings(const std::filesystem::path& folder, const std::function<void(Json&)>& edit) {
  EditManifest(folder, [&](Json& json) {
    edit(json["settings"]);
    const auto spec = policy::ParsePolicySpec(json["settings"], "settings", {});
    if (!spec.ok()) return;
    json["settings"] = policy::PolicySpecToJson(*spec);
    const Json follows =
        policy::PolicyToJson(policy::FromSchema1(*spec, json.value("baked_prompt", false), "", {}, {}));
    for (const char* part : {"inputs", "outputs", "control", "schedules"}) json[part] = follows[part];
    for (const auto& [name, graph] : follows["graphs"].items()) {
      for (const char* ports : {"inputs", "outputs"}) json["graphs"][name][ports] = graph[ports];
    }
  });
}

}  // namespace vlaq::bundle::testing
