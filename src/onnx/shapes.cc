#include "onnx/shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "base/bytes.h"
#include "onnx/shape_rules.h"
#include "onnx/types.h"
#include "onnx/validity.h"

namespace vlaq::onnx {
namespace {

using DeclaredValues = std::map<std::string_view, const ValueInfo*>;

// Values of a graph and those of the graphs around it.
struct Scope {
  const Scope* outer = nullptr;
  std::map<std::string, Facts, std::less<>> facts;

  const Facts* Find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      const auto found = scope->facts.find(name);
      if (found != scope->facts.end()) return &found->second;
    }
    return nullptr;
  }
};

template <typename T>
std::vector<double> AsDoubles(Bytes bytes) {
  std::vector<double> values;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    values.push_back(static_cast<double>(LoadLittle<T>(bytes, at)));
  }
  return values;
}

std::optional<std::vector<double>> SmallValues(const Tensor& tensor) {
  if (tensor.size() > kMaxKnownValues) return std::nullopt;
  const DType dtype = tensor.dtype();
  if (dtype == DType::kI64) return AsDoubles<int64_t>(tensor.bytes());
  if (dtype == DType::kI32) return AsDoubles<int32_t>(tensor.bytes());
  if (dtype == DType::kF32) return AsDoubles<float>(tensor.bytes());
  if (dtype == DType::kBool) return AsDoubles<uint8_t>(tensor.bytes());
  return std::nullopt;  // shapes are not computed from others
}

Facts FactsOf(const Tensor& tensor) { return {tensor.dtype(), tensor.shape(), SmallValues(tensor)}; }

Facts FactsOfConstant(const Node& node) {
  const auto constant = ConstantOf(node);
  return constant ? FactsOf(*constant) : Facts{};
}

// What two ways to the same value agree on.
Facts Common(const Facts& one, const Facts& other) {
  Facts common{one.dtype, std::nullopt, std::nullopt};
  if (!one.shape || !other.shape || one.shape->size() != other.shape->size()) return common;
  common.shape = one.shape;
  for (size_t i = 0; i < one.shape->size(); ++i) {
    if ((*one.shape)[i] != (*other.shape)[i]) (*common.shape)[i] = kUnknownExtent;
  }
  return common;
}

const Graph* SubgraphOf(const Node& node, const char* attribute) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) return nullptr;
  const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&found->second);
  return graph == nullptr ? nullptr : graph->get();
}

class Inference {
 public:
  // `passes_over`: a contradiction ends what is known there, not the inference.
  Inference(const Model& model, const Extents& extents, WeightFiles* files, bool passes_over)
      : extents_(extents), files_(files), passes_over_(passes_over) {
    const auto opset = model.opsets.find("");
    if (opset != model.opsets.end()) opset_ = opset->second;
  }

  Status Run(const Graph& graph, Scope& scope) {
    const ValueTypes types = KnownTypes(graph);
    DeclaredValues declared;
    for (const auto* infos : {&graph.values, &graph.outputs}) {
      for (const ValueInfo& info : *infos) declared.emplace(info.name, &info);
    }
    for (const ValueInfo& input : graph.inputs) scope.facts.emplace(input.name, AsDeclared(input));
    for (const Initializer& initializer : graph.initializers) {
      VLAQ_ASSIGN_OR_RETURN(Facts facts, FactsOfWeight(initializer));
      scope.facts.insert_or_assign(initializer.name, std::move(facts));
    }
    for (const Node& node : graph.nodes) {
      std::vector<Facts> outputs(node.outputs.size());
      for (size_t i = 0; i < outputs.size(); ++i) {
        const auto type = types.find(node.outputs[i]);
        if (type != types.end()) outputs[i].dtype = type->second;
      }
      VLAQ_RETURN_IF_ERROR(Follow(node, scope, outputs));
      for (size_t i = 0; i < outputs.size(); ++i) {
        const auto info = declared.find(node.outputs[i]);
        if (info != declared.end()) TakeDeclared(*info->second, outputs[i]);
        scope.facts.insert_or_assign(node.outputs[i], std::move(outputs[i]));
      }
    }
    return {};
  }

 private:
  int64_t ExtentOf(const Dim& dim) const {
    if (dim.value >= 0) return dim.value <= kLargestExtent ? dim.value : kUnknownExtent;
    const auto found = extents_.find(dim.name);
    return found == extents_.end() ? kUnknownExtent : found->second;
  }

