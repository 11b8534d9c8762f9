// Normally distributed weights, fast and the same on every machine. Value i of a stream is a pure function of the
// stream and i, so blocks can be filled in any order and on any thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"

namespace vlaq::synthesis {

// values[k] = mean + deviation * n(first + k). n is the sum of the four 16-bit words of one random number, scaled to
// variance 1: a close relative of the normal distribution that ends at 3.46 deviations. Weights need no better one, and
// it costs one multiplication chain instead of a logarithm and a cosine.
void FillNormal(const Random& stream, uint64_t first, float mean, float deviation, std::span<float> values);

}  // namespace vlaq::synthesis
