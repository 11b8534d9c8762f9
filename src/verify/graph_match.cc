#include "verify/graph_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace vlaq::verify {
namespace {

using onnx::Graph;
using onnx::Initializer;
using onnx::Node;

bool SameTensor(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

std::string EndsText(const std::vector<onnx::ValueInfo>& values, bool with_names) {
  std::string text;
  for (const onnx::ValueInfo& value : values) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", with_names ? value.name : "", DTypeName(value.dtype),
                        onnx::DimsText(value.dims));
  }
  return text;
}

// Subgraphs are never the same here: they are compared with what is around them.
bool SameAttribute(const onnx::AttributeValue& a, const onnx::AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* tensor = std::get_if<Tensor>(&a)) return SameTensor(*tensor, std::get<Tensor>(b));
  return std::visit(
      [&b]<typename Value>(const Value& value) {
        if constexpr (std::is_same_v<Value, Tensor> || std::is_same_v<Value, std::shared_ptr<const Graph>>) {
          return false;
        } else {
          return value == std::get<Value>(b);
        }
      },
      a);
}

// Where the values of one graph come from.
struct GraphIndex {
  std::map<std::string_view, const Node*> producers;
  std::map<std::string_view, const Initializer*> initializers;

  explicit GraphIndex(const Graph& graph) {
    for (const Node& node : graph.nodes) {
      for (const std::string& output : node.outputs) producers.emplace(output, &node);
    }
    for (const Initializer& initializer : graph.initializers) initializers.emplace(initializer.name, &initializer);
  }
};

// Walks both graphs from the outputs up. A value of one graph stands for one value of the other, both ways.
class Matcher {
 public:
  // `pair` may be null: then weights are told apart by name. `outer`: of the graph around a subgraph; null of a
  // model's.
  Matcher(const Graph& expected, const Graph& actual, const WeightPair* pair, Matcher* outer)
      : expected_(expected), actual_(actual), pair_(pair), outer_(outer), in_expected_(expected), in_actual_(actual) {}

  std::string Run() {
    const bool by_name = outer_ == nullptr;
    const auto ends_differ = [&](const auto& wanted, const auto& found, std::string_view what) {
      if (EndsText(wanted, by_name) == EndsText(found, by_name)) return false;
      problem_ = fmt::format("its {} are {} instead of {}", what, EndsText(found, true), EndsText(wanted, true));
      return true;
    };
    if (ends_differ(expected_.inputs, actual_.inputs, "inputs")) return problem_;
    if (ends_differ(expected_.outputs, actual_.outputs, "outputs")) return problem_;
    for (size_t i = 0; !by_name && i < expected_.inputs.size(); ++i) {
      counterpart_.emplace(expected_.inputs[i].name, actual_.inputs[i].name);
      counterpart_back_.emplace(actual_.inputs[i].name, expected_.inputs[i].name);
    }
    for (size_t i = 0; i < expected_.outputs.size(); ++i) Ask(expected_.outputs[i].name, actual_.outputs[i].name, "");
    Drain();
    AskForUnread();
    return problem_.empty() ? Leftover() : problem_;
  }

 private:
  struct Pair {
    std::string_view expected, actual;
    std::string_view reader;  // name of the node of `actual` that reads it; empty: an output
  };

  void Drain() {
    while (problem_.empty() && !waiting_.empty()) {
      const Pair pair = waiting_.back();
      waiting_.pop_back();
      Compare(pair);
    }
  }

  // Nodes that no output depends on.
  void AskForUnread() {
    for (const Node& node : expected_.nodes) {
      if (!problem_.empty()) return;
      const auto output = std::ranges::find_if(node.outputs, [](const std::string& name) { return !name.empty(); });
      if (expected_nodes_.contains(&node) || output == node.outputs.end()) continue;
      Ask(*output, *output, *output);
      Drain();
    }
  }

  // What stands in `actual` and has no counterpart.
  std::string Leftover() const {
    for (const Node& node : actual_.nodes) {
      if (!nodes_.contains(&node)) return fmt::format("'{}' ({}) belongs to nothing", node.name, node.op_type);
    }
    for (const Initializer& initializer : actual_.initializers) {
      if (pair_ == nullptr || weights_.contains(&initializer)) continue;
      return fmt::format("the weight '{}' belongs to nothing", initializer.name);
    }
    return "";
  }

  void Ask(std::string_view expected, std::string_view actual, std::string_view reader) {
    if (pair_ != nullptr) {
      const auto initializer = in_expected_.initializers.find(expected);
      const auto other = in_actual_.initializers.find(actual);
      if (initializer != in_expected_.initializers.end() && other != in_actual_.initializers.end()) {
        weights_.insert(other->second);
        if (paired_.emplace(initializer->second, other->second).second) (*pair_)(*initializer->second, *other->second);
        return;
      }
    }
    const auto [forth, fresh] = counterpart_.emplace(expected, actual);
    const auto [back, fresh_back] = counterpart_back_.emplace(actual, expected);
    if (forth->second != actual || back->second != expected) {
      problem_ = fmt::format("'{}' reads '{}', which should be '{}'", reader, actual,
                             forth->second != actual ? forth->second : expected);
    } else if (fresh || fresh_back) {
      waiting_.push_back({expected, actual, reader});
    }
  }

