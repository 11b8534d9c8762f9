// The vocabulary in which this family's towers are written: that of all families, and what only it has.
#pragma once

#include "families/network.h"

namespace vlaq::kosmos2_lstm {

using families::Value;

class Network : public families::Network {
 public:
  using families::Network::Network;
  // Both biases of LSTM layer `layer`.
  Value LstmBias(int64_t layer);
  // Sinusoidal position table [rows, width].
  Value Positions(int64_t rows, int64_t width);
};

}  // namespace vlaq::kosmos2_lstm
