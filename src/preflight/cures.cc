#include "preflight/cures.h"

#include <algorithm>

namespace vlaq::preflight {
namespace {

// What a reader may do where this program does nothing.
struct ReasonRow {
  std::string_view rule, why;
};
constexpr std::array kReasons = {
    ReasonRow{"TRT-G01", "the graph's opset is outside of those that can be lowered without changing what is computed"},
    ReasonRow{"TRT-G04", "it would change the model's interface"},
    ReasonRow{"TRT-G05", "float32 gives other numbers; TensorRT converts by itself"},
    ReasonRow{"TRT-G08", "no composition of standard operators is known here"},
    ReasonRow{"TRT-G09", "it needs calibrated ranges: vlaq quantize --target tensorrt-..."},
    ReasonRow{"TRT-G10b", "the zeros' shape is not known"},
    ReasonRow{"TRT-G11", "the same numbers only in exact arithmetic; export with LayerNormalization"},
    ReasonRow{"TRT-G13", "what is computed at run time cannot be a constant"},
    ReasonRow{"TRT-Q02", "symmetric values need other scales: vlaq quantize --target tensorrt-..."},
    ReasonRow{"TRT-Q06", "which scale was meant is not known"},
    ReasonRow{"TRT-Q07", "what is computed at run time cannot be a constant"},
    ReasonRow{"FP-05", "a larger constant gives other numbers"},
    ReasonRow{"FP-06", "a smaller constant gives other numbers; vlaq quantize --precision fp16 knows masks"},
};

}  // namespace

Patch::Patch(const onnx::Graph& graph) {
  for (const onnx::Initializer& initializer : graph.initializers) taken_[initializer.name] = true;
  for (const onnx::ValueInfo& input : graph.inputs) taken_[input.name] = true;
  for (const onnx::Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) taken_[output] = true;
  }
}

std::string Patch::Op(const std::string& op_type, const std::string& name, std::vector<std::string> inputs,
                      std::map<std::string, onnx::AttributeValue> attributes) {
  onnx::Node node;
  node.op_type = op_type;
  node.name = name;
  node.inputs = std::move(inputs);
  node.outputs = {name};
  node.attributes = std::move(attributes);
  nodes_.push_back(std::move(node));
  return name;
}

std::string Patch::Constant(const std::string& name, const Tensor& tensor) {
  for (const onnx::Initializer& made : constants_) {
    const Tensor& other = std::get<Tensor>(made.data);
    const bool same =
        made.name.starts_with(name) && made.dtype == tensor.dtype() && made.shape == tensor.shape() &&
        std::equal(other.bytes().begin(), other.bytes().end(), tensor.bytes().begin(), tensor.bytes().end());
    if (same) return made.name;
  }
  std::string unique = name;
  for (int i = 1; !taken_.emplace(unique, true).second; ++i) unique = name + "." + std::to_string(i);
  constants_.push_back({unique, tensor.dtype(), tensor.shape(), tensor});
  return unique;
}

std::vector<Cure> Cures() {
  std::vector<Cure> all;
  for (const auto part : {OperatorCures(), PairCures()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string_view WhyNotCured(std::string_view rule) {
  const auto* row = std::find_if(kReasons.begin(), kReasons.end(), [&](const ReasonRow& r) { return r.rule == rule; });
  return row == kReasons.end() ? "" : row->why;
}

}  // namespace vlaq::preflight
