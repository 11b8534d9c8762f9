#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "onnx/types.h"
#include "quantize/rewrite/opset.h"

namespace vlaq::rewrite {
namespace {

using onnx::Node;

// The oldest and newest opset between which what changed is known here.
constexpr int64_t kOldestKnown = 13, kNewestKnown = 22;

// Operators that mean the same from 13 (or when they came) to 22: only their lists of types grew.
constexpr std::string_view kSame =
    " Abs Acos Add And ArgMax ArgMin Asin Atan Clip Concat Constant ConstantOfShape Conv ConvTranspose Cos CumSum "
    " DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND "
    " Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Hardmax Identity "
    " InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax "
    " LpNormalization MatMul Max MaxPool Mean Min Mod Mul Neg NonZero Not OneHot Or PRelu Pow ClipRange Reciprocal "
    " ReduceSum Relu Round Selu Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Sqrt Squeeze Sub "
    " Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor ";

// What an operator's older form needs to know about the graph.
struct Around {
  const onnx::ValueTypes& types;
  std::map<std::string_view, const Tensor*> constants;  // inline ones, those of Constant nodes included
  std::map<std::string_view, Shape> shapes;             // where declared; -1: an extent that is no number
};

Around AroundOf(const onnx::Graph& graph, const onnx::ValueTypes& types) {
  Around around{types, {}, {}};
  for (const auto* values : {&graph.inputs, &graph.values}) {
    for (const onnx::ValueInfo& value : *values) {
      if (!value.has_shape) continue;
      for (const onnx::Dim& dim : value.dims) around.shapes[value.name].push_back(dim.value);
    }
  }
  for (const onnx::Initializer& initializer : graph.initializers) {
    around.shapes[initializer.name] = initializer.shape;
    if (const Tensor* tensor = std::get_if<Tensor>(&initializer.data)) around.constants[initializer.name] = tensor;
  }
  for (const Node& node : graph.nodes) {
    const Tensor* tensor = node.op_type == "Constant" ? node.TensorAttribute("value") : nullptr;
    if (tensor != nullptr && !node.outputs.empty()) around.constants[node.outputs[0]] = tensor;
  }
  return around;
}

Error Cannot(const Node& node, std::string_view why) {
  return InputError(fmt::format("node '{}'", node.name), fmt::format("{} {}", node.op_type, why));
}

// Drops an attribute that older opsets do not have, if it says what they do anyway.
Status Drop(Node& node, const std::string& attribute, int64_t usual) {
  if (node.Int(attribute, usual) != usual) return Cannot(node, fmt::format("has {}, which is newer", attribute));
  node.attributes.erase(attribute);
  return {};
}

Status AxesToAttribute(Node& node, const Around& around) {
  VLAQ_RETURN_IF_ERROR(Drop(node, "noop_with_empty_axes", 0));
  if (node.inputs.size() < 2 || node.inputs[1].empty()) return {};
  const auto axes = around.constants.find(node.inputs[1]);
  if (axes == around.constants.end() || axes->second->dtype() != DType::kI64)
    return Cannot(node, "has axes that are no constant");
  const Bytes bytes = axes->second->bytes();
  std::vector<int64_t> values(bytes.size() / sizeof(int64_t));
  if (values.empty()) return Cannot(node, "has an empty list of axes");
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(int64_t));
  node.attributes["axes"] = std::move(values);
  node.inputs.resize(1);
  return {};
}

// Scales of float32 and 8-bit integers, as the first Q/DQ had them.
Status OldPair(Node& node, const Around& around) {
  const auto type = [&](size_t input) -> std::optional<DType> {
    const auto found = input < node.inputs.size() ? around.types.find(node.inputs[input]) : around.types.end();
    return found == around.types.end() ? std::nullopt : std::optional(found->second);
  };
  if (type(1) != DType::kF32) return Cannot(node, "has scales that are not float32");
  const auto zero = type(2);
  if (zero && *zero != DType::kI8 && *zero != DType::kU8 && *zero != DType::kI32)
    return Cannot(node, "quantizes to a newer type");
  return Drop(node, "saturate", 1);
}

Status OneScaleAChannel(Node& node, const Around& /*around*/) {
  VLAQ_RETURN_IF_ERROR(Drop(node, "output_dtype", 0));
  return Drop(node, "block_size", 0);
}

// Equal parts are what older opsets make of a Split that does not say their sizes.
Status EqualParts(Node& node, const Around& around) {
  const int64_t parts = node.Int("num_outputs", 0);
  if (!node.attributes.contains("num_outputs")) return {};
  const auto found = around.shapes.find(node.inputs[0]);
  const Shape shape = found == around.shapes.end() ? Shape{} : found->second;
  const int64_t rank = static_cast<int64_t>(shape.size()), axis = node.Int("axis", 0);
  const int64_t place = axis < 0 ? axis + rank : axis;
  const int64_t extent = place >= 0 && place < rank ? shape[static_cast<size_t>(place)] : -1;
  const bool equal =
      parts > 0 && extent > 0 && extent % parts == 0 && static_cast<size_t>(parts) == node.outputs.size();
  if (!equal) return Cannot(node, "has num_outputs, which is newer, and its parts are not known to be equal");
  node.attributes.erase("num_outputs");
  return {};
}

Status NoSaturation(Node& node, const Around& /*around*/) { return Drop(node, "saturate", 1); }
Status NoAxes(Node& node, const Around& /*around*/) {
  return node.inputs.size() > 3 && !node.inputs[3].empty() ? Status(Cannot(node, "has axes, which are newer"))
                                                           : Status();
}
// Came in opset 16, grew in 18.
Status NoReductionAtAll(Node& node, const Around& /*around*/) {
  if (node.String("reduction", "none") != "none") return Cannot(node, "has a reduction, which is newer");
  node.attributes.erase("reduction");
  return {};
}
Status NoWrap(Node& node, const Around& /*around*/) {
  return node.String("mode", "constant") == "wrap" ? Status(Cannot(node, "wraps, which is newer")) : Status();
}
Status NoBounds(Node& node, const Around& /*around*/) {
  VLAQ_RETURN_IF_ERROR(Drop(node, "start", 0));
  return node.attributes.contains("end") ? Status(Cannot(node, "has end, which is newer")) : Status();
}
Status NoZeros(Node& node, const Around& /*around*/) { return Drop(node, "allowzero", 0); }
Status TimeFirst(Node& node, const Around& /*around*/) { return Drop(node, "layout", 0); }
Status NoReduction(Node& node, const Around& /*around*/) {
  const std::string reduction = node.String("reduction", "none");
  return reduction == "max" || reduction == "min" ? Status(Cannot(node, "has a newer reduction")) : Status();
}

// An operator that got a new form in an opset, and how it is said before.
struct Change {
  std::string_view op_type;
  int64_t since;
  Status (*undo)(Node&, const Around&);
};
constexpr std::array kChanges = {
    Change{"Cast", 19, NoSaturation},
    Change{"CastLike", 19, NoSaturation},
    Change{"DequantizeLinear", 19, OldPair},
    Change{"DequantizeLinear", 21, OneScaleAChannel},
    Change{"GRU", 14, TimeFirst},
    Change{"LSTM", 14, TimeFirst},
    Change{"Pad", 18, NoAxes},
    Change{"Pad", 19, NoWrap},
    Change{"QuantizeLinear", 19, OldPair},
    Change{"QuantizeLinear", 21, OneScaleAChannel},
    Change{"ReduceL1", 18, AxesToAttribute},
    Change{"ReduceL2", 18, AxesToAttribute},
    Change{"ReduceLogSum", 18, AxesToAttribute},
    Change{"ReduceLogSumExp", 18, AxesToAttribute},
    Change{"ReduceMax", 18, AxesToAttribute},
    Change{"ReduceMean", 18, AxesToAttribute},
    Change{"ReduceMin", 18, AxesToAttribute},
    Change{"ReduceProd", 18, AxesToAttribute},
    Change{"ReduceSumSquare", 18, AxesToAttribute},
    Change{"Reshape", 14, NoZeros},
    Change{"ScatterElements", 16, NoReductionAtAll},
    Change{"ScatterElements", 18, NoReduction},
    Change{"ScatterND", 16, NoReductionAtAll},
    Change{"ScatterND", 18, NoReduction},
    Change{"Shape", 15, NoBounds},
    Change{"Split", 18, EqualParts},
};

bool IsKnown(std::string_view op_type) {
  return kSame.find(fmt::format(" {} ", op_type)) != std::string_view::npos ||
         std::any_of(kChanges.begin(), kChanges.end(), [&](const Change& c) { return c.op_type == op_type; });
}

// An operator that came with an opset of its own, later than 13.
constexpr std::array kBorn = {
    std::pair<std::string_view, int64_t>{"CastLike", 15},
    std::pair<std::string_view, int64_t>{"HardSwish", 14},
    std::pair<std::string_view, int64_t>{"LayerNormalization", 17},
    std::pair<std::string_view, int64_t>{"Trilu", 14},
};

Status Lower(Node& node, const Around& around, int64_t from, int64_t to) {
  if (!node.domain.empty()) return {};  // has opsets of its own
  if (!IsKnown(node.op_type)) return Cannot(node, fmt::format("is not known to be the same in opset {}", to));
  for (const auto& [op_type, since] : kBorn) {
    if (op_type == node.op_type && to < since) return Cannot(node, fmt::format("came with opset {}", since));
  }
  for (const auto& [name, value] : node.attributes) {
    if (std::holds_alternative<std::shared_ptr<const onnx::Graph>>(value)) return Cannot(node, "has a subgraph");
  }
  for (const Change& change : kChanges) {
    const bool crossed = change.op_type == node.op_type && to < change.since && change.since <= from;
    if (crossed) VLAQ_RETURN_IF_ERROR(change.undo(node, around));
  }
  return {};
}

}  // namespace

Status LowerOpset(onnx::Model& model, int64_t opset) {
  const auto found = model.opsets.find("");
  const int64_t now = found == model.opsets.end() ? 1 : found->second;
  if (now == opset) return {};
  if (opset > now || opset < kOldestKnown || now > kNewestKnown) {
    return InputError("opset", fmt::format("cannot turn a graph of opset {} into one of {}", now, opset),
                      fmt::format("vlaq knows opsets from {} to {}", kOldestKnown, kNewestKnown));
  }
  const onnx::ValueTypes types = onnx::KnownTypes(model.graph);
  std::vector<Node> nodes = model.graph.nodes;
  const Around around = AroundOf(model.graph, types);
  for (Node& node : nodes) VLAQ_RETURN_IF_ERROR(Lower(node, around, now, opset));
  model.graph.nodes = std::move(nodes);
  model.opsets[""] = opset;
  model.ir_version = std::min(model.ir_version, FormatOf(opset));
  return {};
}

}  // namespace vlaq::rewrite
