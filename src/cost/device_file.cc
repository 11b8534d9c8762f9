#include "cost/device_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace vlaq::cost {
namespace {

constexpr std::string_view kSchema = "vlaq.device/1";

const std::vector<std::string>& DeviceKeys() {
  static const std::vector<std::string> keys{"schema",      "name",        "title",  "memory_bytes", "reserved_bytes",
                                             "bytes_per_s", "cache_bytes", "source", "modes"};
  return keys;
}

std::string PeakKey(const PrecisionRow& row) { return fmt::format("{}_macs_per_s", row.name); }

std::vector<std::string> ModeKeys() {
  std::vector<std::string> keys{"name", "bytes_per_s", "source", "confirmed"};
  for (const PrecisionRow& row : kPrecisions) keys.push_back(PeakKey(row));
  return keys;
}

// A misspelt key would otherwise read as a figure that is not known.
Status CheckKeys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  if (!object.is_object()) return InputError(where, "must be a JSON object");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const std::string near = NearestWord(key, known);
    return InputError(where, fmt::format("'{}' is not a key of {}", key, kSchema),
                      near.empty() ? "" : fmt::format("did you mean {}?", near));
  }
  return {};
}

Result<std::optional<double>> Positive(const JsonReader& reader, std::string_view key) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<double> value, reader.Number(key));
  if (value && !(std::isfinite(*value) && *value > 0)) {
    return InputError(reader.where(), fmt::format("{} must be above 0", key));
  }
  return value;
}

// Bytes of memory: whole, and few enough for every sum that is made of them.
Result<std::optional<uint64_t>> MemoryBytes(const JsonReader& reader, std::string_view key, int64_t least) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<int64_t> value, reader.Integer(key));
  constexpr int64_t kMost = int64_t{1} << 50U;
  if (value && (*value < least || *value > kMost)) {
    return InputError(reader.where(), fmt::format("{} must be from {} to 2^50", key, least));
  }
  return value ? std::optional(static_cast<uint64_t>(*value)) : std::nullopt;
}

Result<std::string> Required(const JsonReader& reader, std::string_view key) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<std::string> value, reader.String(key));
  if (value && !value->empty()) return *value;
  return InputError(reader.where(), fmt::format("{} is missing", key));
}

Result<PowerMode> ParseMode(const Json& json, const std::string& where) {
  VLAQ_RETURN_IF_ERROR(CheckKeys(json, where, ModeKeys()));
  const JsonReader reader(json, where);
  PowerMode mode;
  VLAQ_ASSIGN_OR_RETURN(mode.name, Required(reader, "name"));
  VLAQ_ASSIGN_OR_RETURN(mode.source, Required(reader, "source"));
  VLAQ_ASSIGN_OR_RETURN(mode.bytes_per_s, Positive(reader, "bytes_per_s"));
  VLAQ_ASSIGN_OR_RETURN(const std::optional<bool> confirmed, reader.Boolean("confirmed"));
  mode.confirmed = confirmed.value_or(true);
  for (const PrecisionRow& row : kPrecisions) {
    VLAQ_ASSIGN_OR_RETURN(mode.macs_per_s.*row.peak, Positive(reader, PeakKey(row)));
  }
  return mode;
}

template <typename T>
void PutIfKnown(Json& json, const std::string& key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

}  // namespace

Result<Device> ParseDevice(const Json& json, const std::string& where) {
  VLAQ_RETURN_IF_ERROR(CheckKeys(json, where, DeviceKeys()));
  const JsonReader reader(json, where);
  VLAQ_ASSIGN_OR_RETURN(const std::string schema, Required(reader, "schema"));
  if (schema != kSchema) return InputError(where, fmt::format("schema is '{}', not {}", schema, kSchema));
  Device device;
  VLAQ_ASSIGN_OR_RETURN(device.name, Required(reader, "name"));
  VLAQ_ASSIGN_OR_RETURN(const std::optional<std::string> title, reader.String("title"));
  device.title = title.value_or(device.name);
  VLAQ_ASSIGN_OR_RETURN(device.source, Required(reader, "source"));
  VLAQ_ASSIGN_OR_RETURN(const std::optional<uint64_t> memory, MemoryBytes(reader, "memory_bytes", 1));
  if (!memory) return InputError(where, "memory_bytes is missing");
  device.memory_bytes = *memory;
  VLAQ_ASSIGN_OR_RETURN(device.reserved_bytes, MemoryBytes(reader, "reserved_bytes", 0));
  if (device.reserved_bytes.value_or(0) > device.memory_bytes) {
    return InputError(where, "reserved_bytes is more than memory_bytes");
  }
  VLAQ_ASSIGN_OR_RETURN(device.bytes_per_s, Positive(reader, "bytes_per_s"));
  VLAQ_ASSIGN_OR_RETURN(device.cache_bytes, MemoryBytes(reader, "cache_bytes", 0));
  const Json* modes = reader.Find("modes");
  if (modes == nullptr || !modes->is_array() || modes->empty()) {
    return InputError(where, "modes must be a list of at least one power mode");
  }
  for (size_t i = 0; i < modes->size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(PowerMode mode, ParseMode((*modes)[i], fmt::format("{}: modes[{}]", where, i)));
    device.modes.push_back(std::move(mode));
  }
  return device;
}

Result<Device> ReadDevice(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  return ParseDevice(json, path.string());
}

Json DeviceToJson(const Device& device) {
  Json json{{"schema", kSchema}, {"name", device.name}, {"title", device.title}, {"memory_bytes", device.memory_bytes}};
  PutIfKnown(json, "reserved_bytes", device.reserved_bytes);
  PutIfKnown(json, "bytes_per_s", device.bytes_per_s);
  PutIfKnown(json, "cache_bytes", device.cache_bytes);
  json["source"] = device.source;
  json["modes"] = Json::array();
  for (const PowerMode& mode : device.modes) {
    Json row{{"name", mode.name}};
    for (const PrecisionRow& precision : kPrecisions) {
      PutIfKnown(row, PeakKey(precision), mode.macs_per_s.*precision.peak);
    }
    PutIfKnown(row, "bytes_per_s", mode.bytes_per_s);
    row["source"] = mode.source;
    row["confirmed"] = mode.confirmed;
    json["modes"].push_back(std::move(row));
  }
  return json;
}

}  // namespace vlaq::cost
