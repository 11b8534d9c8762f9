// A tree of values to bytes, as Python's msgpack with openpi's msgpack_numpy writes them: integers and lengths as short
// as they can be, floats as float64, maps in their order with text keys, arrays as maps with binary keys. Pure.
#pragma once

#include <string>

#include "base/status.h"
#include "msgpack/value.h"

namespace vlaq::msgpack {

// bfloat16, which NumPy has no name for, is sent as float32. Errors: kUsage for a tensor of any other type that NumPy
// does not have, and for more than 2^32 - 1 bytes or members.
Result<std::string> Encode(const Value& value);

}  // namespace vlaq::msgpack
