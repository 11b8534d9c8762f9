#include "onnx/work.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "onnx/graph_index.h"
#include "onnx/reachability.h"
#include "onnx/shape_rules.h"

namespace vlaq::onnx {
namespace {

std::vector<TypedShape> ShapesOf(const std::vector<std::string>& names, const ValueShapes& shapes) {
  std::vector<TypedShape> found;
  for (const std::string& name : names) {
    const auto at = shapes.find(name);
    if (at != shapes.end()) found.push_back(at->second);
  }
  return found;
}

std::string OperatorName(const Node& node) {
  return node.domain.empty() ? node.op_type : fmt::format("{}.{}", node.domain, node.op_type);
}

bool Multiplies(const Node& node);
bool SubgraphMultiplies(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const auto& attribute) {
    const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&attribute.second);
    return subgraph != nullptr && std::ranges::any_of((*subgraph)->nodes, Multiplies);
  });
}
bool Multiplies(const Node& node) {
  return IsUnknownProduct(node.op_type) || CostOf(node.op_type, {}, {}) || SubgraphMultiplies(node);
}

// MACs of two operands: one product for each choice of all letters. nullopt: their extents are not known.
std::optional<int64_t> EinsumMacs(const Node& node, const ValueShapes& shapes) {
  const auto terms = EinsumTerms(node.String("equation", ""));
  if (!terms || node.inputs.size() != 2 || terms->size() != 3) return std::nullopt;
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < 2; ++i) {
    const auto found = shapes.find(node.inputs[i]);
    if (found == shapes.end() || found->second.shape.size() != (*terms)[i].size()) return std::nullopt;
    for (size_t k = 0; k < (*terms)[i].size(); ++k) {
      int64_t& extent = extents[(*terms)[i][k]];
      extent = std::max(extent, found->second.shape[k]);
    }
  }
  Shape all;
  for (const auto& [letter, extent] : extents) all.push_back(extent);
  return ElementCount(all);
}

constexpr std::string_view kWithoutShapes = "what it multiplies does not follow from the shapes of the graph's inputs";

// Cost of a node, nothing for what multiplies no matrices. Errors: why it is not known.
Result<std::optional<Cost>> CostOfNode(const Node& node, const ValueShapes& shapes) {
  const auto unknown = [](std::string_view why) { return InputError("", std::string(why)); };
  if (node.op_type == "Einsum" && node.inputs.size() < 2) return std::optional<Cost>();
  if (node.op_type == "Einsum") {
    const auto macs = EinsumMacs(node, shapes);
    if (!macs) return unknown(kWithoutShapes);
    const auto first = shapes.find(node.inputs[0]);
    const auto like = CostOf("MatMul", std::array{first->second, first->second}, std::array{first->second});
    return std::optional(Cost{macs, like->arithmetic, false});
  }
  if (SubgraphMultiplies(node)) {
    return unknown("it holds a graph that multiplies matrices, and how often that runs is not known");
  }
  if (!CostOf(node.op_type, {}, {})) {
    const bool foreign = !node.domain.empty() && FindShapeRule(node) == nullptr;
    if (foreign || IsUnknownProduct(node.op_type)) return unknown("what this operator costs is not known to vlaq");
    return std::optional<Cost>();
  }
  // An input without a shape (left out, or not found) may not shift those after it, so it must not be the first one.
  const bool first = !node.inputs.empty() && shapes.contains(node.inputs[0]);
  const std::vector<TypedShape> outputs = ShapesOf(node.outputs, shapes);
  std::optional<Cost> cost;
  if (first && !outputs.empty()) cost = CostOf(node.op_type, ShapesOf(node.inputs, shapes), outputs);
  if (cost && cost->macs) return cost;
  return unknown(kWithoutShapes);
}

