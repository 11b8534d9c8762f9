// The pixels of a camera's message.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "ros2/messages.h"
#include "tensor/tensor.h"

namespace vlaq::ros2 {

// uint8 [height, width, 3], red first, of rgb8, bgr8, rgba8, bgra8 and mono8; rows may be longer than their pixels.
// Errors: kInput for another encoding (named), a size that is not allowed (image/image.h), or data that are not
// height rows of `step` bytes.
Result<Tensor> ToRgb(const Image& image);
// The same into height * width * 3 bytes that the caller has. Errors: as above, and kInternal if `rgb` has another
// size.
Status ToRgbInto(const Image& image, std::span<uint8_t> rgb);

// The picture by its bytes, whatever `format` says: JPEG or PNG. Errors: kInput as image::DecodeImage.
Result<Tensor> ToRgb(const CompressedImage& image);

}  // namespace vlaq::ros2
