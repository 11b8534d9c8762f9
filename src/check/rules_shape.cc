// Rules about shapes that depend on values, dynamic axes, and control flow.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {
namespace {

// Inputs whose values are shapes.
struct ShapeInput {
  std::string_view op_type;
  size_t input;
};
constexpr std::array kShapeInputs = {
    ShapeInput{"ConstantOfShape", 0}, ShapeInput{"Expand", 1}, ShapeInput{"Reshape", 1},
    ShapeInput{"Resize", 3},          ShapeInput{"Tile", 1},
};
// They ask for shapes, not for values: the way back to the model's inputs ends here.
constexpr std::array<std::string_view, 2> kAsksForShape{"Shape", "Size"};

// The model's inputs on whose values `value` depends.
std::vector<const onnx::ValueInfo*> InputsBehind(const GraphView& view, const std::string& value) {
  std::vector<const onnx::ValueInfo*> inputs;
  std::set<std::string> seen{value};
  for (std::vector<std::string> open{value}; !open.empty();) {
    const std::string at = std::move(open.back());
    open.pop_back();
    if (const onnx::ValueInfo* input = view.ModelInput(at)) inputs.push_back(input);
    const onnx::Node* node = view.Producer(at);
    const bool ends =
        node == nullptr || std::find(kAsksForShape.begin(), kAsksForShape.end(), node->op_type) != kAsksForShape.end();
    if (ends) continue;
    for (const std::string& next : node->inputs) {
      if (!next.empty() && seen.insert(next).second) open.push_back(next);
    }
  }
  return inputs;
}

// Inputs whose values 8.6 takes through its shape tensors, of one axis at most.
constexpr std::array kShapeTensorInputs = {
    ShapeInput{"Expand", 1}, ShapeInput{"Pad", 1},   ShapeInput{"Reshape", 1}, ShapeInput{"Resize", 3},
    ShapeInput{"Slice", 1},  ShapeInput{"Slice", 2}, ShapeInput{"Tile", 1},
};

// On the way from shapes to `value`: a value of two axes or more that is computed, as PyTorch's pad makes one.
std::string WideShapeTensor(const GraphView& view, const std::string& value) {
  std::string wide;
  bool asks = false;
  std::set<std::string> seen{value};
  for (std::vector<std::string> open{value}; !open.empty();) {
    const std::string at = std::move(open.back());
    open.pop_back();
    const onnx::Node* node = view.Producer(at);
    if (node == nullptr || view.IsConstant(at)) continue;
    const auto shape = view.ShapeOf(at);
    if (shape && shape->size() > 1) wide = at;
    if (std::find(kAsksForShape.begin(), kAsksForShape.end(), node->op_type) != kAsksForShape.end()) {
      const auto asked = view.ShapeOf(InputName(*node, 0));
      asks |= !asked || std::any_of(asked->begin(), asked->end(), [](int64_t extent) { return extent < 0; });
      continue;
    }
    for (const std::string& next : node->inputs) {
      if (!next.empty() && seen.insert(next).second) open.push_back(next);
    }
  }
  return asks ? wide : "";
}

void WideShapes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const ShapeInput& row : kShapeTensorInputs) {
    if (row.op_type != node.op_type || !node.domain.empty() || !Given(node, row.input)) continue;
    const std::string wide = WideShapeTensor(view, node.inputs[row.input]);
    if (!wide.empty()) findings.Add(node, node.inputs[row.input], fmt::format("computed through '{}'", wide));
  }
}

void ShapeOfValues(const GraphView& view, const onnx::Node& node, Findings& findings, bool floats) {
  for (const ShapeInput& row : kShapeInputs) {
    if (row.op_type != node.op_type || !node.domain.empty() || !Given(node, row.input)) continue;
    for (const onnx::ValueInfo* input : InputsBehind(view, node.inputs[row.input])) {
      const bool is_float = input->other_type.empty() && IsFloat(input->dtype);
      if (is_float != floats) continue;
      findings.Add(node, node.inputs[row.input], fmt::format("its shape depends on the values of '{}'", input->name));
    }
  }
}

