// A picture in memory to a PNG file.
#pragma once

#include <filesystem>
#include <string>

#include "base/output.h"
#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

// The bytes of an 8-bit RGB PNG. Errors: kUsage for a picture of no allowed size; kInternal with libpng's reason.
Result<std::string> EncodePng(const ImageView& picture);

// The same into a file. Errors: those of WriteFile as well.
Status WritePng(const std::filesystem::path& path, const ImageView& picture, Existing existing);

}  // namespace vlaq::image