  Facts AsDeclared(const ValueInfo& info) const {
    Facts facts;
    if (info.other_type.empty()) facts.dtype = info.dtype;
    if (!info.has_shape) return facts;
    facts.shape.emplace();
    for (const Dim& dim : info.dims) facts.shape->push_back(ExtentOf(dim));
    return facts;
  }

  // Fills what did not follow.
  void TakeDeclared(const ValueInfo& info, Facts& facts) const {
    const Facts declared = AsDeclared(info);
    if (!facts.dtype) facts.dtype = declared.dtype;
    if (!declared.shape) return;
    if (!facts.shape) facts.shape = declared.shape;
    if (facts.shape->size() != declared.shape->size()) return;
    for (size_t i = 0; i < facts.shape->size(); ++i) {
      if ((*facts.shape)[i] < 0) (*facts.shape)[i] = (*declared.shape)[i];
    }
  }

  Result<Facts> FactsOfWeight(const Initializer& initializer) const {
    Facts facts{initializer.dtype, initializer.shape, std::nullopt};
    const bool reads = IsSmall(initializer.shape) && (!initializer.is_external() || files_ != nullptr);
    if (!reads) return facts;
    if (const Tensor* tensor = std::get_if<Tensor>(&initializer.data)) {
      facts.values = SmallValues(*tensor);
      return facts;
    }
    VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, files_->Load(initializer));
    facts.values = SmallValues(tensor);
    return facts;
  }

  Status Follow(const Node& node, const Scope& scope, std::vector<Facts>& outputs) {
    if (node.op_type == "If" && node.domain.empty()) return FollowIf(node, scope, outputs);
    if (node.op_type == "Constant" && node.domain.empty()) {
      if (!outputs.empty()) outputs[0] = FactsOfConstant(node);
      return {};
    }
    const ShapeRule rule = FindShapeRule(node);
    if (rule == nullptr) return {};
    std::vector<const Facts*> inputs;
    for (const std::string& input : node.inputs) inputs.push_back(input.empty() ? nullptr : scope.Find(input));
    NodeFacts facts(node, opset_, std::move(inputs), outputs);
    rule(facts);
    for (const Facts& output : facts.results()) {
      const bool fits = !output.shape || std::ranges::all_of(*output.shape, [](int64_t extent) {
        return extent >= kUnknownExtent && extent <= kLargestExtent;
      });
      if (!fits) facts.Refuse("an impossible shape " + ShapeText(*output.shape));
    }
    if (facts.refused().empty()) {
      outputs = std::move(facts.results());
      return {};
    }
    if (passes_over_) return {};
    return InputError(fmt::format("node '{}' ({})", node.name, node.op_type), facts.refused());
  }

  Status FollowIf(const Node& node, const Scope& scope, std::vector<Facts>& outputs) {
    const Graph* branches[] = {SubgraphOf(node, "then_branch"), SubgraphOf(node, "else_branch")};
    if (branches[0] == nullptr || branches[1] == nullptr) return {};
    const Facts* condition = node.inputs.empty() ? nullptr : scope.Find(node.inputs[0]);
    const bool decided = condition != nullptr && condition->values && condition->values->size() == 1 &&
                         !std::isnan(condition->values->front());
    std::vector<Facts> ends[2];
    for (const size_t branch : {size_t{0}, size_t{1}}) {
      const bool taken = !decided || (condition->values->front() != 0) == (branch == 0);
      if (!taken) continue;
      Scope inner{&scope, {}};
      VLAQ_RETURN_IF_ERROR(Run(*branches[branch], inner));
      for (const ValueInfo& output : branches[branch]->outputs) {
        const Facts* facts = inner.Find(output.name);
        ends[branch].push_back(facts == nullptr ? Facts{} : *facts);
      }
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const auto end = [&](size_t branch) { return i < ends[branch].size() ? ends[branch][i] : Facts{}; };
      const bool first = decided && condition->values->front() != 0;
      outputs[i] = decided ? end(first ? 0 : 1) : Common(end(0), end(1));
    }
    return {};
  }

  const Extents& extents_;
  WeightFiles* files_;
  bool passes_over_;
  int64_t opset_ = 1;
};

