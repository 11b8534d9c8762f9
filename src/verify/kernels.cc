// Judging what ran: the part of stage 2 that needs no engine.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "onnx/graph_index.h"
#include "target/precision.h"
#include "target/target.h"
#include "verify/executed_precision.h"

namespace vlaq::verify {
namespace {

using backend::ExecutedNode;
using numerics::Form;
using numerics::OperatorChoice;
using onnx::Arithmetic;

const std::set<std::string_view>& Converting() {
  static const std::set<std::string_view> names{"Cast", "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"};
  return names;
}

// Initializers of at least two axes, and what conversions make of them.
std::set<std::string, std::less<>> WeightValues(const onnx::Graph& graph) {
  std::set<std::string, std::less<>> values;
  for (const onnx::Initializer& initializer : graph.initializers) {
    if (initializer.shape.size() >= 2) values.insert(initializer.name);
  }
  for (const onnx::Node& node : graph.nodes) {
    const bool keeps = Converting().contains(node.op_type) || node.op_type == "Transpose" || node.op_type == "Reshape";
    if (keeps && !node.inputs.empty() && !node.outputs.empty() && values.contains(node.inputs[0]))
      values.insert(node.outputs[0]);
  }
  return values;
}

// Nodes that depend on no input of the graph: an engine computes them once, when it opens the model.
std::set<const onnx::Node*> ConstantNodes(const onnx::Graph& graph) {
  std::set<std::string_view> values{""};
  for (const onnx::Initializer& initializer : graph.initializers) values.insert(initializer.name);
  std::set<const onnx::Node*> nodes;
  for (const onnx::Node& node : graph.nodes) {
    const bool constant =
        !node.inputs.empty() &&
        std::all_of(node.inputs.begin(), node.inputs.end(), [&](const auto& input) { return values.contains(input); });
    if (!constant) continue;
    nodes.insert(&node);
    values.insert(node.outputs.begin(), node.outputs.end());
  }
  return nodes;
}

bool Multiplies(const onnx::Node& node) { return onnx::CostOf(node.op_type, {}, {}).has_value(); }

ExpectedPrecision PromiseOf(const OperatorChoice& choice, const std::string& target) {
  switch (choice.form) {
    case Form::kFloat:
      return {std::nullopt, false, choice.reason.empty() ? "" : choice.rule};
    case Form::kHalf:
      return {Arithmetic::kHalf, true};
    case Form::kStaticInt8:
    case Form::kDynamicInt8:
      return {Arithmetic::kInt8, true};
    case Form::kWeightOnly:
      break;
  }
  // Blocks are MatMulNBits where that is; elsewhere, and by channel, the weight is widened before a float product.
  const auto known = target::Find(target);
  const bool fused = known.ok() && (*known)->contrib_operators;
  const bool blocks = fused && std::any_of(choice.weights.begin(), choice.weights.end(), [](const auto& w) {
                        return w.granularity == numerics::Granularity::kBlock;
                      });
  return {blocks ? std::optional(Arithmetic::kWeightOnly) : std::nullopt, true};
}

// What is expected of an operator with weights in a bundle that has no plan.
ExpectedPrecision PromiseOf(const std::string& precision) {
  using target::Precision;
  switch (target::FindPrecision(precision).value_or(Precision::kMixed)) {
    case Precision::kFp32:
      return {Arithmetic::kFloat32, false};
    case Precision::kInt8:
      return {Arithmetic::kInt8, true};
    case Precision::kInt4:
      return {Arithmetic::kWeightOnly, true};
    case Precision::kFp16:  // of an export: stored so, and widened
    case Precision::kBf16AsStored:
    case Precision::kMixed:
      break;
  }
  return {std::nullopt, true};
}

// Which operator of the source an executed node stands for.
class Origins {
 public:
  Origins(const onnx::Graph& graph, const ExpectedPrecisions& promises) : index_(graph), promises_(promises) {}

  // The graph's own node, by its name or by one that the engine made from it; null if there is none.
  const onnx::Node* NodeOf(std::string_view name) const {
    constexpr std::string_view kFused = "fused ";
    if (name.starts_with(kFused)) name.remove_prefix(kFused.size());
    for (size_t length = name.size(); length > 0; --length) {
      const bool ends_here = length == name.size() || name[length] == '/' || name[length] == '_';
      if (!ends_here) continue;
      if (const onnx::Node* found = index_.FindNode(name.substr(0, length))) return found;
    }
    return nullptr;
  }

