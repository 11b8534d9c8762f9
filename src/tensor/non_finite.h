// NaN and infinity among the elements of a tensor. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "tensor/dtype.h"

namespace vlaq {

struct NonFinite {
  int64_t count = 0;
  int64_t first = -1;  // element of the first one in the order of the bytes
  double value = 0;    // of that element: NaN or an infinity

  bool any() const { return count > 0; }
  // "element 17 is nan (3 of 960 values are not finite)"
  std::string Describe(int64_t elements) const;
};

// Packed elements. Types without a conversion to float (4 and 6 bits, complex) and integers have none. `base` is added
// to `first`, for a tensor that is looked at in pieces.
NonFinite FindNonFinite(DType dtype, Bytes bytes, int64_t base = 0);
// Two pieces in their order.
void Merge(NonFinite& all, const NonFinite& next);

}  // namespace vlaq
