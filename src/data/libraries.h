// The HDF5 library, for `doctor`.
#pragma once

#include "base/libraries.h"

namespace vlaq::data {
std::vector<LibraryVersion> Libraries();
}  // namespace vlaq::data
