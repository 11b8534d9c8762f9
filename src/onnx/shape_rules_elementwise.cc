// Shape rules of operators that work on each element alone, or leave the extents as they are; with the arithmetic of
// small tensors, from which graphs compute shapes.
#include <algorithm>
#include <array>
#include <functional>

#include "onnx/shape_rules.h"

namespace vlaq::onnx {
namespace {

void KeepShape(NodeFacts& facts) {
  if (const Shape* shape = facts.ShapeOf(0)) facts.Set(0, *shape);
}

// Each output.
void KeepShapeOfAll(NodeFacts& facts) {
  const Shape* shape = facts.ShapeOf(0);
  for (size_t i = 0; shape != nullptr && i < facts.outputs(); ++i) facts.Set(i, *shape);
}

// y, then mean and deviation, from `axis` on of extent 1.
void LayerNormShapes(NodeFacts& facts) {
  KeepShape(facts);
  const Shape* shape = facts.ShapeOf(0);
  const auto axis = shape == nullptr ? std::nullopt : AxisOf(facts.Number("axis", -1), shape->size());
  if (!axis) return;
  Shape each = *shape;
  std::fill(each.begin() + static_cast<std::ptrdiff_t>(*axis), each.end(), 1);
  facts.Set(1, each);
  facts.Set(2, std::move(each));
}

// y, then scale and zero point.
void DynamicQuantizeShapes(NodeFacts& facts) {
  KeepShape(facts);
  facts.Set(1, {});
  facts.Set(2, {});
}

// Layer norms that give what they added up last.
void SkipNormShapes(NodeFacts& facts) {
  KeepShape(facts);
  if (const Shape* shape = facts.ShapeOf(0)) facts.Set(3, *shape);
}

// ---- arithmetic of small tensors ----

bool IsInteger(std::optional<DType> dtype) { return dtype && !IsFloat(*dtype); }

// As the type stores it.
double Stored(double value, std::optional<DType> dtype) {
  if (dtype == DType::kF32) return static_cast<double>(static_cast<float>(value));
  return IsInteger(dtype) ? std::trunc(value) : value;
}

struct UnaryValue {
  std::string_view op_type;
  double (*of)(double);
};
constexpr std::array kUnaryValues = {
    UnaryValue{"Abs", [](double a) { return std::fabs(a); }},
    UnaryValue{"Cast", [](double a) { return a; }},
    UnaryValue{"Ceil", [](double a) { return std::ceil(a); }},
    UnaryValue{"Floor", [](double a) { return std::floor(a); }},
    UnaryValue{"Identity", [](double a) { return a; }},
    UnaryValue{"Neg", [](double a) { return -a; }},
    UnaryValue{"Not", [](double a) { return a == 0 ? 1.0 : 0.0; }},
    UnaryValue{"Round", [](double a) { return std::nearbyint(a); }},
    UnaryValue{"Sqrt", [](double a) { return std::sqrt(a); }},
};

void UnaryShapes(NodeFacts& facts) {
  const Shape* shape = facts.ShapeOf(0);
  if (shape == nullptr) return;
  const auto row = std::ranges::find(kUnaryValues, facts.node().op_type, &UnaryValue::op_type);
  const std::vector<double>* values = facts.ValuesOf(0);
  if (row == kUnaryValues.end() || values == nullptr || facts.outputs() == 0) return facts.Set(0, *shape);
  std::vector<double> results;
  const auto dtype = facts.TypeOfOutput(0);
  for (const double value : *values) {
    const bool truth = dtype == DType::kBool && !std::isnan(value);
    results.push_back(truth ? (row->of(value) != 0 ? 1.0 : 0.0) : Stored(row->of(value), dtype));
  }
  facts.Set(0, *shape, std::move(results));
}

double FloorModulo(double a, double b) { return b == 0 ? std::nan("") : a - b * std::floor(a / b); }

struct BinaryValue {
  std::string_view op_type;
  double (*of)(double, double);
};
constexpr std::array kBinaryValues = {
    BinaryValue{"Add", [](double a, double b) { return a + b; }},
    BinaryValue{"And", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
    BinaryValue{"Div", [](double a, double b) { return b == 0 ? std::nan("") : a / b; }},
    BinaryValue{"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    BinaryValue{"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    BinaryValue{"GreaterOrEqual", [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
    BinaryValue{"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    BinaryValue{"LessOrEqual", [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    BinaryValue{"Max", [](double a, double b) { return std::max(a, b); }},
    BinaryValue{"Min", [](double a, double b) { return std::min(a, b); }},
    BinaryValue{"Mod", FloorModulo},
    BinaryValue{"Mul", [](double a, double b) { return a * b; }},
    BinaryValue{"Or", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
    BinaryValue{"Sub", [](double a, double b) { return a - b; }},
    BinaryValue{"Sum", [](double a, double b) { return a + b; }},
};

std::optional<Shape> BroadcastInputs(NodeFacts& facts) {
  std::optional<Shape> shape;
  for (size_t i = 0; i < facts.inputs(); ++i) {
    const Shape* next = facts.ShapeOf(i);
    if (next == nullptr) return std::nullopt;
    const auto both = shape ? Broadcast(*shape, *next) : std::optional(*next);
    if (!both) {
      facts.Refuse(ShapeText(*shape) + " and " + ShapeText(*next) + " do not go together");
      return std::nullopt;
    }
    shape = both;
  }
  return shape;
}

void BroadcastShapes(NodeFacts& facts) {
  const auto shape = BroadcastInputs(facts);
  if (!shape || facts.outputs() == 0) return;
  const auto row = std::ranges::find(kBinaryValues, facts.node().op_type, &BinaryValue::op_type);
  const std::vector<double>* first = facts.ValuesOf(0);
  const bool fmod = facts.node().op_type == "Mod" && facts.node().Int("fmod", 0) != 0;
  if (row == kBinaryValues.end() || first == nullptr || !IsSmall(*shape) || fmod) return facts.Set(0, *shape);
  std::vector<double> results =
      PickValues(*first, *shape, [&](const Shape& at) { return StretchedPlace(at, *facts.ShapeOf(0)); });
  for (size_t i = 1; i < facts.inputs(); ++i) {
    const std::vector<double>* next = facts.ValuesOf(i);
    if (next == nullptr) return facts.Set(0, *shape);
    const std::vector<double> other =
        PickValues(*next, *shape, [&](const Shape& at) { return StretchedPlace(at, *facts.ShapeOf(i)); });
    for (size_t k = 0; k < results.size(); ++k) {
      const bool known = !std::isnan(results[k]) && !std::isnan(other[k]);  // comparisons would lose a NaN
      results[k] = known ? Stored(row->of(results[k], other[k]), facts.TypeOfOutput(0)) : std::nan("");
    }
  }
  facts.Set(0, *shape, std::move(results));
}

void WhereShapes(NodeFacts& facts) {
  const auto shape = BroadcastInputs(facts);
  if (!shape) return;
  const std::vector<double>* condition = facts.ValuesOf(0);
  const std::vector<double>* yes = facts.ValuesOf(1);
  const std::vector<double>* no = facts.ValuesOf(2);
  if (condition == nullptr || yes == nullptr || no == nullptr || !IsSmall(*shape)) return facts.Set(0, *shape);
  const auto stretched = [&](const std::vector<double>& values, size_t input) {
    return PickValues(values, *shape, [&](const Shape& at) { return StretchedPlace(at, *facts.ShapeOf(input)); });
  };
  std::vector<double> results = stretched(*condition, 0);
  const std::vector<double> yeses = stretched(*yes, 1);
  const std::vector<double> noes = stretched(*no, 2);
  for (size_t i = 0; i < results.size(); ++i) {
    if (!std::isnan(results[i])) results[i] = results[i] != 0 ? yeses[i] : noes[i];
  }
  facts.Set(0, *shape, std::move(results));
}

constexpr std::array kElementwiseShapes = {
    ShapeRow{"Abs", UnaryShapes},
    ShapeRow{"Acos", KeepShape},
    ShapeRow{"Acosh", KeepShape},
    ShapeRow{"Add", BroadcastShapes},
    ShapeRow{"And", BroadcastShapes},
    ShapeRow{"Asin", KeepShape},
    ShapeRow{"Asinh", KeepShape},
    ShapeRow{"Atan", KeepShape},
    ShapeRow{"Atanh", KeepShape},
    ShapeRow{"BatchNormalization", KeepShape},
    ShapeRow{"Bernoulli", KeepShape},
    ShapeRow{"BiasGelu", KeepShape},
    ShapeRow{"BitShift", BroadcastShapes},
    ShapeRow{"BitwiseAnd", BroadcastShapes},
    ShapeRow{"BitwiseNot", KeepShape},
    ShapeRow{"BitwiseOr", BroadcastShapes},
    ShapeRow{"BitwiseXor", BroadcastShapes},
    ShapeRow{"Cast", UnaryShapes},
    ShapeRow{"CastLike", KeepShape},
    ShapeRow{"Ceil", UnaryShapes},
    ShapeRow{"Celu", KeepShape},
    ShapeRow{"Clip", KeepShape},
    ShapeRow{"Cos", KeepShape},
    ShapeRow{"Cosh", KeepShape},
    ShapeRow{"CumProd", KeepShape},
    ShapeRow{"CumSum", KeepShape},
    ShapeRow{"DequantizeLinear", KeepShape},
    ShapeRow{"Div", BroadcastShapes},
    ShapeRow{"Dropout", KeepShapeOfAll},
    ShapeRow{"DynamicQuantizeLinear", DynamicQuantizeShapes},
    ShapeRow{"Elu", KeepShape},
    ShapeRow{"Equal", BroadcastShapes},
    ShapeRow{"Erf", KeepShape},
    ShapeRow{"Exp", KeepShape},
    ShapeRow{"EyeLike", KeepShape},
    ShapeRow{"FastGelu", KeepShape},
    ShapeRow{"Floor", UnaryShapes},
    ShapeRow{"Gelu", KeepShape},
    ShapeRow{"Greater", BroadcastShapes},
    ShapeRow{"GreaterOrEqual", BroadcastShapes},
    ShapeRow{"GroupNormalization", KeepShape},
    ShapeRow{"HardSigmoid", KeepShape},
    ShapeRow{"HardSwish", KeepShape},
    ShapeRow{"Hardmax", KeepShape},
    ShapeRow{"Identity", UnaryShapes},
    ShapeRow{"InstanceNormalization", KeepShape},
    ShapeRow{"IsInf", KeepShape},
    ShapeRow{"IsNaN", KeepShape},
    ShapeRow{"LRN", KeepShape},
    ShapeRow{"LayerNormalization", LayerNormShapes},
    ShapeRow{"LeakyRelu", KeepShape},
    ShapeRow{"Less", BroadcastShapes},
    ShapeRow{"LessOrEqual", BroadcastShapes},
    ShapeRow{"Log", KeepShape},
    ShapeRow{"LogSoftmax", KeepShape},
    ShapeRow{"LpNormalization", KeepShape},
    ShapeRow{"Max", BroadcastShapes},
    ShapeRow{"Mean", BroadcastShapes},
    ShapeRow{"MeanVarianceNormalization", KeepShape},
    ShapeRow{"Min", BroadcastShapes},
    ShapeRow{"Mish", KeepShape},
    ShapeRow{"Mod", BroadcastShapes},
    ShapeRow{"Mul", BroadcastShapes},
    ShapeRow{"Neg", UnaryShapes},
    ShapeRow{"Not", UnaryShapes},
    ShapeRow{"Or", BroadcastShapes},
    ShapeRow{"PRelu", KeepShape},
    ShapeRow{"Pow", BroadcastShapes},
    ShapeRow{"QuantizeLinear", KeepShape},
    ShapeRow{"QuickGelu", KeepShape},
    ShapeRow{"RMSNormalization", KeepShape},
    ShapeRow{"RandomNormalLike", KeepShape},
    ShapeRow{"RandomUniformLike", KeepShape},
    ShapeRow{"Reciprocal", KeepShape},
    ShapeRow{"Relu", KeepShape},
    ShapeRow{"ReverseSequence", KeepShape},
    ShapeRow{"RotaryEmbedding", KeepShape},
    ShapeRow{"Round", UnaryShapes},
    ShapeRow{"Scatter", KeepShape},
    ShapeRow{"ScatterElements", KeepShape},
    ShapeRow{"ScatterND", KeepShape},
    ShapeRow{"Selu", KeepShape},
    ShapeRow{"Shrink", KeepShape},
    ShapeRow{"Sigmoid", KeepShape},
    ShapeRow{"Sign", KeepShape},
    ShapeRow{"SimplifiedLayerNormalization", KeepShape},
    ShapeRow{"Sin", KeepShape},
    ShapeRow{"Sinh", KeepShape},
    ShapeRow{"SkipLayerNormalization", SkipNormShapes},
    ShapeRow{"SkipSimplifiedLayerNormalization", SkipNormShapes},
    ShapeRow{"Softmax", KeepShape},
    ShapeRow{"Softplus", KeepShape},
    ShapeRow{"Softsign", KeepShape},
    ShapeRow{"Sqrt", UnaryShapes},
    ShapeRow{"Sub", BroadcastShapes},
    ShapeRow{"Sum", BroadcastShapes},
    ShapeRow{"Swish", KeepShape},
    ShapeRow{"Tan", KeepShape},
    ShapeRow{"Tanh", KeepShape},
    ShapeRow{"ThresholdedRelu", KeepShape},
    ShapeRow{"Trilu", KeepShape},
    ShapeRow{"Where", WhereShapes},
    ShapeRow{"Xor", BroadcastShapes},
};

}  // namespace

std::span<const ShapeRow> ElementwiseShapes() { return kElementwiseShapes; }

}  // namespace vlaq::onnx
