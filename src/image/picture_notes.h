// What a picture file says beside its pixels, and decoding leaves aside: rotation, transparency, depth, further frames.
// Reads the file's own chunks, no pixels; a damaged file gives what was found before the damage. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace vlaq::image {

// One sentence for each: "EXIF rotation is ignored: the pixels are taken as stored". Of static storage.
std::vector<std::string_view> PictureNotes(Bytes file);

}  // namespace vlaq::image
