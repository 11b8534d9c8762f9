// --frames: pictures, folders of them, recorded episodes, or a tensor in a safetensors file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "image/frames.h"

namespace vlaq::cli {

// What --frames takes, for its help.
inline constexpr std::string_view kFramesHelp =
    "Camera frames in order: PNG or JPEG files, folders of them, recorded episodes (.h5, or a folder of them), or "
    "FILE.safetensors:TENSOR with uint8 [T,H,W,3]";

// The first frame is read at once, so that a wrong file is known before a model is loaded. What files say beside their
// pixels, and what was passed over, is said to `log`, one warning for each kind. Errors: kInput naming what cannot be
// read, and what it is instead; kUsage if kinds of sources are mixed.
Result<std::unique_ptr<image::FrameSource>> OpenFrames(const std::vector<std::string>& sources, Log& log = SilentLog());

}  // namespace vlaq::cli
