#include "base/json.h"

#include <fmt/format.h>

#include <set>

#include "base/mapped_file.h"

namespace vlaq {
namespace {

constexpr int kMaxDepth = 64;  // no file of ours nests deeper; stops hostile nesting before the parser's recursion

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view where) {
  std::vector<std::set<std::string>> keys;
  std::string complaint;
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth && complaint.empty()) complaint = fmt::format("JSON nested deeper than {} levels", kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && complaint.empty()) complaint = fmt::format("duplicate key \"{}\"", key);
    }
    return true;
  };
  try {
    Json value = Json::parse(text.begin(), text.end(), watch);
    if (!complaint.empty()) return InputError(std::string(where), complaint);
    return value;
  } catch (const nlohmann::json::parse_error& error) {
    return InputError(fmt::format("{}: byte {}", where, error.byte), "not valid JSON");
  } catch (const nlohmann::json::exception& error) {
    return InputError(std::string(where), fmt::format("not valid JSON: {}", error.what()));
  }
}

Result<Json> ReadJsonFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseJson(AsText(file->bytes()), path.string());
}

const Json* JsonReader::Find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto it = object_.find(std::string(key));
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool JsonReader::Has(std::string_view key) const { return Find(key) != nullptr; }

Error JsonReader::WrongType(std::string_view key, std::string_view wanted) const {
  return InputError(where_, fmt::format("\"{}\" must be {}", key, wanted));
}

Result<std::optional<int64_t>> JsonReader::Integer(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<int64_t>();
  if (!value->is_number_integer()) return WrongType(key, "an integer");
  return std::optional(value->get<int64_t>());
}

Result<std::optional<double>> JsonReader::Number(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number()) return WrongType(key, "a number");
  return std::optional(value->get<double>());
}

Result<std::optional<bool>> JsonReader::Boolean(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return WrongType(key, "true or false");
  return std::optional(value->get<bool>());
}

Result<std::optional<std::string>> JsonReader::String(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return WrongType(key, "a string");
  return std::optional(value->get<std::string>());
}

Result<std::optional<std::vector<int64_t>>> JsonReader::Integers(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<std::vector<int64_t>>();
  if (!value->is_array()) return WrongType(key, "an array of integers");
  std::vector<int64_t> list;
  for (const auto& item : *value) {
    if (!item.is_number_integer()) return WrongType(key, "an array of integers");
    list.push_back(item.get<int64_t>());
  }
  return std::optional(std::move(list));
}

Result<std::optional<std::vector<double>>> JsonReader::Numbers(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::optional<std::vector<double>>();
  if (!value->is_array()) return WrongType(key, "an array of numbers");
  std::vector<double> list;
  for (const auto& item : *value) {
    if (!item.is_number()) return WrongType(key, "an array of numbers");
    list.push_back(item.get<double>());
  }
  return std::optional(std::move(list));
}

}  // namespace vlaq
