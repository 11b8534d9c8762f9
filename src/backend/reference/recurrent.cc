// LSTM: forward direction, time-major (layout 0), default activations. Other variants are refused by name.
#include "backend/reference/recurrent.h"

#include <array>
#include <cmath>

#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Result<LstmSizes> ReadSizes(const Call& call) {
  const Tensor& x = call.In(0);
  const Tensor& w = call.In(1);
  const Tensor& r = call.In(2);
  if (x.rank() != 3 || r.rank() != 3) return Refuse("X and R must have rank 3");
  const LstmSizes s{x.shape()[0], x.shape()[1], x.shape()[2], r.shape()[2]};
  const auto expect = [&](size_t i, const Shape& shape) -> Status {
    const Tensor* tensor = call.Find(i);
    if (tensor == nullptr) return {};
    if (tensor->dtype() != x.dtype()) return Refuse("its inputs have different types");
    if (tensor->shape() == shape) return {};
    return Refuse(
        fmt::format("input {} must have the shape {}, not {}", i, ShapeText(shape), ShapeText(tensor->shape())));
  };
  VLAQ_RETURN_IF_ERROR(ExpectReal(w));
  VLAQ_RETURN_IF_ERROR(expect(1, {1, 4 * s.hidden, s.input}));
  VLAQ_RETURN_IF_ERROR(expect(2, {1, 4 * s.hidden, s.hidden}));
  VLAQ_RETURN_IF_ERROR(expect(3, {1, 8 * s.hidden}));
  VLAQ_RETURN_IF_ERROR(expect(5, {1, s.batch, s.hidden}));
  VLAQ_RETURN_IF_ERROR(expect(6, {1, s.batch, s.hidden}));
  if (call.node().Int("hidden_size", s.hidden) != s.hidden) return Refuse("hidden_size contradicts R");
  return s;
}

// Zeros where the optional input is left out.
std::vector<double> DoublesOrZeros(const Call& call, size_t i, int64_t count) {
  const Tensor* tensor = call.Find(i);
  return tensor != nullptr ? ToDoubles(*tensor) : std::vector<double>(static_cast<size_t>(count), 0);
}

// values [rows, k] times the transpose of weights [n, k]
std::vector<double> TimesTransposed(std::span<const double> values, std::span<const double> weights, int64_t k) {
  const auto width = static_cast<size_t>(k);
  std::vector<double> out;
  for (size_t row = 0; row < values.size(); row += width) {
    for (size_t column = 0; column < weights.size(); column += width) {
      double sum = 0;
      for (size_t i = 0; i < width; ++i) sum += values[row + i] * weights[column + i];
      out.push_back(sum);
    }
  }
  return out;
}

Result<Tensors> Lstm(const Call& call) {
  VLAQ_RETURN_IF_ERROR(RefuseLstmVariants(call));
  VLAQ_ASSIGN_OR_RETURN(const LstmSizes s, ReadSizes(call));
  const auto w = ToDoubles(call.In(1));
  const auto r = ToDoubles(call.In(2));
  return RunLstm(call, s, TimesTransposed(ToDoubles(call.In(0)), w, s.input),
                 [&](std::span<const double> h) { return TimesTransposed(h, r, s.hidden); });
}

constexpr std::array kRecurrentOperators{Operator{"LSTM", 3, 8, Lstm}};

}  // namespace

Status RefuseLstmVariants(const Call& call) {
  const onnx::Node& node = call.node();
  if (node.String("direction", "forward") != "forward") return Refuse("only direction = forward is supported");
  if (node.Int("layout", 0) != 0) return Refuse("only layout = 0 is supported");
  if (node.Int("input_forget", 0) != 0) return Refuse("input_forget is not supported");
  for (const char* name : {"clip", "activations", "activation_alpha", "activation_beta"}) {
    if (node.attributes.count(name) > 0) return Refuse(fmt::format("the attribute {} is not supported", name));
  }
  if (call.Find(4) != nullptr) return Refuse("sequence_lens is not supported");
  if (call.Find(7) != nullptr) return Refuse("peephole weights are not supported");
  return {};
}

Result<Tensors> RunLstm(const Call& call, const LstmSizes& s, std::span<const double> from_x,
                        const std::function<std::vector<double>(std::span<const double>)>& from_h) {
  const auto b = DoublesOrZeros(call, 3, 8 * s.hidden);
  auto h = DoublesOrZeros(call, 5, s.batch * s.hidden);
  auto c = DoublesOrZeros(call, 6, s.batch * s.hidden);
  std::vector<double> y;
  for (int64_t t = 0; t < s.time; ++t) {
    const auto recurrent = from_h(h);
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t k = 0; k < s.hidden; ++k) {
        // Gates and entries of B stand gate by gate: input, output, forget, cell.
        const auto gate = [&](int64_t number) {
          const int64_t row = number * s.hidden + k;
          return from_x[static_cast<size_t>((t * s.batch + n) * 4 * s.hidden + row)] +
                 recurrent[static_cast<size_t>(n * 4 * s.hidden + row)] + b[static_cast<size_t>(row)] +
                 b[static_cast<size_t>(4 * s.hidden + row)];
        };
        const auto at = static_cast<size_t>(n * s.hidden + k);
        c[at] = Sigmoid(gate(2)) * c[at] + Sigmoid(gate(0)) * std::tanh(gate(3));
        h[at] = Sigmoid(gate(1)) * std::tanh(c[at]);
      }
    }
    y.insert(y.end(), h.begin(), h.end());
  }
  const DType dtype = call.In(0).dtype();
  return Tensors{FromDoubles(dtype, {s.time, 1, s.batch, s.hidden}, y), FromDoubles(dtype, {1, s.batch, s.hidden}, h),
                 FromDoubles(dtype, {1, s.batch, s.hidden}, c)};
}

std::span<const Operator> RecurrentOperators() { return kRecurrentOperators; }

}  // namespace vlaq::backend
