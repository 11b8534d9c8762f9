// An 8-bit RGB picture in memory, and a view of one that lies elsewhere (a row of a recorded tensor).
//
// Not aware of files, codecs or what a model wants. Plain values: any thread may read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vlaq::image {

// Larger pictures are refused before anything is allocated for them.
inline constexpr int kMaxSide = 65535;
inline constexpr int64_t kMaxPixels = int64_t{64} << 20;

// True if both sides are at least 1 and within the limits above.
constexpr bool IsAllowedSize(int64_t width, int64_t height) {
  return width >= 1 && height >= 1 && width <= kMaxSide && height <= kMaxSide && width * height <= kMaxPixels;
}

struct Image {
  int width = 0;             // pixels
  int height = 0;            // pixels
  std::vector<uint8_t> rgb;  // [height, width, 3], red first

  // Takes a new size; the contents are then unspecified. The size must be allowed.
  void Reset(int new_width, int new_height) {
    width = new_width;
    height = new_height;
    rgb.resize(static_cast<size_t>(new_width) * static_cast<size_t>(new_height) * 3);
  }
};

struct ImageView {
  int width = 0;
  int height = 0;
  std::span<const uint8_t> rgb;  // [height, width, 3]

  ImageView() = default;
  ImageView(int w, int h, std::span<const uint8_t> bytes) : width(w), height(h), rgb(bytes) {}
  ImageView(const Image& image)  // NOLINT(google-explicit-constructor): a view of any image
      : width(image.width), height(image.height), rgb(image.rgb) {}

  // The size is allowed and `rgb` is exactly as long as it says.
  bool IsValid() const {
    return IsAllowedSize(width, height) &&
           rgb.size() == static_cast<size_t>(width) * static_cast<size_t>(height) * size_t{3};
  }
};

}  // namespace vlaq::image
