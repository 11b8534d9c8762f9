// Bytes to a tree of values. Pure; takes memory in proportion to the message only.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/status.h"
#include "msgpack/value.h"

namespace vlaq::msgpack {

struct Limits {
  size_t max_depth = 16;               // maps and arrays within each other
  size_t max_elements = 100'000;       // values in the message, keys not counted; an array of NumPy is a few
  size_t max_bytes = size_t{1} << 28;  // of the message
};

// One value and nothing behind it. A map with the key __ndarray__ or __npgeneric__ becomes a Tensor of the machine's
// byte order (a scalar: of rank 0), a NumPy text of one element a text. Errors: kInput naming the byte and what is
// wrong there: cut off, too much of something, of a kind that is not read, an array whose bytes are not what its shape
// says.
Result<Value> Decode(Bytes message, const Limits& limits = {});

}  // namespace vlaq::msgpack