  void Compare(const Pair& pair) {
    if (pair.expected.empty() && pair.actual.empty()) return;  // an input left out
    const auto node = in_expected_.producers.find(pair.expected);
    const auto other = in_actual_.producers.find(pair.actual);
    const bool made = node != in_expected_.producers.end();
    if (made != (other != in_actual_.producers.end())) {
      problem_ = fmt::format("'{}' reads '{}', which should be '{}'", pair.reader, pair.actual, pair.expected);
    } else if (made) {
      CompareNodes(*node->second, *other->second);
    } else {
      CompareSources(pair);
    }
  }

  // Values that no node makes: inputs, constants, weights.
  void CompareSources(const Pair& pair) {
    const auto initializer = in_expected_.initializers.find(pair.expected);
    const auto other = in_actual_.initializers.find(pair.actual);
    const bool constant = initializer != in_expected_.initializers.end();
    bool same = constant == (other != in_actual_.initializers.end());
    if (same && constant) same = SameInitializer(*initializer->second, *other->second);
    if (same && !constant && outer_ != nullptr) return outer_->Ask(pair.expected, pair.actual, pair.reader);
    if (same && !constant) same = pair.expected == pair.actual;
    if (same) return;
    problem_ = pair.actual == pair.expected
                   ? fmt::format("'{}' reads '{}', whose value is another", pair.reader, pair.actual)
                   : fmt::format("'{}' reads '{}', which is not '{}'", pair.reader, pair.actual, pair.expected);
  }

  static bool SameInitializer(const Initializer& a, const Initializer& b) {
    if (a.is_external() != b.is_external()) return false;
    // What a weight holds is compared with the checkpoint, by its name.
    if (a.is_external()) return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape;
    return SameTensor(std::get<Tensor>(a.data), std::get<Tensor>(b.data));
  }

  void CompareNodes(const Node& expected, const Node& actual) {
    expected_nodes_.insert(&expected);
    if (!nodes_.insert(&actual).second) return;
    const auto differ = [&](const std::string& what) {
      problem_ = fmt::format("'{}' ({}) {}; it stands where '{}' ({}) should", actual.name, actual.op_type, what,
                             expected.name, expected.op_type);
    };
    if (expected.op_type != actual.op_type || expected.domain != actual.domain) return differ("is another operator");
    if (const std::string what = OtherAttributes(expected, actual); !what.empty()) return differ(what);
    if (expected.inputs.size() != actual.inputs.size() || expected.outputs.size() != actual.outputs.size()) {
      return differ("has another number of inputs or outputs");
    }
    for (size_t i = 0; i < expected.inputs.size() && problem_.empty(); ++i) {
      Ask(expected.inputs[i], actual.inputs[i], actual.name);
    }
    // The other outputs of the pair, so that they are not exchanged.
    for (size_t i = 0; i < expected.outputs.size() && problem_.empty(); ++i) {
      if (expected.outputs[i].empty() != actual.outputs[i].empty()) return differ("has other outputs");
      if (!expected.outputs[i].empty()) Ask(expected.outputs[i], actual.outputs[i], actual.name);
    }
  }

  // Empty, or how they differ.
  std::string OtherAttributes(const Node& expected, const Node& actual) {
    const char* const other = "has other attributes";
    if (expected.attributes.size() != actual.attributes.size()) return other;
    for (const auto& [name, value] : expected.attributes) {
      const auto found = actual.attributes.find(name);
      if (found == actual.attributes.end()) return other;
      const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&value);
      const auto* its = std::get_if<std::shared_ptr<const Graph>>(&found->second);
      if (graph == nullptr || its == nullptr) {
        if (!SameAttribute(value, found->second)) return other;
        continue;
      }
      const std::string problem = Matcher(**graph, **its, pair_, this).Run();
      if (!problem.empty()) return fmt::format("has another {}: {}", name, problem);
    }
    return "";
  }

  const Graph& expected_;
  const Graph& actual_;
  const WeightPair* pair_;
  Matcher* outer_;
  GraphIndex in_expected_, in_actual_;
  std::map<std::string_view, std::string_view> counterpart_, counterpart_back_;
  std::vector<Pair> waiting_;
  std::set<const Node*> nodes_, expected_nodes_;  // of `actual` and `expected`, that have a counterpart
  std::set<const Initializer*> weights_;          // of `actual`, likewise
  std::set<std::pair<const Initializer*, const Initializer*>> paired_;
  std::string problem_;
};

}  // namespace

std::string FirstDifference(const Graph& expected, const Graph& actual) {
  return Matcher(expected, actual, nullptr, nullptr).Run();
}

std::string FirstDifference(const Graph& expected, const Graph& actual, const WeightPair& pair) {
  return Matcher(expected, actual, &pair, nullptr).Run();
}

}  // namespace vlaq::verify
