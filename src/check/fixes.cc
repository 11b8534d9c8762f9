#include "check/fixes.h"

#include <algorithm>

namespace vlaq::check {
namespace {

// What a reader may do where this program does nothing.
struct ReasonRow {
  RuleId rule;
  std::string_view why;
};
constexpr std::array kReasons = {
    ReasonRow{"TRT-G01", "the graph's opset is outside of those that can be lowered without changing what is computed"},
    ReasonRow{"TRT-A02a", "another resize gives other numbers"},
    ReasonRow{"TRT-A02b", "another resize gives other numbers"},
    ReasonRow{"TRT-A03", "what it adds up would be overwritten"},
    ReasonRow{"TRT-A05", "which axes are 1 is known at run time only"},
    ReasonRow{"TRT-A06", "inference gives other numbers; export the model after model.eval()"},
    ReasonRow{"TRT-G04a", "it would change the model's interface"},
    ReasonRow{"TRT-G04b", "it would change the model's interface"},
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
  for (const onnx::Initializer& initializer : graph.initializers) taken_.insert(initializer.name);
  for (const onnx::ValueInfo& input : graph.inputs) taken_.insert(input.name);
  for (const onnx::Node& node : graph.nodes) taken_.insert(node.outputs.begin(), node.outputs.end());
}

std::string Patch::FreeName(const std::string& name) {
  std::string unique = name;
  for (int i = 1; !taken_.insert(unique).second; ++i) unique = name + "." + std::to_string(i);
  return unique;
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
  for (const size_t place : by_request_[name]) {
    const onnx::Initializer& made = constants_[place];
    const Tensor& other = std::get<Tensor>(made.data);
    const bool same = made.dtype == tensor.dtype() && made.shape == tensor.shape() &&
                      std::ranges::equal(other.bytes(), tensor.bytes());
    if (same) return made.name;
  }
  std::string unique = FreeName(name);
  by_request_[name].push_back(constants_.size());
  constants_.push_back({unique, tensor.dtype(), tensor.shape(), tensor});
  return unique;
}

std::vector<GraphFix> GraphFixes() {
  std::vector<GraphFix> all;
  for (const auto part : {OperatorFixes(), PairFixes()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string_view WhyNotFixed(const Rule& rule) {
  const auto* row = std::ranges::find_if(kReasons, [&](const ReasonRow& r) { return &*r.rule == &rule; });
  return row == kReasons.end() ? "" : row->why;
}

}  // namespace vlaq::check