// Where the way to a node's shapes breaks off: up from its first input without one.
std::string LostAt(const GraphIndex& index, const Node& node, const ValueShapes& shapes) {
  const auto without = [&](const Node& at) -> const std::string* {
    const auto found = std::ranges::find_if(
        at.inputs, [&](const std::string& input) { return !input.empty() && !shapes.contains(input); });
    return found == at.inputs.end() ? nullptr : &*found;
  };
  const Node* at = &node;
  const std::string* value = without(node);
  while (value != nullptr) {  // the graph is sorted, so this ends
    const Node* maker = index.Producer(*value);
    if (maker == nullptr) return fmt::format("input '{}' has no shape", *value);
    at = maker;
    const std::string* before = without(*at);
    if (before == nullptr) break;
    value = before;
  }
  const std::string& lost = value != nullptr ? *value : node.outputs.front();
  return fmt::format("node '{}' ({}) makes '{}', whose shape is not known", at->name, OperatorName(*at), lost);
}

// Initializers that hold weights: those in external files; of a graph that has none, all but counts and indices.
std::vector<const Initializer*> Weights(const Graph& graph) {
  const Reachability reached = ReachableFromOutputs(graph);
  const bool external = std::ranges::any_of(graph.initializers, &Initializer::is_external);
  const auto is_count = [](DType dtype) {
    return dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kBool || dtype == DType::kU64;
  };
  std::vector<const Initializer*> weights;
  for (const Initializer& initializer : graph.initializers) {
    if (!reached.initializers.contains(initializer.name)) continue;
    if (external ? initializer.is_external() : !is_count(initializer.dtype)) weights.push_back(&initializer);
  }
  return weights;
}

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// Shapes come out of files, so sums of them may be anything.
void AddUpTo(int64_t most, int64_t more, int64_t& sum) { sum = more > most - sum ? most : sum + more; }

int64_t ElementsOf(const std::string& value, const ValueShapes& shapes) {
  const auto found = shapes.find(value);
  return found == shapes.end() ? 0 : ElementCount(found->second.shape).value_or(kMost);
}

void CountParameters(const Graph& graph, const ValueShapes& shapes, Work& work) {
  const std::map<std::string, int64_t, std::less<>> packed = PackedWeights(graph);
  std::map<std::string, int64_t, std::less<>> rows;  // of tables: elements that Gather takes
  std::map<std::string, bool, std::less<>> otherwise;
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool table = node.op_type == "Gather" && i == 0 && shapes.contains(node.outputs[0]);
      if (table) AddUpTo(kMost, ElementsOf(node.outputs[0], shapes), rows[node.inputs[0]]);
      otherwise[node.inputs[i]] |= !table;
    }
  }
  std::map<DType, StoredAs> stored;
  for (const Initializer* weight : Weights(graph)) {
    const auto bits = packed.find(weight->name);
    const int64_t all = bits != packed.end() ? bits->second : ElementCount(weight->shape).value_or(0);
    AddUpTo(kMost, all, work.parameters);
    const auto taken = rows.find(weight->name);
    const bool only_rows = taken != rows.end() && !otherwise[weight->name];
    AddUpTo(kMost, only_rows ? std::min(all, taken->second) : all, work.parameters_read);
    StoredAs& kind = stored[weight->dtype];
    kind.dtype = weight->dtype;
    ++kind.tensors;
    AddUpTo(kMost, all, kind.parameters);
    kind.bytes += weight->bytes();
  }
  for (const auto& [dtype, kind] : stored) work.stored.push_back(kind);
}

}  // namespace

uint64_t Work::stored_bytes() const {
  uint64_t bytes = 0;
  for (const StoredAs& kind : stored) bytes += kind.bytes;
  return bytes;
}

std::string UnknownText(const std::map<std::string, int64_t>& unknown) {
  if (unknown.empty()) return "";
  int64_t nodes = 0;
  std::vector<std::string> names;
  for (const auto& [name, count] : unknown) {
    nodes += count;
    names.push_back(count == 1 ? name : fmt::format("{} ({})", name, count));
  }
  return fmt::format("{} operator{} of unknown cost: {}", nodes, nodes == 1 ? "" : "s", fmt::join(names, ", "));
}

