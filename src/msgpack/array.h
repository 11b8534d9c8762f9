// How NumPy's arrays lie in maps. Private to this module.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "msgpack/value.h"

namespace vlaq::msgpack {

// The keys of such a map.
inline constexpr std::string_view kArrayKey = "__ndarray__", kScalarKey = "__npgeneric__", kDataKey = "data",
                                  kTypeKey = "dtype", kShapeKey = "shape";

// What the map stands for: a Tensor, or a text. Errors: kInput without a place.
Result<Value> ArrayFromMap(const Map& map);
Result<Value> ScalarFromMap(const Map& map);

// NumPy's name of a type, "<f4"; empty if it has none.
std::string_view NumpyName(DType dtype);

}  // namespace vlaq::msgpack
