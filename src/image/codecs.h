// The two decoders behind image/decode.h, one per .cc file so that each library appears in one place only.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

Result<Image> DecodeJpeg(Bytes bytes, const std::string& where);
Result<Image> DecodePng(Bytes bytes, const std::string& where);

// The error for a picture whose header states a size that we do not allocate.
Error SizeError(const std::string& where, int64_t width, int64_t height);

}  // namespace vlaq::image
