#include "mcap/checksum.h"

#include <zlib.h>

namespace vlaq::mcap {

uint32_t Checksum(Bytes bytes, uint32_t before) {
  return static_cast<uint32_t>(::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace vlaq::mcap
