#include "ros2/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"
#include "image/decode.h"
#include "image/image.h"

namespace vlaq::ros2 {
namespace {

struct Encoding {
  std::string_view name;
  size_t channels;
  std::array<size_t, 3> from;  // where red, green and blue lie within a pixel
};

constexpr std::array<Encoding, 5> kEncodings = {{
    {"rgb8", 3, {0, 1, 2}},
    {"bgr8", 3, {2, 1, 0}},
    {"rgba8", 4, {0, 1, 2}},
    {"bgra8", 4, {2, 1, 0}},
    {"mono8", 1, {0, 0, 0}},
}};

Result<const Encoding*> CheckedEncoding(const Image& image) {
  const std::string where(Image::kType);
  if (!image::IsAllowedSize(image.width, image.height)) {
    return InputError(where, fmt::format("a picture of {} x {} pixels is not allowed", image.width, image.height));
  }
  for (const Encoding& encoding : kEncodings) {
    if (encoding.name != image.encoding) continue;
    if (image.step < image.width * encoding.channels) {
      return InputError(where, fmt::format("step is {}, and {} pixels of {} are {} bytes", image.step, image.width,
                                           image.encoding, image.width * encoding.channels));
    }
    const uint64_t needed = uint64_t{image.step} * image.height;
    if (image.data.size() != needed) {
      return InputError(where, fmt::format("{} bytes of data, and {} rows of {} bytes are {}", image.data.size(),
                                           image.height, image.step, needed));
    }
    return &encoding;
  }
  return InputError(where, fmt::format("encoding '{}' is not read", Printable(image.encoding, 40)),
                    "publish rgb8, bgr8, rgba8, bgra8 or mono8, or a CompressedImage");
}

void CopyRows(const Image& image, const Encoding& encoding, std::span<uint8_t> rgb) {
  const auto* row = reinterpret_cast<const uint8_t*>(image.data.data());
  uint8_t* out = rgb.data();
  const bool same = encoding.channels == 3 && encoding.from[0] == 0;
  for (uint32_t y = 0; y < image.height; ++y, row += image.step) {
    if (same) {
      out = std::copy_n(row, size_t{image.width} * 3, out);
      continue;
    }
    const uint8_t* pixel = row;
    for (uint32_t x = 0; x < image.width; ++x, pixel += encoding.channels) {
      for (const size_t from : encoding.from) *out++ = pixel[from];
    }
  }
}

}  // namespace

Result<Tensor> ToRgb(const Image& image) {
  VLAQ_ASSIGN_OR_RETURN(const Encoding* encoding, CheckedEncoding(image));
  Tensor tensor = Tensor::Make(DType::kU8, {image.height, image.width, 3});
  CopyRows(image, *encoding, tensor.mutable_data<uint8_t>());
  return tensor;
}

Status ToRgbInto(const Image& image, std::span<uint8_t> rgb) {
  VLAQ_ASSIGN_OR_RETURN(const Encoding* encoding, CheckedEncoding(image));
  if (rgb.size() != size_t{image.width} * image.height * 3) {
    return InternalError(std::string(Image::kType),
                         fmt::format("{} bytes for {} x {} x 3", rgb.size(), image.height, image.width));
  }
  CopyRows(image, *encoding, rgb);
  return {};
}

Result<Tensor> ToRgb(const CompressedImage& image) {
  VLAQ_ASSIGN_OR_RETURN(image::Image decoded, image::DecodeImage(image.data, std::string(CompressedImage::kType)));
  const auto owner = std::make_shared<const image::Image>(std::move(decoded));
  return Tensor::View(DType::kU8, {owner->height, owner->width, 3}, std::as_bytes(std::span(owner->rgb)), owner);
}

}  // namespace vlaq::ros2
