// What ROS 2 topics are carried by, for `doctor`.
#pragma once

#include "base/libraries.h"
#include "base/status.h"

namespace vlaq::ros2 {

// Errors: kBackend, saying what to install, if this build has no DDS or its library is not there.
Result<std::vector<LibraryVersion>> Libraries();

}  // namespace vlaq::ros2
