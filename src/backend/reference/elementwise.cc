// One output element from one element of each input, after broadcasting.
#include <algorithm>
#include <array>
#include <cmath>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"
#include "onnx/dtype_codes.h"
#include "tensor/convert.h"

namespace vlaq::backend {
namespace {

int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t WrappingSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t WrappingMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
// The caller has refused b = 0.
int64_t TruncatingDiv(int64_t a, int64_t b) { return b == -1 ? WrappingSub(0, a) : a / b; }

double NanMin(double a, double b) { return std::isnan(a) || a < b ? a : b; }
double NanMax(double a, double b) { return std::isnan(a) || a > b ? a : b; }

struct Binary {
  std::string_view name;
  double (*real)(double, double);        // nullptr: not for floats
  int64_t (*integer)(int64_t, int64_t);  // nullptr: not for integers
  bool gives_bool;
};

constexpr std::array kBinaries{
    Binary{"Add", [](double a, double b) { return a + b; }, WrappingAdd, false},
    Binary{"Sub", [](double a, double b) { return a - b; }, WrappingSub, false},
    Binary{"Mul", [](double a, double b) { return a * b; }, WrappingMul, false},
    Binary{"Div", [](double a, double b) { return a / b; }, TruncatingDiv, false},
    Binary{"Min", NanMin, [](int64_t a, int64_t b) { return std::min(a, b); }, false},
    Binary{"Max", NanMax, [](int64_t a, int64_t b) { return std::max(a, b); }, false},
    Binary{"And", nullptr, [](int64_t a, int64_t b) { return a & b; }, true},
    Binary{"Or", nullptr, [](int64_t a, int64_t b) { return a | b; }, true},
    Binary{"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; },
           [](int64_t a, int64_t b) { return int64_t{a == b}; }, true},
    Binary{"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; },
           [](int64_t a, int64_t b) { return int64_t{a < b}; }, true},
    Binary{"LessOrEqual", [](double a, double b) { return a <= b ? 1.0 : 0.0; },
           [](int64_t a, int64_t b) { return int64_t{a <= b}; }, true},
    Binary{"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; },
           [](int64_t a, int64_t b) { return int64_t{a > b}; }, true},
    Binary{"GreaterOrEqual", [](double a, double b) { return a >= b ? 1.0 : 0.0; },
           [](int64_t a, int64_t b) { return int64_t{a >= b}; }, true},
};

Result<Tensor> ApplyReal(const Binary& op, const Tensor& a, const Tensor& b) {
  const auto x = ToDoubles(a);
  const auto y = ToDoubles(b);
  std::vector<double> out(x.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = op.real(x[i], y[i]);
  if (!op.gives_bool) return FromDoubles(a.dtype(), a.shape(), out);
  return FromIntegers(DType::kBool, a.shape(), std::vector<int64_t>(out.begin(), out.end()));
}

Result<Tensor> ApplyInteger(const Binary& op, const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kU64) return Refuse("does not take uint64 values");  // they do not fit int64
  const auto x = ToIntegers(a);
  const auto y = ToIntegers(b);
  if (op.name == "Div" && std::find(y.begin(), y.end(), 0) != y.end()) return Refuse("integer division by zero");
  std::vector<int64_t> out(x.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = op.integer(x[i], y[i]);
  return FromIntegers(op.gives_bool ? DType::kBool : a.dtype(), a.shape(), out);
}

Result<Tensor> ApplyBinary(const Binary& op, const Tensor& left, const Tensor& right) {
  if (left.dtype() != right.dtype()) {
    return Refuse(fmt::format("mixes {} and {}", DTypeName(left.dtype()), DTypeName(right.dtype())));
  }
  VLAQ_ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(left.shape(), right.shape()));
  VLAQ_ASSIGN_OR_RETURN(const Tensor a, BroadcastTo(left, shape));
  VLAQ_ASSIGN_OR_RETURN(const Tensor b, BroadcastTo(right, shape));
  if (IsReal(a.dtype()) && op.real != nullptr) return ApplyReal(op, a, b);
  const bool logical = op.real == nullptr;
  if (IsIntegral(a.dtype()) && op.integer != nullptr && (!logical || a.dtype() == DType::kBool)) {
    return ApplyInteger(op, a, b);
  }
  return Refuse(fmt::format("does not take {} values", DTypeName(a.dtype())));
}

// Folds from the left, which for two inputs is the operator itself; Min and Max take any number.
Result<Tensors> EvaluateBinary(const Call& call) {
  const auto* op =
      std::find_if(kBinaries.begin(), kBinaries.end(), [&](const Binary& b) { return b.name == call.node().op_type; });
  Tensor result = call.In(0);
  for (size_t i = 1; i < call.input_count(); ++i) {
    if (call.Find(i) == nullptr) return Refuse(fmt::format("input {} is missing", i));
    VLAQ_ASSIGN_OR_RETURN(result, ApplyBinary(*op, result, call.In(i)));
  }
  return Tensors{result};
}

struct Unary {
  std::string_view name;
  double (*real)(double);
  int64_t (*integer)(int64_t);
};

constexpr std::array kUnaries{
    Unary{"Neg", [](double x) { return -x; }, [](int64_t x) { return WrappingSub(0, x); }},
    Unary{"Abs", [](double x) { return std::fabs(x); }, [](int64_t x) { return x < 0 ? WrappingSub(0, x) : x; }},
    Unary{"Relu", [](double x) { return x < 0 ? 0.0 : x; }, nullptr},
    Unary{"Sqrt", [](double x) { return std::sqrt(x); }, nullptr},
    Unary{"Exp", [](double x) { return std::exp(x); }, nullptr},
    Unary{"Log", [](double x) { return std::log(x); }, nullptr},
    Unary{"Reciprocal", [](double x) { return 1 / x; }, nullptr},
    Unary{"Floor", [](double x) { return std::floor(x); }, nullptr},
    Unary{"Ceil", [](double x) { return std::ceil(x); }, nullptr},
    Unary{"Erf", [](double x) { return std::erf(x); }, nullptr},
    Unary{"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, nullptr},
    Unary{"Tanh", [](double x) { return std::tanh(x); }, nullptr},
};

Result<Tensors> EvaluateUnary(const Call& call) {
  const auto* op =
      std::find_if(kUnaries.begin(), kUnaries.end(), [&](const Unary& u) { return u.name == call.node().op_type; });
  const Tensor& x = call.In(0);
  if (IsReal(x.dtype())) {
    auto values = ToDoubles(x);
    for (double& value : values) value = op->real(value);
    return Tensors{FromDoubles(x.dtype(), x.shape(), values)};
  }
  if (!IsIntegral(x.dtype()) || x.dtype() == DType::kBool || op->integer == nullptr) {
    return Refuse(fmt::format("does not take {} values", DTypeName(x.dtype())));
  }
  auto values = ToIntegers(x);
  for (int64_t& value : values) value = op->integer(value);
  return Tensors{FromIntegers(x.dtype(), x.shape(), values)};
}

Result<Tensors> Not(const Call& call) {
  const Tensor& x = call.In(0);
  if (x.dtype() != DType::kBool) return Refuse("takes bool values only");
  auto values = ToIntegers(x);
  for (int64_t& value : values) value = value == 0 ? 1 : 0;
  return Tensors{FromIntegers(DType::kBool, x.shape(), values)};
}

// The exponent may have another type than the base, which decides the result's.
Result<Tensors> Pow(const Call& call) {
  const Tensor& base = call.In(0);
  const Tensor& exponent = call.In(1);
  const auto fits = [](DType dtype) { return IsReal(dtype) || (IsIntegral(dtype) && dtype != DType::kBool); };
  if (!fits(base.dtype()) || !fits(exponent.dtype())) return Refuse("takes numbers only");
  VLAQ_ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(base.shape(), exponent.shape()));
  VLAQ_ASSIGN_OR_RETURN(const Tensor a, BroadcastTo(base, shape));
  VLAQ_ASSIGN_OR_RETURN(const Tensor b, BroadcastTo(exponent, shape));
  auto values = ToDoubles(a);
  const auto powers = ToDoubles(b);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::pow(values[i], powers[i]);
  if (IsReal(base.dtype())) return Tensors{FromDoubles(base.dtype(), shape, values)};
  return Tensors{FromIntegers(base.dtype(), shape, std::vector<int64_t>(values.begin(), values.end()))};
}

// Both limits are optional scalars of the input's type.
Result<Tensors> Clip(const Call& call) {
  const Tensor& x = call.In(0);
  for (size_t i = 1; i < 3; ++i) {
    const Tensor* limit = call.Find(i);
    if (limit != nullptr && (limit->size() != 1 || limit->dtype() != x.dtype())) {
      return Refuse("its limits must be scalars of the input's type");
    }
  }
  const auto clip = [&](auto values, auto read) {
    for (auto& value : values) {
      if (call.Find(1) != nullptr) value = std::max(value, read(call.In(1))[0]);
      if (call.Find(2) != nullptr) value = std::min(value, read(call.In(2))[0]);
    }
    return values;
  };
  if (IsReal(x.dtype())) return Tensors{FromDoubles(x.dtype(), x.shape(), clip(ToDoubles(x), ToDoubles))};
  if (!IsIntegral(x.dtype()) || x.dtype() == DType::kU64) return Refuse("takes numbers only");
  return Tensors{FromIntegers(x.dtype(), x.shape(), clip(ToIntegers(x), ToIntegers))};
}

// Any element type: the chosen elements are copied.
Result<Tensors> Where(const Call& call) {
  if (call.In(0).dtype() != DType::kBool) return Refuse("its condition must be bool");
  if (call.In(1).dtype() != call.In(2).dtype()) return Refuse("its choices have different types");
  VLAQ_ASSIGN_OR_RETURN(Shape shape, BroadcastShape(call.In(1).shape(), call.In(2).shape()));
  VLAQ_ASSIGN_OR_RETURN(shape, BroadcastShape(call.In(0).shape(), shape));
  VLAQ_ASSIGN_OR_RETURN(const Tensor condition, BroadcastTo(call.In(0), shape));
  VLAQ_ASSIGN_OR_RETURN(const Tensor yes, BroadcastTo(call.In(1), shape));
  VLAQ_ASSIGN_OR_RETURN(const Tensor no, BroadcastTo(call.In(2), shape));
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(yes.dtype(), shape));
  const size_t item = DTypeBits(yes.dtype()) / 8;
  for (size_t i = 0; i < static_cast<size_t>(out.size()); ++i) {
    const Tensor& from = condition.data<uint8_t>()[i] != 0 ? yes : no;
    std::memcpy(out.mutable_bytes().data() + i * item, from.bytes().data() + i * item, item);
  }
  return Tensors{out};
}

// Floats are cut towards zero; what does not fit the target becomes its nearest value, NaN becomes 0. (ONNX leaves both
// undefined.) The low bits of the result are the target's value.
int64_t CutToInteger(double value, DType to) {
  if (to == DType::kBool) return value != 0 ? 1 : 0;
  if (std::isnan(value)) return 0;
  const uint32_t bits = DTypeBits(to);
  const bool is_signed = to == DType::kI8 || to == DType::kI16 || to == DType::kI32 || to == DType::kI64;
  const double limit = std::ldexp(1.0, static_cast<int>(is_signed ? bits - 1 : bits));
  if (!is_signed) {
    if (value >= limit) return -1;  // all bits set
    return value <= 0 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(value));
  }
  if (value >= limit) return static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
  return static_cast<int64_t>(std::max(value, -limit));
}

