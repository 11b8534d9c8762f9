// zlib data of a known size. Not aware of HDF5.
#pragma once

#include "base/bytes.h"

namespace vlaq::data {

// Deflate shrinks nothing further than this: a file that claims more lies, and is not worth an allocation.
inline constexpr uint64_t kMaxDeflateGain = 1040;

// True if `packed` is one zlib stream of exactly out.size() bytes, which then lie in `out`.
bool InflateExactly(Bytes packed, MutableBytes out);

}  // namespace vlaq::data