// Extents of inputs by their own place ("x:0") become numbers; the rest are found by name.
Result<Graph> WithNumbers(Graph graph, const Extents& extents) {
  std::vector<std::string> missing, options;
  std::unordered_set<std::string_view> weights;
  for (const Initializer& initializer : graph.initializers) weights.insert(initializer.name);
  for (ValueInfo& input : graph.inputs) {
    if (weights.contains(input.name) || !input.other_type.empty()) continue;
    if (!input.has_shape) return InputError(fmt::format("input '{}'", input.name), "declares no shape");
    for (size_t i = 0; i < input.dims.size(); ++i) {
      Dim& dim = input.dims[i];
      if (dim.value >= 0) continue;
      const std::string place = fmt::format("{}:{}", input.name, i);
      const auto by_place = extents.find(place);
      const auto found = by_place != extents.end() || dim.name.empty() ? by_place : extents.find(dim.name);
      if (found != extents.end()) {
        dim = Dim::Fixed(found->second);
        continue;
      }
      missing.push_back(fmt::format(
          "{} of input '{}'", dim.name.empty() ? fmt::format("{}", i) : fmt::format("'{}'", dim.name), input.name));
      const std::string option = fmt::format("--extent {}=N", dim.name.empty() ? place : dim.name);
      if (std::ranges::find(options, option) == options.end()) options.push_back(option);
    }
  }
  if (missing.empty()) return graph;
  return InputError("",
                    fmt::format("extent{} {} {} no number", missing.size() == 1 ? "" : "s", fmt::join(missing, ", "),
                                missing.size() == 1 ? "has" : "have"),
                    fmt::format("give {}", fmt::join(options, " ")));
}

Result<Scope> Followed(const Model& model, const Graph& graph, const Extents& extents, WeightFiles* files) {
  VLAQ_RETURN_IF_ERROR(CheckStructure(graph));
  if (model.local_functions > 0) {
    return InputError(
        "", fmt::format("has functions of its own ({}), into which vlaq does not look", model.local_functions),
        "inline them: onnx.inliner.inline_local_functions in Python");
  }
  Scope scope;
  VLAQ_RETURN_IF_ERROR(Inference(model, extents, files, /*passes_over=*/false).Run(graph, scope));
  return scope;
}

}  // namespace

Result<ValueShapes> InferShapes(const Model& model, const Extents& extents, WeightFiles* files) {
  VLAQ_ASSIGN_OR_RETURN(const Graph graph, WithNumbers(model.graph, extents));
  VLAQ_ASSIGN_OR_RETURN(const Scope scope, Followed(model, graph, extents, files));
  ValueShapes shapes;
  for (const auto& [name, facts] : scope.facts) {
    if (facts.shape && AllKnown(*facts.shape)) shapes.emplace(name, TypedShape{facts.dtype, *facts.shape});
  }
  return shapes;
}

PartialShapes KnownShapes(const Model& model, const Graph& graph) {
  Scope scope;
  PartialShapes shapes;
  if (!Inference(model, {}, nullptr, /*passes_over=*/true).Run(graph, scope).ok()) return shapes;
  for (const auto& [name, facts] : scope.facts) {
    if (facts.shape) shapes.emplace(name, *facts.shape);
  }
  return shapes;
}

Status CheckShapes(const Model& model) {
  Graph graph = model.graph;
  for (ValueInfo& output : graph.outputs) {  // not to be believed here
    output.has_shape = false;
    output.dims.clear();
  }
  VLAQ_ASSIGN_OR_RETURN(const Scope scope, Followed(model, graph, {}, nullptr));
  for (const ValueInfo& output : model.graph.outputs) {
    const Facts* facts = scope.Find(output.name);
    if (facts == nullptr || !facts->shape || !output.has_shape) continue;
    bool agrees = facts->shape->size() == output.dims.size();
    for (size_t i = 0; agrees && i < output.dims.size(); ++i) {
      const int64_t extent = (*facts->shape)[i];
      agrees = extent < 0 || output.dims[i].value < 0 || extent == output.dims[i].value;
    }
    if (agrees) continue;
    return InputError(fmt::format("output '{}'", output.name),
                      fmt::format("declares {}, but its shape is {}", DimsText(output.dims), ShapeText(*facts->shape)));
  }
  return {};
}

}  // namespace vlaq::onnx
