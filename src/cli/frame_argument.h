// --frames: pictures, folders, or a tensor in a safetensors file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/frames.h"

namespace vlaq::cli {

// Errors: kInput naming what cannot be read; kUsage if a tensor is mixed with other sources.
Result<std::unique_ptr<image::FrameSource>> OpenFrames(const std::vector<std::string>& sources);

}  // namespace vlaq::cli
