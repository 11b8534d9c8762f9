// What an interrupted command leaves beside its output, so that the same command goes on where it was.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq {

struct ResumeFile {
  std::filesystem::path path;
  std::string schema;   // "vlaq.statistics.part/1"
  std::string command;  // "calibrate"
};

// What the advice of its errors is.
inline constexpr const char* kDeleteResumeFile = "delete it to begin anew";

// `key`: an object that says of which work it is; only an equal one goes on. `content`: an object whose members stand
// beside the key. Written whole or not at all, in place of an earlier one.
Status WriteResumeFile(const ResumeFile& file, const Json& key, const Json& content);
// The document, or nullopt if there is no such file. Errors: kUsage naming what differs if it is of other work; kInput
// if it is damaged.
Result<std::optional<Json>> ReadResumeFile(const ResumeFile& file, const Json& key);
// Once the work is done.
void RemoveResumeFile(const ResumeFile& file);

}  // namespace vlaq