void DynamicInput(const GraphView& view, Findings& findings) {
  if (view.is_subgraph()) return;
  for (const onnx::ValueInfo& input : view.graph().inputs) {
    const bool dynamic =
        std::any_of(input.dims.begin(), input.dims.end(), [](const auto& dim) { return dim.value < 0; });
    if (dynamic && view.ModelInput(input.name) != nullptr) findings.Add(input.name, onnx::DimsText(input.dims));
  }
}

void UndeclaredShape(const GraphView& view, Findings& findings) {
  if (view.is_subgraph()) return;
  for (const onnx::ValueInfo& input : view.graph().inputs) {
    const bool tensor = input.other_type.empty() && view.ModelInput(input.name) != nullptr;
    if (tensor && !input.has_shape) findings.Add(input.name, "declares no shape");
  }
}

const onnx::Graph* Subgraph(const onnx::Node& node, std::string_view attribute) {
  const auto found = node.attributes.find(std::string(attribute));
  if (found == node.attributes.end()) return nullptr;
  const auto* graph = std::get_if<std::shared_ptr<const onnx::Graph>>(&found->second);
  return graph == nullptr ? nullptr : graph->get();
}

// A Loop's outputs: what is carried (as many as inputs behind count and condition), then what every turn adds.
void DynamicLoop(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const size_t carried = node.inputs.size() < 2 ? 0 : node.inputs.size() - 2;
  const bool scans = node.outputs.size() > carried;
  if (scans && !view.IsConstant(InputName(node, 0)))
    findings.Add(node, InputName(node, 0), "the number of turns is computed");
}

struct Branches {
  const onnx::Graph* then_branch = nullptr;
  const onnx::Graph* else_branch = nullptr;

  explicit Branches(const onnx::Node& node)
      : then_branch(Subgraph(node, "then_branch")), else_branch(Subgraph(node, "else_branch")) {}
  size_t outputs() const {
    if (then_branch == nullptr || else_branch == nullptr) return 0;
    return std::min(then_branch->outputs.size(), else_branch->outputs.size());
  }
};

void SameBranchNames(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const Branches branches(node);
  for (size_t i = 0; i < branches.outputs(); ++i) {
    const std::string& name = branches.then_branch->outputs[i].name;
    const auto& others = branches.else_branch->outputs;
    if (std::any_of(others.begin(), others.end(), [&](const auto& other) { return other.name == name; })) {
      findings.Add(node, name, "both branches give it");
    }
  }
}

void BranchRanks(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const Branches branches(node);
  for (size_t i = 0; i < branches.outputs(); ++i) {
    const onnx::ValueInfo& one = branches.then_branch->outputs[i];
    const onnx::ValueInfo& other = branches.else_branch->outputs[i];
    if (!one.has_shape || !other.has_shape || one.dims.size() == other.dims.size()) continue;
    findings.Add(node, node.outputs.size() > i ? node.outputs[i] : one.name,
                 fmt::format("ranks {} and {}", one.dims.size(), other.dims.size()));
  }
}

constexpr std::array kShapeChecks = {
    Check{
        .rule = "TRT-S01",
        .node = [](const GraphView& view, const onnx::Node& node, Findings& f) { ShapeOfValues(view, node, f, true); }},
    Check{.rule = "TRT-S02",
          .node = [](const GraphView& view, const onnx::Node& node,
                     Findings& f) { ShapeOfValues(view, node, f, false); }},
    Check{.rule = "TRT-S03", .graph = DynamicInput},
    Check{.rule = "TRT-S04", .graph = UndeclaredShape},
    Check{.rule = "TRT-S05", .node = WideShapes},
    Check{.rule = "TRT-G17", .operators = {"Loop"}, .node = DynamicLoop},
    Check{.rule = "TRT-G18a", .operators = {"If"}, .node = SameBranchNames},
    Check{.rule = "TRT-G18b", .operators = {"If"}, .node = BranchRanks},
};

}  // namespace

std::span<const Check> ShapeChecks() { return kShapeChecks; }

}  // namespace vlaq::check
