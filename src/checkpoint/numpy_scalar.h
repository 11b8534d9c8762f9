// NumPy numbers inside a pickle: numpy.core.multiarray.scalar(dtype, bytes).
#pragma once

#include <optional>
#include <string>

#include "checkpoint/pickle_value.h"

namespace vlaq::checkpoint {

// The number as text, or nullopt if the value is not a NumPy scalar of a real, little-endian type.
std::optional<std::string> NumpyScalarText(const PickleDocument& document, ValueId value);

}  // namespace vlaq::checkpoint
