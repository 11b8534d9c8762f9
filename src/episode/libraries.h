// The HDF5 library, for `doctor`.
#pragma once

#include "base/libraries.h"

namespace vlaq::episode {
std::vector<LibraryVersion> Libraries();
}  // namespace vlaq::episode
