// Boost's Beast and Asio, for `doctor`.
#pragma once

#include "base/libraries.h"

namespace vlaq::serve {
std::vector<LibraryVersion> Libraries();
}  // namespace vlaq::serve