  // "fc1" of "fc1/MatMulInteger"; the node's own name if no promise speaks of it; "" for a node of the engine's own.
  std::string OriginOf(std::string_view name) const {
    const onnx::Node* node = NodeOf(name);
    if (node == nullptr) return "";
    const std::string_view own = node->name;
    for (size_t length = own.size(); length > 0; --length) {
      if (length != own.size() && own[length] != '/') continue;
      if (const auto found = promises_.find(own.substr(0, length)); found != promises_.end()) return found->first;
    }
    return node->name;
  }

 private:
  onnx::GraphIndex index_;
  const ExpectedPrecisions& promises_;
};

struct Ran {
  std::map<Arithmetic, double> macs;
  std::string op_type;
};

class Judging {
 public:
  Judging(const onnx::Graph& graph, const ExpectedPrecisions& promises, const ExecutedGraph& ran,
          const std::string& provider)
      : promises_(promises), ran_(ran), provider_(provider), origins_(graph, promises), weights_(WeightValues(graph)) {
    for (const onnx::Node* node : ConstantNodes(graph)) {
      if (Multiplies(*node)) constant_.insert(origins_.OriginOf(node->name));
    }
  }

  Work Run() {
    for (const ExecutedNode& node : ran_.as_written) CountWritten(node);
    for (const ExecutedNode& node : ran_.executed) CountExecuted(node);
    DivideByRuns();
    for (const auto& [name, promise] : promises_) Compare(name, promise);
    CoverMissing();
    std::sort(broken_.begin(), broken_.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (auto& [macs, text] : broken_) work_.broken.push_back(std::move(text));
    return std::move(work_);
  }

 private:
  // Sums of whole numbers are divided once, so that a run's work is the same however many there were.
  void DivideByRuns() {
    const auto runs = static_cast<double>(ran_.runs);
    for (auto* sums : {&work_.macs, &work_.microseconds, &others_.macs}) {
      for (auto& [arithmetic, sum] : *sums) sum /= runs;
    }
    for (auto& [name, ran] : executed_) {
      for (auto& [arithmetic, sum] : ran.macs) sum /= runs;
    }
    work_.all_microseconds /= runs;
    work_.converting_microseconds /= runs;
    work_.widened /= ran_.runs;
  }

  void CountWritten(const ExecutedNode& node) {
    const auto cost = onnx::CostOf(node.op_type, node.inputs, node.outputs);
    if (cost && cost->macs) written_[origins_.OriginOf(node.name)] += static_cast<double>(*cost->macs);
  }

  void CountExecuted(const ExecutedNode& node) {
    const double time = node.microseconds;
    work_.all_microseconds += time;
    if (Converting().contains(node.op_type)) {
      work_.converting_microseconds += time;
      const onnx::Node* own = node.op_type == "DequantizeLinear" ? origins_.NodeOf(node.name) : nullptr;
      if (own != nullptr && !own->inputs.empty() && weights_.contains(own->inputs[0])) ++work_.widened;
    }
    const auto cost = onnx::CostOf(node.op_type, node.inputs, node.outputs);
    if (!cost) {
      if (onnx::IsUnknownProduct(node.op_type)) Note(work_.unknown, fmt::format("{} ('{}')", node.op_type, node.name));
      return;
    }
    const std::string origin = origins_.OriginOf(node.name);
    const auto known = written_.find(origin);
    const double otherwise = known == written_.end() ? 0 : known->second;
    const double macs = cost->macs ? static_cast<double>(*cost->macs) : otherwise;
    work_.macs[cost->arithmetic] += macs;
    work_.microseconds[cost->arithmetic] += time;
    Ran& ran = promises_.contains(origin) ? executed_[origin] : others_;
    ran.macs[cost->arithmetic] += promises_.contains(origin) || !written_.contains(origin) ? macs : 0;
    ran.op_type = node.op_type;
    if (node.provider != provider_) Note(work_.elsewhere, fmt::format("'{}' ({})", node.name, node.provider));
    if (cost->both_signed) Note(work_.both_signed, fmt::format("'{}' ({})", node.name, node.op_type));
  }

  static void Note(std::vector<std::string>& list, std::string text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
  }

  void Compare(const std::string& name, const ExpectedPrecision& promise) {
    const auto known = written_.find(name);
    if (known == written_.end()) return;  // of the other graph, or a table
    const double macs = known->second;
    const auto ran = executed_.find(name);
    if (ran == executed_.end() && constant_.contains(name)) return;
    work_.weighted += macs;
    if (!promise.arithmetic) {
      work_.small += promise.small ? macs : 0;
      if (!promise.left_by.empty()) work_.left[promise.left_by] += macs;
      return;
    }
    work_.promised += macs;
    if (ran == executed_.end()) {
      missing_.push_back({name, *promise.arithmetic, promise.small, macs});
      return;
    }
    const auto right = ran->second.macs.find(*promise.arithmetic);
    const double kept = right == ran->second.macs.end() ? 0 : std::min(right->second, macs);
    Keep(kept, promise.small);
    if (kept >= macs * (1 - 1e-9)) return;
    broken_.emplace_back(macs - kept, fmt::format("'{}' ran as {}, not in {}", name, ran->second.op_type,
                                                  onnx::ArithmeticName(*promise.arithmetic)));
  }

  void Keep(double macs, bool small) {
    work_.kept += macs;
    work_.small += small ? macs : 0;
  }

  // Operators that the engine fused under a name of its own: covered by the work of nodes that no operator claims.
  void CoverMissing() {
    for (const Missing& m : missing_) {
      double& rest = others_.macs[m.arithmetic];
      const double kept = std::min(rest, m.macs);
      rest -= kept;
      Keep(kept, m.small);
      if (kept < m.macs * (1 - 1e-9)) {
        broken_.emplace_back(m.macs - kept, fmt::format("'{}' did not run under its name, nor anything like it in {}",
                                                        m.name, onnx::ArithmeticName(m.arithmetic)));
      }
    }
  }

  struct Missing {
    std::string name;
    Arithmetic arithmetic;
    bool small;
    double macs;
  };

  const ExpectedPrecisions& promises_;
  const ExecutedGraph& ran_;
  const std::string& provider_;
  Origins origins_;
  std::set<std::string, std::less<>> weights_;
  std::set<std::string, std::less<>> constant_;         // origins that need no input
  std::map<std::string, double, std::less<>> written_;  // MACs of a run, by origin
  std::map<std::string, Ran, std::less<>> executed_;    // by promise
  Ran others_;                                          // of nodes that are nobody's
  std::vector<Missing> missing_;
  std::vector<std::pair<double, std::string>> broken_;  // MACs, words
  Work work_;
};

template <typename List>
void Append(List& to, const List& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

ExpectedPrecisions ExpectedPrecisionsOf(const onnx::Graph& graph, const numerics::Plan* plan,
                                        const std::string& precision, std::string_view name) {
  ExpectedPrecisions promises;
  if (plan != nullptr) {
    // Where graphs have nodes of one name, the plan says them with their graph.
    const std::string prefix = fmt::format("{}.", name);
    std::set<std::string_view> own;
    for (const onnx::Node& node : graph.nodes) own.insert(node.name);
    for (const OperatorChoice& choice : plan->operators) {
      const bool with_graph = !name.empty() && choice.node.starts_with(prefix) && !own.contains(choice.node);
      promises.emplace(with_graph ? choice.node.substr(prefix.size()) : choice.node, PromiseOf(choice, plan->target));
    }
    return promises;
  }
  const auto weights = WeightValues(graph);
  for (const onnx::Node& node : graph.nodes) {
    const bool has_weight = std::any_of(node.inputs.begin(), node.inputs.end(),
                                        [&](const std::string& input) { return weights.contains(input); });
    if (has_weight && Multiplies(node)) promises.emplace(node.name, PromiseOf(precision));
  }
  return promises;
}

void Work::Add(const Work& other) {
  for (const auto& [arithmetic, count] : other.macs) macs[arithmetic] += count;
  for (const auto& [arithmetic, time] : other.microseconds) microseconds[arithmetic] += time;
  all_microseconds += other.all_microseconds;
  converting_microseconds += other.converting_microseconds;
  promised += other.promised;
  kept += other.kept;
  weighted += other.weighted;
  small += other.small;
  for (const auto& [rule, count] : other.left) left[rule] += count;
  widened += other.widened;
  Append(broken, other.broken);
  Append(elsewhere, other.elsewhere);
  Append(both_signed, other.both_signed);
  Append(unknown, other.unknown);
}

Work Judge(const onnx::Graph& graph, const ExpectedPrecisions& promises, const ExecutedGraph& ran,
           const std::string& provider) {
  return Judging(graph, promises, ran, provider).Run();
}

}  // namespace vlaq::verify
