#include "calibration/progress_file.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/output.h"

namespace vlaq::calibration {
namespace {

constexpr std::string_view kSchema = "vlaq.statistics.part/1";
constexpr std::string_view kAdvice = "delete it to begin anew";

Status CheckKey(const std::string& where, const Json& theirs, const Json& ours) {
  if (theirs == ours) return {};
  for (const auto& [name, value] : ours.items()) {
    const auto other = theirs.find(name);
    if (other != theirs.end() && *other == value) continue;
    return UsageError(fmt::format("{} is of a calibration with another {}: {} instead of {}", where, name,
                                  other == theirs.end() ? "none" : JsonString(*other), JsonString(value)),
                      "the same arguments go on with it; " + std::string(kAdvice));
  }
  return UsageError(fmt::format("{} is of another calibration", where), std::string(kAdvice));
}

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
  const Json json = {{"schema", kSchema}, {"key", key}, {"pass", pass}, {"done", done}, {"values", std::move(values)}};
  return WriteFile(path, JsonString(json) + "\n", Existing::kReplace);
}

Result<std::optional<Progress>> ReadProgress(const std::filesystem::path& path, const Json& key) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<Progress>();
  auto json = ReadJsonFile(path);
  if (!json.ok()) {
    Error error = json.error();
    error.advice = kAdvice;
    return error;
  }
  const JsonReader reader(*json, path.string());
  const Json* theirs = reader.Find("key");
  const Json* schema = reader.Find("schema");
  if (theirs == nullptr || !theirs->is_object() || schema == nullptr || *schema != kSchema) {
    return InputError(path.string(), "is not what an interrupted `vlaq calibrate` leaves", std::string(kAdvice));
  }
  VLAQ_RETURN_IF_ERROR(CheckKey(path.string(), *theirs, key));
  VLAQ_ASSIGN_OR_RETURN(Progress progress, FromJson(*json, path.string()));
  return std::optional(std::move(progress));
}

}  // namespace vlaq::calibration
