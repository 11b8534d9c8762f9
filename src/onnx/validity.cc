#include "onnx/validity.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/names.h"

namespace vlaq::onnx {
namespace {

constexpr std::string_view kNotValid = "not a valid graph: ";

// Takes fewer inputs since opset 18 than before.
constexpr std::string_view kRelaxed = "OptionalHasElement";

Error Invalid(std::string where, const std::string& what) {
  return InputError(std::move(where), std::string(kNotValid) + what);
}

std::string NodePlace(const Node& node) {
  return fmt::format("node '{}' ({})", node.name.substr(0, 200), node.op_type.substr(0, 200));
}

// Names that can be read, of a graph and of those around it.
class Defined {
 public:
  explicit Defined(const Defined* outer) : outer_(outer) {}

  bool Add(std::string_view name) { return names_.insert(name).second; }
  bool Has(std::string_view name) const { return names_.contains(name) || (outer_ != nullptr && outer_->Has(name)); }

 private:
  const Defined* outer_;
  std::unordered_set<std::string_view> names_;
};

Status CheckNodes(const Graph& graph, Defined& defined);

// Whether nodes wait for each other, in whatever order they stand. Subgraphs are not entered.
bool HasCircle(const Graph& graph) {
  std::unordered_map<std::string_view, size_t> makers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) makers.emplace(output, i);
  }
  makers.erase("");
  std::vector<size_t> waits(graph.nodes.size(), 0), ready;
  std::vector<std::vector<size_t>> readers(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      const auto maker = makers.find(input);
      if (maker == makers.end()) continue;
      ++waits[i];
      readers[maker->second].push_back(i);
    }
    if (waits[i] == 0) ready.push_back(i);
  }
  size_t done = 0;
  for (; !ready.empty(); ++done) {
    const size_t node = ready.back();
    ready.pop_back();
    for (const size_t reader : readers[node]) {
      if (--waits[reader] == 0) ready.push_back(reader);
    }
  }
  return done < graph.nodes.size();
}

Error BeforeItIsMade(const Graph& graph, const Node& node, const std::string& input) {
  if (HasCircle(graph)) return Invalid(NodePlace(node), fmt::format("reads '{}' in a circle of nodes", input));
  Error error = Invalid(NodePlace(node), fmt::format("its nodes are not sorted: reads '{}' before it is made", input));
  error.advice = "sort it: onnx_graphsurgeon's toposort in Python";
  return error;
}

Status CheckInside(const Graph& graph, const Defined* outer) {
  Defined defined(outer);
  for (const ValueInfo& input : graph.inputs) {
    if (!defined.Add(input.name)) return Invalid(fmt::format("input '{}'", input.name), "stands twice");
  }
  for (const Initializer& initializer : graph.initializers) defined.Add(initializer.name);  // may stand for an input
  VLAQ_RETURN_IF_ERROR(CheckNodes(graph, defined));
  for (const ValueInfo& output : graph.outputs) {
    if (!defined.Has(output.name)) return Invalid(fmt::format("output '{}'", output.name), "nothing makes it");
  }
  return {};
}

Status CheckNodes(const Graph& graph, Defined& defined) {
  std::unordered_set<std::string_view> made;
  for (const Node& node : graph.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  for (const Node& node : graph.nodes) {
    if (node.op_type.empty()) return Invalid(NodePlace(node), "names no operator");
    for (const std::string& input : node.inputs) {
      if (input.empty() || defined.Has(input)) continue;
      if (made.contains(input)) return BeforeItIsMade(graph, node, input);
      return Invalid(NodePlace(node), fmt::format("reads '{}', which nothing makes", input));
    }
    for (const auto& [name, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (subgraph == nullptr) continue;
      const Status inside = CheckInside(**subgraph, &defined);
      if (!inside.ok()) return Within(fmt::format("node '{}'", node.name), inside.error());
    }
    const bool makes = std::ranges::any_of(node.outputs, [](const std::string& output) { return !output.empty(); });
    if (!makes) return Invalid(NodePlace(node), "has no outputs");
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !defined.Add(output)) {
        return Invalid(NodePlace(node), fmt::format("makes '{}', which is there already", output));
      }
    }
  }
  return {};
}

}  // namespace

Status CheckStructure(const Graph& graph) { return CheckInside(graph, nullptr); }

Status CheckDomains(const Graph& graph, const std::map<std::string, int64_t>& opsets) {
  for (const Node& node : graph.nodes) {
    if (!node.domain.empty() && !opsets.contains(node.domain)) {
      return Invalid(NodePlace(node), fmt::format("its domain '{}' is not imported", node.domain.substr(0, 200)));
    }
    for (const auto& [name, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (subgraph != nullptr) VLAQ_RETURN_IF_ERROR(CheckDomains(**subgraph, opsets));
    }
  }
  return {};
}

Status CheckInputTypes(const Graph& graph) {
  for (const ValueInfo& input : graph.inputs) {
    const bool typed = input.other_type != kUntyped && !input.other_type.starts_with("tensor of type ");
    if (!typed) return Invalid(fmt::format("input '{}'", input.name), "its type is " + input.other_type);
  }
  return {};
}

namespace {

// libonnx takes an attribute that is an empty list for one without a value; so is the `perm` of a scalar's Transpose.
bool IsEmptyList(const ::onnx::AttributeProto& attribute) {
  return (attribute.type() == ::onnx::AttributeProto::INTS && attribute.ints().empty()) ||
         (attribute.type() == ::onnx::AttributeProto::FLOATS && attribute.floats().empty()) ||
         (attribute.type() == ::onnx::AttributeProto::STRINGS && attribute.strings().empty());
}

void Verify(const ::onnx::OpSchema& schema, const ::onnx::NodeProto& node) {
  if (std::none_of(node.attribute().begin(), node.attribute().end(), IsEmptyList)) return schema.Verify(node);
  ::onnx::NodeProto filled = node;
  for (auto& attribute : *filled.mutable_attribute()) {
    if (!IsEmptyList(attribute)) continue;
    if (attribute.type() == ::onnx::AttributeProto::INTS) attribute.add_ints(0);
    if (attribute.type() == ::onnx::AttributeProto::FLOATS) attribute.add_floats(0);
    if (attribute.type() == ::onnx::AttributeProto::STRINGS) attribute.add_strings("");
  }
  schema.Verify(filled);
}

}  // namespace

Status CheckSchema(const ::onnx::NodeProto& node, int64_t opset) {
  if (!node.domain().empty() && node.domain() != "ai.onnx") return {};
  if (opset < 1 || opset > std::numeric_limits<int>::max()) {
    return Invalid("", fmt::format("opset {} does not exist", opset));
  }
  try {
    const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
    const bool known = opset <= newest;
    const ::onnx::OpSchema* schema =
        ::onnx::OpSchemaRegistry::Schema(node.op_type(), known ? static_cast<int>(opset) : newest);
    if (schema == nullptr || schema->Deprecated() || (!known && node.op_type() == kRelaxed)) return {};
    if (known) {
      Verify(*schema, node);
      return {};
    }
    if (node.input_size() < schema->min_input() || node.output_size() < schema->min_output()) {
      return Invalid("", fmt::format("it has {} inputs and {} outputs, its operator at least {} and {}",
                                     node.input_size(), node.output_size(), schema->min_input(), schema->min_output()));
    }
  } catch (const std::exception& error) {
    return Invalid("", error.what());
  }
  return {};
}

}  // namespace vlaq::onnx