std::vector<int64_t> CutToIntegers(const Tensor& x, DType to) {
  std::vector<int64_t> values;
  for (const double value : ToDoubles(x)) values.push_back(CutToInteger(value, to));
  return values;
}

Result<Tensors> Cast(const Call& call) {
  const Tensor& x = call.In(0);
  const auto to = onnx::DTypeOfCode(static_cast<int32_t>(call.node().Int("to", 0)));
  const bool known = to && (IsReal(*to) || IsIntegral(*to)) && (IsFloat(x.dtype()) || IsIntegral(x.dtype()));
  if (!known) return Refuse(fmt::format("cannot cast {} to type {}", DTypeName(x.dtype()), call.node().Int("to", 0)));
  if (IsReal(*to)) {
    Tensor out = Tensor::Make(*to, x.shape());
    Convert(x.dtype(), x.bytes(), *to, out.mutable_bytes());
    return Tensors{out};
  }
  return Tensors{FromIntegers(*to, x.shape(), IsIntegral(x.dtype()) ? ToIntegers(x) : CutToIntegers(x, *to))};
}

Result<Tensors> Identity(const Call& call) { return Tensors{call.In(0)}; }

std::vector<Operator> MakeElementwiseOperators() {
  std::vector<Operator> table{
      {"Not", 1, 1, Not},     {"Pow", 2, 2, Pow},   {"Clip", 1, 3, Clip},
      {"Where", 3, 3, Where}, {"Cast", 1, 1, Cast}, {"Identity", 1, 1, Identity},
  };
  for (const Binary& op : kBinaries) {
    const bool variadic = op.name == "Min" || op.name == "Max";
    table.push_back({op.name, variadic ? size_t{1} : 2, variadic ? kAnyNumber : 2, EvaluateBinary});
  }
  for (const Unary& op : kUnaries) table.push_back({op.name, 1, 1, EvaluateUnary});
  return table;
}

}  // namespace

std::span<const Operator> ElementwiseOperators() {
  static const std::vector<Operator> table = MakeElementwiseOperators();
  return table;
}

}  // namespace vlaq::backend
