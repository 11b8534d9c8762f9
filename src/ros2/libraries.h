// Cyclone DDS, for `doctor`.
#pragma once

#include "base/libraries.h"
#include "base/status.h"

namespace vlaq::ros2 {

// Loads it. Errors: kBackend, saying what to install, if this build has none or it does not load.
Result<std::vector<LibraryVersion>> Libraries();

}  // namespace vlaq::ros2
