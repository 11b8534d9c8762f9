#include "cli/camera_size.h"

#include <fmt/format.h>

#include <charconv>

namespace vlaq::cli {

Result<CameraSize> ParseCameraSize(const std::string& text) {
  CameraSize size;
  const char* end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, size.width);
  const bool has_x = width.ec == std::errc() && width.ptr != end && *width.ptr == 'x';
  const auto height = has_x ? std::from_chars(width.ptr + 1, end, size.height) : width;
  const auto fits = [](int side) { return side >= 16 && side <= 4096; };
  if (has_x && height.ec == std::errc() && height.ptr == end && fits(size.width) && fits(size.height)) return size;
  return UsageError(fmt::format("'{}' is no size of a camera", text), "give WIDTHxHEIGHT, 16 to 4096 each: 224x126");
}

}  // namespace vlaq::cli
