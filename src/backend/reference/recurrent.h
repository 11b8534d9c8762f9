// What the float LSTM and the one with int8 weights share. Private to this module.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "backend/reference/call.h"

namespace vlaq::backend {

struct LstmSizes {
  int64_t time, batch, input, hidden;
};

// Errors: kBackend naming an attribute or input of an LSTM that is not supported.
Status RefuseLstmVariants(const Call& call);

// The steps of an LSTM. `from_x`: X times W for all steps, [time, batch, 4 hidden] in the order input, output, forget,
// cell; `from_h`: [batch, hidden] -> [batch, 4 hidden] times R. Biases and initial states are the call's inputs 3,
// 5, 6.
Result<Tensors> RunLstm(const Call& call, const LstmSizes& sizes, std::span<const double> from_x,
                        const std::function<std::vector<double>(std::span<const double>)>& from_h);

// Weights of four gates as codes [inputs, columns]; scales and zero points for all or for each column.
struct QuantizedGates {
  int64_t inputs, columns;
  std::vector<int64_t> codes;
  std::vector<double> scales;
  std::vector<int64_t> zeros;

  double scale(size_t column) const { return scales[scales.size() == 1 ? 0 : column]; }
  int64_t zero(size_t column) const { return zeros[zeros.size() == 1 ? 0 : column]; }
};

}  // namespace vlaq::backend
