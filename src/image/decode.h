// JPEG and PNG bytes to RGB, as Pillow's Image.open(...).convert("RGB") gives them: JPEG with the accurate integer DCT
// and smooth chroma upsampling, PNG with alpha and transparency dropped and gamma ignored. EXIF orientation is ignored.
//
// The format is recognized by content, never by the file name. Damaged or truncated files are errors, also where the
// codec itself would only warn. Functions here may be called from any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

// `where` names the bytes in errors; pictures with a side beyond `max_side` are refused before memory is taken for
// them. Errors: kInput for anything that is not a whole JPEG or PNG picture of an allowed
// size, and for CMYK pictures, which have no defined RGB meaning without a color profile.
Result<Image> DecodeImage(Bytes bytes, const std::string& where, int max_side = kMaxSide);

// Errors: as DecodeImage, and kInput if the file cannot be read.
Result<Image> ReadImage(const std::filesystem::path& path);

}  // namespace vlaq::image
