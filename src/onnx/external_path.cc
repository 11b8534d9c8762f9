#include "onnx/external_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace vlaq::onnx {

Status CheckLocation(const std::string& location) {
  const std::filesystem::path path(location);
  const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  const bool odd = location.empty() || location.find('\0') != std::string::npos || !path.has_filename();
  if (odd || climbs || path.is_absolute()) {
    return InputError("", fmt::format("the external data location '{}' is not a file inside the model's folder",
                                      location.substr(0, 200)));
  }
  return {};
}

Status CheckRange(const Initializer& initializer, const ExternalData& external, uint64_t file_bytes) {
  const auto wanted = ByteCount(initializer.dtype, initializer.shape);
  if (!wanted || *wanted != external.length) {
    return InputError("", fmt::format("{} {} does not take the {} bytes that the external data entry names",
                                      DTypeName(initializer.dtype), ShapeText(initializer.shape), external.length));
  }
  const auto end = CheckedAdd(external.offset, external.length);
  if (!end || *end > file_bytes) {
    return InputError("", fmt::format("bytes {} to +{} lie outside {}, which has {} bytes", external.offset,
                                      external.length, external.location, file_bytes));
  }
  return {};
}

}  // namespace vlaq::onnx
