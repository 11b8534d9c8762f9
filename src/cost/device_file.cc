#include "cost/device_file.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_field.h"

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

void ReadPositive(const JsonField& holder, std::string_view key, std::optional<double>& to) {
  holder.Read(key, to);
  if (to && !(*to > 0)) holder.FailAt(key, "must be above 0");
}

// Bytes of memory: few enough for every sum that is made of them.
constexpr int64_t kMaxBytes = int64_t{1} << 50U;

std::optional<uint64_t> FindBytes(const JsonField& holder, std::string_view key) {
  const auto field = holder.Find(key);
  return field ? std::optional(static_cast<uint64_t>(field->Integer(0, kMaxBytes))) : std::nullopt;
}

std::string ReadName(const JsonField& field) {
  std::string name = field.Text();
  if (name.empty()) field.Fail("is empty");
  return name;
}

PowerMode ReadMode(const JsonField& field) {
  PowerMode mode;
  field.Only(ModeKeys(), "a power mode");
  mode.name = ReadName(field["name"]);
  mode.source = ReadName(field["source"]);
  ReadPositive(field, "bytes_per_s", mode.bytes_per_s);
  mode.confirmed = true;
  field.Read("confirmed", mode.confirmed);
  for (const PrecisionRow& row : kPrecisions) ReadPositive(field, PeakKey(row), mode.macs_per_s.*row.peak);
  return mode;
}

template <typename T>
void PutIfKnown(Json& json, const std::string& key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

}  // namespace

Result<Device> ParseDevice(const Json& json, const std::string& where) {
  const JsonField root(json, where);
  Device device;
  root.HasSchema(kSchema, "vlaq plan device --device with a name prints one of ours with --json");
  root.Only(DeviceKeys(), "a device");  // a misspelt key would read as a figure that is not known
  device.name = ReadName(root["name"]);
  device.title = device.name;
  root.Read("title", device.title);
  device.source = ReadName(root["source"]);
  device.memory_bytes = static_cast<uint64_t>(root["memory_bytes"].Integer(1, kMaxBytes));
  device.reserved_bytes = FindBytes(root, "reserved_bytes");
  if (device.reserved_bytes.value_or(0) > device.memory_bytes) {
    root.FailAt("reserved_bytes", "is more than memory_bytes");
  }
  ReadPositive(root, "bytes_per_s", device.bytes_per_s);
  device.cache_bytes = FindBytes(root, "cache_bytes");
  for (const JsonField& mode : root["modes"].Items()) device.modes.push_back(ReadMode(mode));
  if (device.modes.empty()) root.FailAt("modes", "must be a list of at least one power mode");
  VLAQ_RETURN_IF_ERROR(root.status());
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
