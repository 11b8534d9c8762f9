// GraphFixes of QuantizeLinear and DequantizeLinear that keep every code and every value.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "check/fixes.h"
#include "tensor/convert.h"

namespace vlaq::check {
namespace {

constexpr std::byte kMiddle{128};                   // UINT8 around it is INT8 around 0
constexpr int64_t kMaxInline = int64_t{64} << 20U;  // elements of one weight written into the graph

bool IsAll(const Tensor& tensor, std::byte value) {
  return std::all_of(tensor.bytes().begin(), tensor.bytes().end(), [&](std::byte b) { return b == value; });
}

bool HasMiddle(const GraphView& view, const onnx::Node& node) {
  const auto zero = view.Value(InputName(node, 2));
  return zero && zero->dtype() == DType::kU8 && IsAll(*zero, kMiddle);
}

// `node` with the zero point written out: INT8 zeros, one for each scale.
onnx::Node WithZeros(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const Shape shape = view.ShapeOf(InputName(node, 1)).value_or(Shape{});
  onnx::Node whole = node;
  whole.inputs.resize(3);
  whole.inputs[2] = patch.Constant(InputName(node, 1) + "/zero_point", Tensor::Make(DType::kI8, shape));
  return whole;
}

// Without a zero point the type of the data says what the codes are; QuantizeLinear's are UINT8.
bool WriteZeros(const GraphView& view, const onnx::Node& node, Patch& patch) {
  if (Given(node, 2)) return false;
  const bool constant_scale = view.ShapeOf(InputName(node, 1)).has_value();
  if (node.op_type == "QuantizeLinear" || view.Type(InputName(node, 0)) != DType::kI8 || !constant_scale) {
    patch.Refuse(node, "ONNX says UINT8 without a zero point; INT8 needs other scales: quantize again");
    return false;
  }
  patch.Add(WithZeros(view, node, patch));
  return true;
}

bool AsManyZeros(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto zero = view.Value(InputName(node, 2));
  const auto scales = view.ShapeOf(InputName(node, 1));
  if (!zero || !scales || zero->dtype() != DType::kI8 || !IsAll(*zero, std::byte{0})) return false;
  if (ElementCount(*scales) == zero->size()) return false;
  patch.Add(WithZeros(view, node, patch));
  return true;
}

// A Q and all its readers, or a constant and its DQ: codes and zero point move by 128 together.
bool Recenter(const GraphView& view, const onnx::Node& node, Patch& patch) {
  if (!HasMiddle(view, node)) {
    patch.Refuse(node, "its zero point is no middle that could move to 0; other scales are needed: quantize again");
    return false;
  }
  const bool quantizes = node.op_type == "QuantizeLinear";
  const onnx::Node* maker = quantizes ? &node : view.Producer(InputName(node, 0));
  const auto codes = quantizes ? std::nullopt : view.Value(InputName(node, 0));
  onnx::Node whole = WithZeros(view, node, patch);
  if (codes && codes->dtype() == DType::kU8 && codes->size() <= kMaxInline) {
    Tensor moved = Tensor::Make(DType::kI8, codes->shape());
    std::transform(codes->bytes().begin(), codes->bytes().end(), moved.mutable_bytes().begin(),
                   [](std::byte code) { return code ^ kMiddle; });  // u - 128 in two's complement
    whole.inputs[0] = patch.Constant(node.inputs[0] + "/int8", moved);
    patch.Add(std::move(whole));
    return true;
  }
  const bool pairs = maker != nullptr && maker->op_type == "QuantizeLinear" && HasMiddle(view, *maker);
  const auto& readers = pairs ? view.Readers(maker->outputs.front()) : view.Readers("");
  const bool together = pairs && std::all_of(readers.begin(), readers.end(), [&](const onnx::Node* reader) {
                          return reader->op_type == "DequantizeLinear" && HasMiddle(view, *reader);
                        });
  if (!together) {
    patch.Refuse(node, "its codes are made or read by something besides Q and DQ around 128");
    return false;
  }
  patch.Add(std::move(whole));
  return true;
}

bool WriteAxis(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto scales = view.ShapeOf(InputName(node, 1));
  if (node.attributes.contains("axis") || !scales || ElementCount(*scales).value_or(1) <= 1) return false;
  onnx::Node whole = node;
  whole.attributes["axis"] = int64_t{1};  // ONNX's default
  patch.Add(std::move(whole));
  return true;
}

// Where the scale of element `at` stands: by tensor or along an axis.
struct Scales {
  std::vector<float> values;
  int64_t inner = 1;  // elements behind the axis

