// CRC-32 as zlib computes it. In MCAP 0 stands for "not computed".
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace vlaq::mcap {

// The checksum of what `before` is the checksum of, followed by `bytes`.
uint32_t Checksum(Bytes bytes, uint32_t before = 0);

}  // namespace vlaq::mcap
