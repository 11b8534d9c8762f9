// JSON files: which of vlaq's documents it is, and which command takes it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "families/family.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace {

// By schema without its version; the longest first where one begins with another.
struct Row {
  std::string_view schema, what, takes;
};
constexpr std::array kRows{
    Row{"vlaq.bundle", "a bundle's policy.json", "name its folder: vlaq inspect FOLDER"},
    Row{"vlaq.policy", "a bundle's policy.json", "name its folder: vlaq inspect FOLDER"},
    Row{"vlaq.weights", "a bundle's weights.json", "name its folder: vlaq inspect FOLDER"},
    Row{"vlaq.plan_quantize", "the summary of a quantization plan", "vlaq report FILE"},
    Row{"vlaq.plan_cost", "what a model costs", "read it, or vlaq plan cost again"},
    Row{"vlaq.plan_device", "whether a policy fits on a board", "read it, or vlaq plan device again"},
    Row{"vlaq.plan.part", "a search for a plan that was interrupted", "vlaq plan quantize goes on from it"},
    Row{"vlaq.plan", "a quantization plan", "vlaq quantize BUNDLE --plan FILE"},
    Row{"vlaq.statistics.part", "a calibration that was interrupted", "vlaq calibrate goes on from it"},
    Row{"vlaq.statistics", "statistics of a calibration", "vlaq quantize BUNDLE --stats FILE"},
    Row{"vlaq.split", "a split of episodes", "vlaq data check FILE:PART FILE:PART; vlaq calibrate --exclude FILE:PART"},
    Row{"vlaq.results", "a measurement", "vlaq report FILE; vlaq compare FILE FILE"},
    Row{"vlaq.verify", "a receipt of a verification", "vlaq report FILE"},
    Row{"vlaq.eval", "an evaluation", "vlaq report FILE; vlaq eval merge FILE..."},
    Row{"vlaq.device", "a description of a device", "vlaq plan device BUNDLE --device FILE"},
    Row{"vlaq.engine", "the record of an engine", "vlaq build reads it; name the folder with --engine-dir"},
    Row{"vlaq.jetson", "the times of engines on a board", "vlaq report FILE"},
    Row{"vlaq.published", "the figures of the published table", "read it"},
    Row{"vlaq.build", "a report of vlaq build", "read it"},
    Row{"vlaq.calibrate", "a report of vlaq calibrate", "read it"},
    Row{"vlaq.compare", "a comparison of measurements", "read it"},
    Row{"vlaq.doctor", "a report of vlaq doctor", "read it"},
    Row{"vlaq.export", "a report of vlaq export", "read it"},
    Row{"vlaq.golden", "a report of vlaq golden", "read it"},
    Row{"vlaq.inspect", "a report of vlaq inspect", "read it"},
    Row{"vlaq.check-rules", "rules of TensorRT", "read it"},
    Row{"vlaq.preflight-rules", "rules of TensorRT", "read it"},
    Row{"vlaq.check", "a report of vlaq check", "read it"},
    Row{"vlaq.preflight", "a report of vlaq check", "read it"},
    Row{"vlaq.quantize", "a report of vlaq quantize", "read it"},
    Row{"vlaq.run", "actions of vlaq run", "read it"},
    Row{"vlaq.sim.record", "a report of vlaq sim record", "read it"},
    Row{"vlaq.sim.render", "drives in the simulator", "vlaq report FILE"},
    Row{"vlaq.synth", "a report of vlaq synth", "read it"},
};

// Files without a schema, by a key that no other has.
constexpr std::array kByKey{
    Row{"text_config", "a model family's configuration (config.json)", "vlaq export CHECKPOINT --config FILE"},
    Row{"input_features", "a configuration of LeRobot", "vlaq exports no policy of this kind"},
    Row{"model_type", "a configuration of transformers (config.json)", "vlaq export CHECKPOINT --config FILE"},
};

Json Describe(const std::filesystem::path& path, std::string schema, std::string_view what, std::string_view takes) {
  Json document = NewDocument("document", path);
  document["document_schema"] = std::move(schema);
  document["what"] = what;
  document["takes"] = takes;
  return document;
}

}  // namespace

Result<Json> InspectJson(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  if (!json.is_object()) return InputError(path.string(), "is JSON, but no document that vlaq knows");
  const auto schema = json.find("schema");
  if (schema != json.end() && schema->is_string()) {
    const auto name = schema->get<std::string>();
    const std::string_view bare = std::string_view(name).substr(0, name.find('/'));
    const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.schema == bare; });
    if (row != kRows.end()) return Describe(path, name, row->what, row->takes);
    return InputError(path.string(), "is JSON of a schema that vlaq does not know");
  }
  for (const Row& row : kByKey) {
    if (json.contains(row.schema)) return Describe(path, "", row.what, row.takes);
  }
  for (const families::Family* family : families::All()) {
    const bool own = std::ranges::any_of(family->settings(), [&](const families::SettingInfo& info) {
      return !info.help.empty() && json.contains(std::string(info.key));
    });
    if (own) return Describe(path, "", "settings of a policy (policy.json)", "vlaq export CHECKPOINT --policy FILE");
  }
  return InputError(path.string(), "is JSON, but no document that vlaq knows",
                    "vlaq's own documents have a \"schema\"; a safetensors index has a \"weight_map\"");
}

}  // namespace vlaq::inspection
