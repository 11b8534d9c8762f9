#include "data/inflate.h"

#include <zlib.h>

#include <limits>

namespace vlaq::data {

bool InflateExactly(Bytes packed, MutableBytes out) {
  constexpr size_t kMost = std::numeric_limits<uInt>::max();
  if (packed.size() > kMost || out.size() > kMost) return false;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return false;
  // zlib's interface lacks a const; it does not write through next_in.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int rc = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return rc == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
}

}  // namespace vlaq::data
