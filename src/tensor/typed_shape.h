// The type and shape of a value, without the value. Plain data.
#pragma once

#include <optional>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace vlaq {

struct TypedShape {
  std::optional<DType> dtype;  // absent: a type that has no DType here
  Shape shape;
};

}  // namespace vlaq
