// Any bytes as a picture. What is read is as large as it says and no larger than allowed, and written as PNG it reads
// as the same.
#include <cstdint>
#include <cstdlib>

#include "image/decode.h"
#include "image/encode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kMostSide = 128;
  const auto picture = vlaq::image::DecodeImage(std::as_bytes(std::span(data, size)), "", kMostSide);
  if (!picture.ok()) return 0;
  if (!vlaq::image::ImageView(*picture).IsValid() || picture->width > kMostSide || picture->height > kMostSide) {
    std::abort();
  }
  const auto png = vlaq::image::EncodePng(*picture);
  if (!png.ok()) std::abort();
  const auto again = vlaq::image::DecodeImage(vlaq::AsBytes(*png), "");
  if (!again.ok() || again->width != picture->width || again->rgb != picture->rgb) std::abort();
  return 0;
}
