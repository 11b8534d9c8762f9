#include "onnx/shapes.h"

#include <fmt/format.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <array>
#include <exception>

#include "onnx/dtype_codes.h"
#include "onnx/model_file.h"
#include "onnx/protobuf.h"

namespace vlaq::onnx {
namespace {

// Constants that shapes are computed from are small; anything larger is a weight, of which only the shape matters.
constexpr int64_t kLargestShapeOperand = 1024;

ValueInfo InfoOf(std::string name, DType dtype, const Shape& shape) {
  ValueInfo info;
  info.name = std::move(name);
  info.dtype = dtype;
  for (const int64_t extent : shape) info.dims.push_back(Dim::Fixed(extent));
  return info;
}

Status FixExtents(Graph& graph, const Extents& extents) {
  for (ValueInfo& input : graph.inputs) {
    for (size_t i = 0; i < input.dims.size(); ++i) {
      Dim& dim = input.dims[i];
      if (dim.value >= 0) continue;
      const auto found = extents.find(dim.name);
      if (found == extents.end()) {
        const std::string which = dim.name.empty() ? fmt::format("extent {}", i) : fmt::format("extent '{}'", dim.name);
        return InputError(fmt::format("input '{}'", input.name), fmt::format("its {} has no number", which));
      }
      dim = Dim::Fixed(found->second);
    }
    if (!input.has_shape && input.other_type.empty()) {
      return InputError(fmt::format("input '{}'", input.name), "has no shape");
    }
  }
  return {};
}

// libonnx 1.12 divides by these attributes, by their square, and by the number of outputs, without looking: with zeros
// in a file that would end the process. (Found by giving every operator every bad number.)
constexpr std::array<std::string_view, 2> kDivisors = {"strides", "blocksize"};
constexpr int64_t kLargestDivisor = int64_t{1} << 20U;

bool IsDivisor(int64_t number) { return number >= 1 && number <= kLargestDivisor; }

Status CheckDivisors(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    const auto refuse = [&](std::string what) {
      return InputError(fmt::format("node '{}' ({})", node.name, node.op_type), std::move(what));
    };
    if (node.outputs.empty()) return refuse("has no outputs");
    for (const auto& [name, value] : node.attributes) {
      if (const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value)) {
        VLAQ_RETURN_IF_ERROR(CheckDivisors(**subgraph));
      }
      if (std::ranges::find(kDivisors, name) == kDivisors.end()) continue;
      const auto* one = std::get_if<int64_t>(&value);
      const auto* many = std::get_if<std::vector<int64_t>>(&value);
      const bool good =
          (one == nullptr || IsDivisor(*one)) && (many == nullptr || std::ranges::all_of(*many, IsDivisor));
      if (!good) return refuse(fmt::format("its attribute {} is not from 1 to {}", name, kLargestDivisor));
    }
  }
  return {};
}

// Weights become inputs: the inference neither needs nor copies their bytes.
void DropWeights(Graph& graph) {
  const auto is_weight = [](const Initializer& initializer) {
    return initializer.is_external() || ElementCount(initializer.shape).value_or(0) > kLargestShapeOperand;
  };
  for (const Initializer& initializer : graph.initializers) {
    if (!is_weight(initializer)) continue;
    std::erase_if(graph.inputs, [&](const ValueInfo& input) { return input.name == initializer.name; });
    graph.inputs.push_back(InfoOf(initializer.name, initializer.dtype, initializer.shape));
  }
  std::erase_if(graph.initializers, is_weight);
}

// An operator of ONNX Runtime's, as the standard operator that gives the same shapes.
struct Alias {
  std::string_view op_type, standard;
  size_t inputs;  // that the standard operator takes
};
constexpr std::array kAliases = {
    Alias{"DynamicQuantizeLSTM", "LSTM", 8},
    Alias{"DynamicQuantizeMatMul", "MatMul", 2},
    Alias{"MatMulNBits", "MatMul", 1},
};

void UseStandardOperators(Graph& graph) {
  for (Node& node : graph.nodes) {
    const auto alias = std::ranges::find(kAliases, node.op_type, &Alias::op_type);
    if (alias == kAliases.end()) continue;
    node.inputs.resize(std::min(node.inputs.size(), alias->inputs));
    if (node.op_type == "MatMulNBits") {  // the packed weight stands for a [K, N]
      node.inputs.push_back(node.name + "/unpacked");
      graph.inputs.push_back(InfoOf(node.inputs.back(), DType::kF32, {node.Int("K", 0), node.Int("N", 0)}));
    }
    node.op_type = alias->standard;
    node.domain.clear();
  }
}

void Take(const ::onnx::ValueInfoProto& proto, ValueShapes& shapes) {
  if (!proto.type().has_tensor_type() || !proto.type().tensor_type().has_shape()) return;
  const auto& type = proto.type().tensor_type();
  TypedShape value{DTypeOfCode(type.elem_type()), {}};
  for (const auto& dim : type.shape().dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 0) return;
    value.shape.push_back(dim.dim_value());
  }
  shapes.insert_or_assign(proto.name(), std::move(value));
}

}  // namespace

Result<ValueShapes> InferShapes(const Model& model, const Extents& extents) {
  Model skeleton = model;
  Graph& graph = skeleton.graph;
  VLAQ_RETURN_IF_ERROR(CheckDivisors(graph));
  VLAQ_RETURN_IF_ERROR(FixExtents(graph, extents));
  // What was declared for other extents would contradict.
  graph.values.clear();
  for (ValueInfo& output : graph.outputs) {
    output.has_shape = false;
    output.dims.clear();
  }
  DropWeights(graph);
  UseStandardOperators(graph);
  VLAQ_ASSIGN_OR_RETURN(const std::string bytes, Serialize(skeleton));
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelProto(AsBytes(bytes), "the graph"));
  try {
    // Not strict: a node whose shapes cannot be found leaves those of its outputs open, and whoever needs them says so.
    const ::onnx::ShapeInferenceOptions options(/*check_type=*/false, /*strict_mode=*/0, /*data_prop=*/true);
    ::onnx::shape_inference::InferShapes(*proto, ::onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception& error) {
    return InputError("shape inference", error.what());
  }
  ValueShapes shapes;
  for (const auto& value : proto->graph().input()) Take(value, shapes);
  for (const auto& value : proto->graph().value_info()) Take(value, shapes);
  for (const auto& value : proto->graph().output()) Take(value, shapes);
  for (const Initializer& initializer : model.graph.initializers) {
    shapes.insert_or_assign(initializer.name, TypedShape{initializer.dtype, initializer.shape});
  }
  return shapes;
}

}  // namespace vlaq::onnx
