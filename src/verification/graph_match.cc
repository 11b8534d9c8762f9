#include "verification/graph_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace vlaq::verification {
namespace {

using onnx::Graph;
using onnx::Initializer;
using onnx::Node;

bool SameTensor(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

bool SameAttribute(const onnx::AttributeValue& a, const onnx::AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* tensor = std::get_if<Tensor>(&a)) return SameTensor(*tensor, std::get<Tensor>(b));
  if (const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&a)) {
    return FirstDifference(**graph, *std::get<std::shared_ptr<const Graph>>(b)).empty();
  }
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

std::string EndsText(const std::vector<onnx::ValueInfo>& values) {
  std::string text;
  for (const onnx::ValueInfo& value : values) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", value.name, DTypeName(value.dtype),
                        onnx::DimsText(value.dims));
  }
  return text;
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
  Matcher(const Graph& expected, const Graph& actual)
      : expected_(expected), actual_(actual), in_expected_(expected), in_actual_(actual) {}

  std::string Run() {
    if (EndsText(expected_.inputs) != EndsText(actual_.inputs)) {
      return fmt::format("its inputs are {} instead of {}", EndsText(actual_.inputs), EndsText(expected_.inputs));
    }
    if (EndsText(expected_.outputs) != EndsText(actual_.outputs)) {
      return fmt::format("its outputs are {} instead of {}", EndsText(actual_.outputs), EndsText(expected_.outputs));
    }
    for (const onnx::ValueInfo& output : expected_.outputs) Ask(output.name, output.name, "");
    while (problem_.empty() && !waiting_.empty()) {
      const Pair pair = waiting_.back();
      waiting_.pop_back();
      Compare(pair);
    }
    if (problem_.empty() && nodes_.size() != actual_.nodes.size()) {
      for (const Node& node : actual_.nodes) {
        if (!nodes_.contains(&node)) return fmt::format("'{}' ({}) belongs to nothing", node.name, node.op_type);
      }
    }
    return problem_;
  }

 private:
  struct Pair {
    std::string_view expected, actual;
    std::string_view reader;  // name of the node of `actual` that reads it; empty: an output
  };

  void Ask(std::string_view expected, std::string_view actual, std::string_view reader) {
    const auto [forth, fresh] = counterpart_.emplace(expected, actual);
    const auto [back, fresh_back] = counterpart_back_.emplace(actual, expected);
    if (forth->second != actual || back->second != expected) {
      problem_ = fmt::format("'{}' reads '{}', which should be '{}'", reader, actual, forth->second);
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
    if (!nodes_.insert(&actual).second) return;
    const auto differ = [&](const std::string& what) {
      problem_ = fmt::format("'{}' ({}) {}; it stands where '{}' ({}) should", actual.name, actual.op_type, what,
                             expected.name, expected.op_type);
    };
    if (expected.op_type != actual.op_type || expected.domain != actual.domain) return differ("is another operator");
    if (!std::ranges::equal(expected.attributes, actual.attributes, [](const auto& a, const auto& b) {
          return a.first == b.first && SameAttribute(a.second, b.second);
        })) {
      return differ("has other attributes");
    }
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

  const Graph& expected_;
  const Graph& actual_;
  GraphIndex in_expected_, in_actual_;
  std::map<std::string_view, std::string_view> counterpart_, counterpart_back_;
  std::vector<Pair> waiting_;
  std::set<const Node*> nodes_;  // of `actual`, that have a counterpart
  std::string problem_;
};

}  // namespace

std::string FirstDifference(const Graph& expected, const Graph& actual) { return Matcher(expected, actual).Run(); }

}  // namespace vlaq::verification
