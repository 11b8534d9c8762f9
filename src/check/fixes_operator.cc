// GraphFixes of single operators: compositions, inputs and attributes made explicit.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "check/fixes.h"
#include "tensor/convert.h"

namespace vlaq::check {
namespace {

// A scalar of a float type; nullopt for other types.
std::optional<Tensor> FloatScalar(std::optional<DType> dtype, double value) {
  if (dtype == DType::kF32) return Tensor::Scalar<float>(static_cast<float>(value));
  if (dtype != DType::kF16) return std::nullopt;
  Tensor half = Tensor::Make(DType::kF16, {});
  const uint16_t bits = FloatToHalf(static_cast<float>(value));
  std::memcpy(half.mutable_bytes().data(), &bits, sizeof bits);
  return half;
}

// Builds a composition of scalars and x; the last node takes the output's name.
class Composition {
 public:
  Composition(const GraphView& view, const onnx::Node& node, Patch& patch)
      : node_(node), patch_(patch), dtype_(view.Type(InputName(node, 0))) {}

  bool possible() const { return dtype_ == DType::kF32 || dtype_ == DType::kF16; }
  std::string Number(std::string_view name, double value) {
    return patch_.Constant(fmt::format("{}/{}", node_.name, name), *FloatScalar(dtype_, value));
  }
  std::string Op(const std::string& op_type, std::vector<std::string> inputs) {
    return patch_.Op(op_type, fmt::format("{}/{}.{}", node_.name, op_type, count_++), std::move(inputs));
  }
  void Last(const std::string& op_type, std::vector<std::string> inputs) {
    onnx::Node last;
    last.op_type = op_type;
    last.name = node_.name;
    last.inputs = std::move(inputs);
    last.outputs = {node_.outputs.front()};
    patch_.Add(std::move(last));
  }
  // With `x`: 0.5 x (1 + erf(x / sqrt 2)), and its approximation by tanh.
  void ErfGelu(const std::string& x) {
    const std::string erf = Op("Erf", {Op("Div", {x, Number("sqrt2", std::numbers::sqrt2)})});
    Last("Mul", {Op("Mul", {x, Number("half", 0.5)}), Op("Add", {erf, Number("one", 1)})});
  }
  void TanhGelu(const std::string& x) {
    const std::string cube = Op("Mul", {Op("Mul", {x, x}), x});
    const std::string inner = Op("Add", {x, Op("Mul", {cube, Number("cubic", 0.044715)})});
    const double root = std::numbers::sqrt2 / std::sqrt(std::numbers::pi);  // sqrt(2 / pi)
    const std::string tanh = Op("Tanh", {Op("Mul", {inner, Number("root", root)})});
    Last("Mul", {Op("Mul", {x, Number("half", 0.5)}), Op("Add", {tanh, Number("one", 1)})});
  }

