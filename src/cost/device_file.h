// A device of the user's own, as JSON (schema vlaq.device/1, docs/devices.md).
#pragma once

#include <filesystem>

#include "base/json_fwd.h"
#include "base/status.h"
#include "cost/devices.h"

namespace vlaq::cost {

// Every key that is there must be known and of its type and range; what is not known is left out.
// Errors: kInput naming the file and the key.
Result<Device> ParseDevice(const Json& json, const std::string& where);
Result<Device> ReadDevice(const std::filesystem::path& path);
// The same schema, of any device.
Json DeviceToJson(const Device& device);

}  // namespace vlaq::cost
