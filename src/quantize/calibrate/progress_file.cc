#include "quantize/calibrate/progress_file.h"

#include <algorithm>

#include "base/json.h"
#include "base/json_field.h"
#include "base/resume_file.h"

namespace vlaq::calibrate {
namespace {

ResumeFile At(const std::filesystem::path& path) { return {path, "vlaq.statistics.part/1", "calibrate"}; }

}  // namespace

Status WriteProgress(const std::filesystem::path& path, const Json& key, int64_t pass, int64_t done,
                     const RunningStatsByValue& stats) {
  Json values = Json::object();
  for (const auto& [name, halves] : stats) values[name] = {ToJson(halves[0]), ToJson(halves[1])};
  return WriteResumeFile(At(path), key, {{"pass", pass}, {"done", done}, {"values", std::move(values)}});
}

Result<std::optional<Progress>> ReadProgress(const std::filesystem::path& path, const Json& key) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Json> json, ReadResumeFile(At(path), key));
  if (!json) return std::optional<Progress>();
  const JsonField root(*json, path.string(), std::string(kDeleteResumeFile));
  Progress progress;
  progress.pass = root["pass"].Integer(0);
  progress.done = root["done"].Integer(0);
  for (const auto& [name, value] : root["values"].Members()) {
    const std::vector<JsonField> halves = value.Items();
    Halves& stats = progress.stats[name];
    if (halves.size() != stats.size()) value.Fail("must be two halves");
    for (size_t i = 0; i < std::min(halves.size(), stats.size()); ++i) stats[i] = ReadRunningStats(halves[i]);
  }
  VLAQ_RETURN_IF_ERROR(root.status());
  return std::optional(std::move(progress));
}

}  // namespace vlaq::calibrate
