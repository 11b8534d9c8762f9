#include "base/resume_file.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/output.h"

namespace vlaq {
namespace {

Status CheckKey(const ResumeFile& file, const Json& theirs, const Json& ours) {
  if (theirs == ours) return {};
  const std::string where = file.path.string();
  for (const auto& [name, value] : ours.items()) {
    const auto other = theirs.find(name);
    if (other != theirs.end() && *other == value) continue;
    return UsageError(fmt::format("{} is of a `vlaq {}` with another {}: {} instead of {}", where, file.command, name,
                                  other == theirs.end() ? "none" : JsonString(*other), JsonString(value)),
                      fmt::format("the same arguments go on with it; {}", kDeleteResumeFile));
  }
  return UsageError(fmt::format("{} is of another `vlaq {}`", where, file.command), kDeleteResumeFile);
}

}  // namespace

Status WriteResumeFile(const ResumeFile& file, const Json& key, const Json& content) {
  Json json{{"schema", file.schema}, {"key", key}};
  for (const auto& [name, value] : content.items()) json[name] = value;
  return WriteFile(file.path, JsonString(json) + "\n", Existing::kReplace);
}

Result<std::optional<Json>> ReadResumeFile(const ResumeFile& file, const Json& key) {
  std::error_code ignored;
  if (!std::filesystem::exists(file.path, ignored)) return std::optional<Json>();
  auto json = ReadJsonFile(file.path);
  if (!json.ok()) {
    Error error = json.error();
    error.advice = kDeleteResumeFile;
    return error;
  }
  const bool ours = json->is_object() && json->value("schema", Json()) == Json(file.schema);
  if (!ours || !json->value("key", Json()).is_object()) {
    return InputError(file.path.string(), fmt::format("is not what an interrupted `vlaq {}` leaves", file.command),
                      kDeleteResumeFile);
  }
  VLAQ_RETURN_IF_ERROR(CheckKey(file, (*json)["key"], key));
  return std::optional<Json>(std::move(*json));
}

void RemoveResumeFile(const ResumeFile& file) {
  std::error_code ignored;
  std::filesystem::remove(file.path, ignored);
}

}  // namespace vlaq
