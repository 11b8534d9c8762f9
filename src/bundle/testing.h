// Ways to change a bundle's policy.json, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/json.h"
#include "bundle/bundle.h"
#include "families/family.h"

namespace vlaq::bundle::testing {

inline void EditManifest(const std::filesystem::path& folder, const std::function<void(Json&)>& edit) {
  Json json = *ReadJsonFile(folder / kPolicyFile);
  edit(json);
  std::ofstream(folder / kPolicyFile, std::ios::binary) << json.dump();
}

// The policy that settings of kosmos2_lstm mean.
inline Result<policy::Policy> PolicyOfSettings(Json settings, bool reads_text) {
  settings["baked_prompt"] = !reads_text;
  const families::OldManifest manifest{
      settings, {{"whole", "mae0222_model_cpu.onnx"}, {"encoder", "encoder.onnx"}, {"head", "head.onnx"}}, {}, ""};
  return (*families::Find("kosmos2_lstm"))->FromOldManifest(manifest, "settings");
}

// Changes the settings of a kosmos2_lstm bundle and what follows from them in the rest of its policy, as a careful
// forger would.
inline void EditSettings(const std::filesystem::path& folder, const std::function<void(Json&)>& edit) {
  EditManifest(folder, [&](Json& json) {
    edit(json["settings"]);
    const auto policy = PolicyOfSettings(json["settings"], json["inputs"].contains("task"));
    if (!policy.ok()) return;
    const Json follows = policy::PolicyToJson(*policy);
    for (const char* part : {"settings", "inputs", "outputs", "control", "schedules"}) json[part] = follows[part];
    for (const auto& [name, graph] : follows["graphs"].items()) {
      for (const char* ports : {"inputs", "outputs"}) json["graphs"][name][ports] = graph[ports];
    }
  });
}

}  // namespace vlaq::bundle::testing
