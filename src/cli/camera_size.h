// "224x126" -> width and height of a camera's frames.
#pragma once

#include <string>

#include "base/status.h"

namespace vlaq::cli {

struct CameraSize {
  int width = 0;   // pixels
  int height = 0;  // pixels
};

// Errors: kUsage unless it is two numbers of 16 to 4096 with an x between.
Result<CameraSize> ParseCameraSize(const std::string& text);

}  // namespace vlaq::cli
