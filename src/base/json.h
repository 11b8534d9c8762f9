// JSON values (nlohmann, key order kept), parsed and written. What users wrote is read with base/json_field.h.
// A slow header: include it in .cc files; headers that only mention Json include base/json_fwd.h.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq {

// Parses UTF-8 JSON text, in time and memory that grow with its length only. Errors: kInput naming `where` and the byte
// offset. Duplicate keys are an error: two readers of such a file may disagree; so are more than 64 levels, texts of
// more than 100 MB and numbers beyond float64.
Result<Json> ParseJson(std::string_view text, std::string_view where);
Result<Json> ReadJsonFile(const std::filesystem::path& path);

// The value as JSON text, indented by `indent` spaces a level, or on one line. Names of files need not be UTF-8, JSON
// must: other bytes become U+FFFD.
std::string JsonString(const Json& value, int indent = -1);

}  // namespace vlaq
