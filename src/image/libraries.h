// libjpeg-turbo and libpng, for `doctor`.
#pragma once

#include "base/libraries.h"

namespace vlaq::image {
std::vector<LibraryVersion> Libraries();
}  // namespace vlaq::image