 private:
  const onnx::Node& node_;
  Patch& patch_;
  std::optional<DType> dtype_;
  int count_ = 0;
};

bool Possible(const Composition& composition, const onnx::Node& node, Patch& patch) {
  if (composition.possible() && node.outputs.size() == 1) return true;
  patch.Refuse(node, "its type is not known to be FLOAT or FLOAT16");
  return false;
}

bool ComposeGelu(const GraphView& view, const onnx::Node& node, Patch& patch) {
  Composition composition(view, node, patch);
  if (!Possible(composition, node, patch)) return false;
  if (node.String("approximate", "none") == "tanh") {
    composition.TanhGelu(node.inputs[0]);
  } else {
    composition.ErfGelu(node.inputs[0]);
  }
  return true;
}

bool ComposeQuickGelu(const GraphView& view, const onnx::Node& node, Patch& patch) {
  Composition composition(view, node, patch);
  if (!Possible(composition, node, patch)) return false;
  const std::string& x = node.inputs[0];
  const std::string alpha = composition.Number("alpha", static_cast<double>(node.Float("alpha", 1.702F)));
  composition.Last("Mul", {x, composition.Op("Sigmoid", {composition.Op("Mul", {x, alpha})})});
  return true;
}

// BiasGelu and FastGelu: of x + bias, exact and by tanh.
bool ComposeBiasedGelu(const GraphView& view, const onnx::Node& node, Patch& patch) {
  Composition composition(view, node, patch);
  if (!Possible(composition, node, patch)) return false;
  const std::string x = Given(node, 1) ? composition.Op("Add", {node.inputs[0], node.inputs[1]}) : node.inputs[0];
  if (node.op_type == "FastGelu") {
    composition.TanhGelu(x);
  } else {
    composition.ErfGelu(x);
  }
  return true;
}

bool BiasOfZeros(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto scale = view.Value(InputName(node, 1));
  if (!scale) {
    patch.Refuse(node, "its scale is not a constant whose shape the zeros could have");
    return false;
  }
  onnx::Node whole = node;
  whole.inputs.resize(3);
  whole.inputs[2] = patch.Constant(node.name + "/bias", Tensor::Make(scale->dtype(), scale->shape()));
  patch.Add(std::move(whole));
  return true;
}

bool Sorted(const GraphView& /*view*/, const onnx::Node& node, Patch& patch) {
  if (node.Int("sorted", 1) == 1) return false;
  onnx::Node whole = node;
  whole.attributes["sorted"] = int64_t{1};
  patch.Add(std::move(whole));
  return true;
}

// Bounds beyond int32 mean the end or the start, as the largest and smallest int32 do.
bool ClampBounds(const GraphView& view, const onnx::Node& node, Patch& patch) {
  onnx::Node whole = node;
  bool changed = false;
  for (const size_t input : {size_t{1}, size_t{2}}) {
    const auto values = view.Integers(InputName(node, input));
    if (!values) continue;
    std::vector<int64_t> clamped = *values;
    for (int64_t& value : clamped) {
      value = std::clamp<int64_t>(value, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    }
    if (clamped == *values) continue;
    whole.inputs[input] = patch.Constant(node.inputs[input] + "/int32",
                                         Tensor::From<int64_t>({static_cast<int64_t>(clamped.size())}, clamped));
    changed = true;
  }
  if (changed) patch.Add(std::move(whole));
  return changed;
}

// All extents, of which the Slice takes those from start to end.
bool SliceOfShape(const GraphView& /*view*/, const onnx::Node& node, Patch& patch) {
  constexpr int64_t kToTheEnd = std::numeric_limits<int32_t>::max();
  onnx::Node whole = node;
  whole.attributes.clear();
  whole.name = node.name + "/Shape";
  whole.outputs = {patch.FreeName(node.outputs.front() + "/whole")};
  const auto list = [&](const char* name, int64_t value) {
    return patch.Constant(node.name + "/" + name, Tensor::From<int64_t>({1}, std::array{value}));
  };
  onnx::Node slice = node;
  slice.op_type = "Slice";
  slice.attributes.clear();
  const int64_t start = std::clamp<int64_t>(node.Int("start", 0), -kToTheEnd, kToTheEnd);
  const int64_t end = std::clamp<int64_t>(node.Int("end", kToTheEnd), -kToTheEnd, kToTheEnd);
  slice.inputs = {whole.outputs.front(), list("start", start), list("end", end), list("axis", 0)};
  patch.Add(std::move(whole));
  patch.Add(std::move(slice));
  return true;
}

// ONNX's default is none.
bool NoReductionNamed(const GraphView& /*view*/, const onnx::Node& node, Patch& patch) {
  if (!node.attributes.contains("reduction")) return false;
  if (node.String("reduction", "none") != "none") {
    patch.Refuse(node, "it adds, multiplies or compares, which a plain ScatterND does not");
    return false;
  }
  onnx::Node plain = node;
  plain.attributes.erase("reduction");
  patch.Add(std::move(plain));
  return true;
}

// As wide as the recurrence [directions, gates x hidden, hidden].
bool HiddenSize(const GraphView& view, const onnx::Node& node, Patch& patch) {
  if (node.attributes.contains("hidden_size")) return false;
  const auto shape = view.ShapeOf(InputName(node, 2));
  if (!shape || shape->size() != 3 || shape->back() < 1) {
    patch.Refuse(node, "the shape of its recurrence weight is not known");
    return false;
  }
  onnx::Node whole = node;
  whole.attributes["hidden_size"] = shape->back();
  patch.Add(std::move(whole));
  return true;
}

constexpr std::array kOperatorFixes = {
    GraphFix{"TRT-A01", "Shape, then Slice", {"Shape"}, "", SliceOfShape},
    GraphFix{"TRT-G16", "reduction = none left out", {"ScatterND"}, "", NoReductionNamed},
    GraphFix{"TRT-L06", "hidden_size written out", {"GRU", "LSTM", "RNN"}, "", HiddenSize},
    GraphFix{"TRT-G07", "composed of Erf, Mul, Add and Div (or Tanh)", {"Gelu"}, "", ComposeGelu},
    GraphFix{"TRT-G08", "composed of Sigmoid and Mul", {"QuickGelu"}, "com.microsoft", ComposeQuickGelu},
    GraphFix{"TRT-G08", "composed of Erf, Mul, Add and Div", {"Gelu"}, "com.microsoft", ComposeGelu},
    GraphFix{"TRT-G08",
             "composed of Erf or Tanh, Mul and Add",
             {"BiasGelu", "FastGelu"},
             "com.microsoft",
             ComposeBiasedGelu},
    GraphFix{"TRT-G10b", "given a bias of zeros", {"LayerNormalization"}, "", BiasOfZeros},
    GraphFix{"TRT-G14a", "sorted = 1, one of the orders that it allows", {"TopK"}, "", Sorted},
    GraphFix{"TRT-G03b", "bounds cut to int32, which mean the same", {"Slice"}, "", ClampBounds},
};

}  // namespace

std::span<const GraphFix> OperatorFixes() { return kOperatorFixes; }

}  // namespace vlaq::check
