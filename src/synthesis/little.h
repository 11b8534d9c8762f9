// Bytes of a value, little-endian. Pure.
#pragma once

#include <string>

#include "base/bytes.h"

namespace vlaq::synthesis {

template <typename T>
requires std::is_trivially_copyable_v<T> std::string Little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

}  // namespace vlaq::synthesis
