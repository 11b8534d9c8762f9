#include "image/picture_notes.h"

#include <algorithm>

namespace vlaq::image {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kRotated =
    "have an EXIF rotation, which is ignored: the pixels are taken as the camera stored them";
constexpr std::string_view kTransparent =
    "are partly transparent, which is ignored: hidden pixels count as visible ones";
constexpr std::string_view kWideGray =
    "are 16-bit gray, of which Pillow keeps nothing above 255: if they are depth images, the policy sees white";
constexpr std::string_view kWide = "have 16 bits a sample, of which the upper 8 are taken";
constexpr std::string_view kAnimated = "are animated, and only the first frame is taken";

uint32_t Big32(Bytes bytes, size_t at) { return __builtin_bswap32(LoadLittle<uint32_t>(bytes, at)); }

// By the orientation in the first directory of a TIFF structure, which EXIF is.
bool IsRotated(Bytes tiff) {
  if (tiff.size() < 8) return false;
  const bool big = AsText(tiff).starts_with("MM");
  const auto load16 = [&](size_t at) -> unsigned {
    const auto value = LoadLittle<uint16_t>(tiff, at);
    return big ? __builtin_bswap16(value) : value;
  };
  const size_t directory = big ? Big32(tiff, 4) : LoadLittle<uint32_t>(tiff, 4);
  if (directory > tiff.size() - 2) return false;
  const unsigned entries = load16(directory);
  for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= tiff.size(); ++i, at += 12) {
    if (load16(at) != 0x0112) continue;
    const unsigned orientation = load16(at + 8);
    return orientation >= 2 && orientation <= 8;
  }
  return false;
}

std::vector<std::string_view> PngNotes(Bytes file) {
  std::vector<std::string_view> notes;
  const std::string_view text = AsText(file);
  // Chunks: length, type, data, CRC. The pixels begin at IDAT, and what matters stands before them.
  for (size_t at = 8; at + 12 <= file.size();) {
    const size_t length = Big32(file, at);
    const std::string_view type = text.substr(at + 4, 4);
    if (type == "IDAT" || length > file.size() - at - 12) break;
    if (type == "IHDR" && length >= 13) {
      const bool wide = text[at + 16] == 16;
      const char color = text[at + 17];
      if (wide) notes.push_back(color == 0 ? kWideGray : kWide);
      if (color == 4 || color == 6) notes.push_back(kTransparent);
    }
    if (type == "tRNS") notes.push_back(kTransparent);
    if (type == "acTL") notes.push_back(kAnimated);
    if (type == "eXIf" && IsRotated(file.subspan(at + 8, length))) notes.push_back(kRotated);
    at += 12 + length;
  }
  return notes;
}

std::vector<std::string_view> JpegNotes(Bytes file) {
  const std::string_view text = AsText(file);
  for (size_t at = 2; at + 4 <= file.size() && text[at] == '\xff';) {
    const auto marker = static_cast<unsigned char>(text[at + 1]);
    const size_t length =
        static_cast<size_t>(static_cast<unsigned char>(text[at + 2])) << 8U | static_cast<unsigned char>(text[at + 3]);
    if (marker == 0xDA || length < 2 || length > file.size() - at - 2) break;  // the pixels begin
    const Bytes segment = file.subspan(at + 4, length - 2);
    if (marker == 0xE1 && AsText(segment).starts_with("Exif\0\0"sv) && IsRotated(segment.subspan(6))) {
      return {kRotated};
    }
    at += 2 + length;
  }
  return {};
}

}  // namespace

std::vector<std::string_view> PictureNotes(Bytes file) {
  const std::string_view text = AsText(file);
  if (text.starts_with("\x89PNG\r\n\x1a\n")) {
    auto notes = PngNotes(file);
    std::sort(notes.begin(), notes.end());
    notes.erase(std::unique(notes.begin(), notes.end()), notes.end());
    return notes;
  }
  if (text.starts_with("\xff\xd8\xff")) return JpegNotes(file);
  return {};
}

}  // namespace vlaq::image
