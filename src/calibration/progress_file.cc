#include "calibration/progress_file.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/resume_file.h"

namespace vlaq::calibration {
namespace {

ResumeFile At(const std::filesystem::path& path) { return {path, "vlaq.statistics.part/1", "calibrate"}; }

Result<Progress> FromJson(const Json& json, const std::string& where) {
  const JsonReader reader(json, where);
  Progress progress;
  VLAQ_ASSIGN_OR_RETURN(const auto pass, reader.Integer("pass"));
  VLAQ_ASSIGN_OR_RETURN(const auto done, reader.Integer("done"));
  const Json* values = reader.Find("values");
  if (!pass || *pass < 0 || !done || *done < 0 || values == nullptr || !values->is_object()) {
    return InputError(where, "needs \"pass\", \"done\" and \"values\"");
  }
  progress.pass = *pass;
  progress.done = *done;
  for (const auto& [name, halves] : values->items()) {
    const std::string place = fmt::format("{}: value '{}'", where, name);
    if (!halves.is_array() || halves.size() != 2) return InputError(place, "needs two halves");
    Halves& tallies = progress.tallies[name];
    for (size_t i = 0; i < tallies.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(tallies[i], TallyFromJson(halves[i], place));
    }
  }
  return progress;
}

}  // namespace

Status WriteProgress(const std::filesystem::path& path, const Json& key, int64_t pass, int64_t done,
                     const Tallies& tallies) {
  Json values = Json::object();
  for (const auto& [name, halves] : tallies) values[name] = {ToJson(halves[0]), ToJson(halves[1])};
  return WriteResumeFile(At(path), key, {{"pass", pass}, {"done", done}, {"values", std::move(values)}});
}

Result<std::optional<Progress>> ReadProgress(const std::filesystem::path& path, const Json& key) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Json> json, ReadResumeFile(At(path), key));
  if (!json) return std::optional<Progress>();
  VLAQ_ASSIGN_OR_RETURN(Progress progress, FromJson(*json, path.string()));
  return std::optional(std::move(progress));
}

}  // namespace vlaq::calibration
