// The two decoders behind image/decode.h, one per .cc file so that each library appears in one place only.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

Result<Image> DecodeJpeg(Bytes bytes, const std::string& where, int max_side);
Result<Image> DecodePng(Bytes bytes, const std::string& where, int max_side);

// Errors: kInput for a picture whose header states a size that we do not allocate.
Status CheckSize(const std::string& where, int64_t width, int64_t height, int max_side);

}  // namespace vlaq::image