Result<int64_t> MacsOf(const Node& node, const ValueShapes& shapes) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Cost> cost, CostOfNode(node, shapes));
  return cost ? *cost->macs : 0;
}

Result<Work> WorkOf(const Graph& graph, const ValueShapes& shapes) {
  const GraphIndex index(graph);
  Work work;
  std::map<std::pair<std::string, Arithmetic>, OperatorMacs> by_kind;
  for (const Node& node : graph.nodes) {
    const auto cost_of_node = CostOfNode(node, shapes);
    if (!cost_of_node.ok()) {
      ++work.unknown[OperatorName(node)];
      if (!work.first_unknown.empty()) continue;
      const std::string& why = cost_of_node.error().what;
      work.first_unknown = fmt::format("node '{}' ({}): {}", node.name, OperatorName(node), why);
      if (why == kWithoutShapes) work.first_unknown += ": " + LostAt(index, node, shapes);
      continue;
    }
    const std::optional<Cost>& cost = *cost_of_node;
    if (!cost) continue;
    OperatorMacs& kind = by_kind[{node.op_type, cost->arithmetic}];
    kind.op_type = node.op_type;
    kind.arithmetic = cost->arithmetic;
    ++kind.nodes;
    if (__builtin_add_overflow(kind.macs, *cost->macs, &kind.macs) ||
        __builtin_add_overflow(work.macs, *cost->macs, &work.macs)) {
      return InputError(fmt::format("node '{}' ({})", node.name, node.op_type),
                        "the sum of multiply-accumulates overflows");
    }
  }
  for (auto& [key, kind] : by_kind) work.operators.push_back(std::move(kind));
  std::ranges::stable_sort(work.operators, [](const auto& a, const auto& b) { return a.macs > b.macs; });
  CountParameters(graph, shapes, work);
  return work;
}

PeakMemory PeakActivations(const Graph& graph, const ValueShapes& shapes, uint64_t float_bytes) {
  PeakMemory peak;
  const auto size_of = [&](const std::string& name) -> uint64_t {
    const auto found = shapes.find(name);
    if (found == shapes.end()) {
      ++peak.unknown;
      return 0;
    }
    const DType dtype = found->second.dtype.value_or(DType::kF32);
    const uint64_t each = IsFloat(dtype) ? float_bytes : std::max<uint64_t>(1, DTypeBits(dtype) / 8);
    constexpr int64_t kMaxElements = int64_t{1} << 48U;  // so that sums cannot overflow
    return static_cast<uint64_t>(std::min(ElementCount(found->second.shape).value_or(0), kMaxElements)) * each;
  };
  std::map<std::string, size_t, std::less<>> last_reader;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& input : graph.nodes[i].inputs) last_reader[input] = i;
    for (const std::string& input : Captured(graph.nodes[i])) last_reader[input] = i;
  }
  for (const ValueInfo& output : graph.outputs) last_reader[output.name] = graph.nodes.size();
  // The caller's buffers are there all the time.
  uint64_t live = 0;
  for (const ValueInfo& input : graph.inputs) {
    last_reader[input.name] = graph.nodes.size();
    if (graph.FindInitializer(input.name) == nullptr) live += size_of(input.name);
  }
  std::map<std::string_view, uint64_t> sizes;  // of live values that nodes made
  peak.bytes = live;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const std::string& output : node.outputs) {
      if (!output.empty()) live += sizes[output] = size_of(output);
    }
    if (live > peak.bytes) {
      peak.bytes = live;
      peak.node = node.name;
    }
    const auto free_if_last = [&](const std::string& name) {
      const auto found = sizes.find(name);
      if (found == sizes.end() || (last_reader.contains(name) && last_reader[name] > i)) return;
      live -= found->second;
      sizes.erase(found);
    };
    for (const std::string& name : node.inputs) free_if_last(name);
    for (const std::string& name : node.outputs) free_if_last(name);
  }
  return peak;
}

}  // namespace vlaq::onnx
