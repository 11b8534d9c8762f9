// The named ways from this family's tensors to initializers, beside copy and transpose.
#pragma once

#include "families/weights.h"

namespace vlaq::kosmos2_lstm {

extern const families::Transform kLstmGates;  // [4H, n] in torch's gate order i f g o -> [1, 4H, n] in ONNX's: i o f c
extern const families::Transform kLstmBias;   // bias_ih and bias_hh [4H] -> [1, 8H], both permuted as above
extern const families::Transform
    kPositions;  // from nothing: sinusoidal table, fairseq's layout, one zero row (padding)

}  // namespace vlaq::kosmos2_lstm
