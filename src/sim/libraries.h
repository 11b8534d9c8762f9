// What the simulator is made of, for `doctor`.
#pragma once

#include "base/libraries.h"
#include "base/status.h"

namespace vlaq::sim {

// Errors: kBackend, saying what to install, if this build has no simulator.
Result<std::vector<LibraryVersion>> Libraries();

}  // namespace vlaq::sim