  float Of(int64_t at) const { return values[static_cast<size_t>(at / inner) % values.size()]; }
};

std::optional<Scales> ScalesOf(const GraphView& view, const onnx::Node& node, const Shape& data) {
  const auto value = view.Value(InputName(node, 1));
  const auto floats = value ? ToFloat32(*value) : Result<Tensor>(Tensor());
  if (!value || !floats.ok() || floats->size() == 0) return std::nullopt;
  Scales scales;
  scales.values.resize(static_cast<size_t>(floats->size()));
  std::memcpy(scales.values.data(), floats->bytes().data(), floats->bytes().size());
  if (scales.values.size() == 1) return scales;
  const auto rank = static_cast<int64_t>(data.size());
  const int64_t given = node.Int("axis", 1);
  const int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank || data[static_cast<size_t>(axis)] != floats->size()) return std::nullopt;
  for (int64_t i = axis + 1; i < rank; ++i) scales.inner *= data[static_cast<size_t>(i)];
  return scales;
}

// codes x scale, as DequantizeLinear computes it: one rounding to float32.
template <typename T>
std::optional<Tensor> Dequantized(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto codes = view.Value(InputName(node, 0));
  const auto zero = Given(node, 2) ? view.Value(node.inputs[2]) : std::nullopt;
  const bool symmetric = !Given(node, 2) || (zero && IsAll(*zero, std::byte{0}));
  const auto scales = codes ? ScalesOf(view, node, codes->shape()) : std::nullopt;
  const bool float_scale = view.Type(InputName(node, 1)) == DType::kF32;
  if (!codes || codes->dtype() != kDTypeOf<T> || !scales || !symmetric || !float_scale || codes->size() > kMaxInline) {
    patch.Refuse(node, "its data and scale are not constants of float32 and up to 64 Mi elements");
    return std::nullopt;
  }
  Tensor floats = Tensor::Make(DType::kF32, codes->shape());
  const auto out = floats.mutable_data<float>();
  for (int64_t i = 0; i < codes->size(); ++i) {
    T code;
    std::memcpy(&code, codes->bytes().data() + static_cast<size_t>(i) * sizeof(T), sizeof code);
    out[static_cast<size_t>(i)] = static_cast<float>(code) * scales->Of(i);
  }
  return floats;
}

bool FloatBias(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto floats = Dequantized<int32_t>(view, node, patch);
  if (!floats) return false;
  onnx::Node identity;
  identity.op_type = "Identity";
  identity.name = node.name;
  identity.inputs = {patch.Constant(node.name + "/float", *floats)};
  identity.outputs = node.outputs;
  patch.Add(std::move(identity));
  return true;
}

// INT8 constant -> DQ becomes float32 constant -> Q -> DQ, with the same codes in the middle.
bool QuantizeFloatWeight(const GraphView& view, const onnx::Node& node, Patch& patch) {
  const auto floats = Dequantized<int8_t>(view, node, patch);
  if (!floats) return false;
  onnx::Node dequantize = WithZeros(view, node, patch);
  onnx::Node quantize = dequantize;
  quantize.op_type = "QuantizeLinear";
  quantize.name = node.name + "/QuantizeLinear";
  quantize.inputs[0] = patch.Constant(node.inputs[0] + "/float", *floats);
  quantize.outputs = {quantize.name};
  dequantize.inputs[0] = quantize.name;
  patch.Add(std::move(quantize));
  patch.Add(std::move(dequantize));
  return true;
}

constexpr std::array kPairFixes = {
    GraphFix{"TRT-Q02", "UINT8 around 128 became INT8 around 0", {"DequantizeLinear", "QuantizeLinear"}, "", Recenter},
    GraphFix{"TRT-Q12", "the bias became a float constant", {"DequantizeLinear"}, "", FloatBias},
    GraphFix{"TRT-Q08a", "ONNX's default axis 1 written out", {"DequantizeLinear", "QuantizeLinear"}, "", WriteAxis},
    GraphFix{"TRT-Q01a", "INT8 zeros written out", {"DequantizeLinear", "QuantizeLinear"}, "", WriteZeros},
    GraphFix{"TRT-Q01b", "INT8 zeros written out", {"DequantizeLinear", "QuantizeLinear"}, "", WriteZeros},
    GraphFix{"TRT-Q08c", "one zero for each scale", {"DequantizeLinear", "QuantizeLinear"}, "", AsManyZeros},
    GraphFix{
        "TRT-Q13", "a float32 weight, QuantizeLinear, DequantizeLinear", {"DequantizeLinear"}, "", QuantizeFloatWeight},
};

}  // namespace

std::span<const GraphFix> PairFixes() { return kPairFixes; }

}  // namespace vlaq::check
