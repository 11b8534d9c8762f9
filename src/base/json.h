// JSON values (nlohmann, key order kept) and typed access to them with errors that name the key.
// A slow header: include it in .cc files; headers that only mention Json include base/json_fwd.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// Typed access to members of a JSON object, for reading settings files. `where` names the file in errors (kInput).
class JsonReader {
 public:
  // `object` must outlive the reader.
  JsonReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  bool Has(std::string_view key) const;
  // Optional members: nullopt when the key is absent or null.
  Result<std::optional<int64_t>> Integer(std::string_view key) const;
  Result<std::optional<double>> Number(std::string_view key) const;
  Result<std::optional<bool>> Boolean(std::string_view key) const;
  Result<std::optional<std::string>> String(std::string_view key) const;
  Result<std::optional<std::vector<int64_t>>> Integers(std::string_view key) const;
  Result<std::optional<std::vector<double>>> Numbers(std::string_view key) const;
  // The member as it is, or nullptr.
  const Json* Find(std::string_view key) const;

  const std::string& where() const { return where_; }

 private:
  Error WrongType(std::string_view key, std::string_view wanted) const;

  const Json& object_;
  std::string where_;
};

}  // namespace vlaq
