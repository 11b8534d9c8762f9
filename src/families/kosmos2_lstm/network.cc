#include "families/kosmos2_lstm/network.h"

#include <fmt/format.h>

#include "families/kosmos2_lstm/transforms.h"

namespace vlaq::kosmos2_lstm {

Value Network::LstmBias(int64_t layer) {
  return Place(weights().Place(fmt::format("rnn.bias_l{}", layer), kLstmBias,
                               {fmt::format("rnn.bias_ih_l{}", layer), fmt::format("rnn.bias_hh_l{}", layer)}));
}

Value Network::Positions(int64_t rows, int64_t width) {
  return Place(weights().PlaceComputed("text_model.model.embed_positions.weights", kPositions, {rows, width}));
}

}  // namespace vlaq::kosmos2_lstm
