#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "image/codecs.h"

namespace vlaq::image {
namespace {

constexpr std::array<uint8_t, 3> kJpegStart = {0xFF, 0xD8, 0xFF};
constexpr std::array<uint8_t, 8> kPngStart = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

bool StartsWith(Bytes bytes, std::span<const uint8_t> start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](uint8_t wanted, std::byte found) { return std::to_integer<uint8_t>(found) == wanted; });
}

std::string FirstBytes(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(b));
  }
  return text;
}

}  // namespace

Status CheckSize(const std::string& where, int64_t width, int64_t height, int max_side) {
  if (IsAllowedSize(width, height) && width <= max_side && height <= max_side) return {};
  return InputError(where,
                    fmt::format("a picture of {} x {} pixels, but sides must be 1 to {} and the area at most {} pixels",
                                width, height, max_side, kMaxPixels),
                    "scale it down first");
}

Result<Image> DecodeImage(Bytes bytes, const std::string& where, int max_side) {
  if (StartsWith(bytes, kJpegStart)) return DecodeJpeg(bytes, where, max_side);
  if (StartsWith(bytes, kPngStart)) return DecodePng(bytes, where, max_side);
  return WrongFile(where, bytes, "a JPEG or PNG picture", "convert it to one of the two",
                   fmt::format("is neither JPEG nor PNG (it starts with {})", FirstBytes(bytes)));
}

Result<Image> ReadImage(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return DecodeImage(file->bytes(), path.string());
}

}  // namespace vlaq::image
