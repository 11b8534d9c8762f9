#include "families/onnx/lift_weights.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "families/onnx/names.h"

namespace vlaq::importing {
namespace {

class Lifter {
 public:
  explicit Lifter(onnx::Graph& main) : main_(main), definitions_(DefinitionsOf(main)) {
    for (const auto& [name, count] : definitions_) names_.Take(name);
  }

  Lifted Run() {
    LiftFrom(main_, true);
    main_.initializers.insert(main_.initializers.end(), std::make_move_iterator(new_.begin()),
                              std::make_move_iterator(new_.end()));
    return std::move(lifted_);
  }

 private:
  void LiftFrom(onnx::Graph& graph, bool is_main) {
    std::vector<onnx::Initializer> found = std::exchange(graph.initializers, {});
    std::vector<onnx::Node> nodes;
    nodes.reserve(graph.nodes.size());
    for (onnx::Node& node : graph.nodes) {
      auto tensor = node.outputs.size() == 1 ? onnx::ConstantOf(node) : std::nullopt;
      if (tensor) {
        found.push_back({node.outputs[0], tensor->dtype(), tensor->shape(), *tensor});
        ++lifted_.constants;
      } else {
        nodes.push_back(std::move(node));
      }
    }
    graph.nodes = std::move(nodes);
    Renames renames;
    std::vector<onnx::Node> identities;
    for (onnx::Initializer& initializer : found) {
      const std::string old = initializer.name;
      const bool is_output = std::ranges::find(graph.outputs, old, &onnx::ValueInfo::name) != graph.outputs.end();
      if (is_output || (!is_main && definitions_[old] > 1)) {
        initializer.name = names_.Make(old);
        lifted_.origins[initializer.name] = old;
        renames[old] = initializer.name;
      }
      if (is_output) identities.push_back({"Identity", "", "", {initializer.name}, {old}, {}});
      lifted_.brought_out += is_main ? 0 : 1;
      (is_main ? graph.initializers : new_).push_back(std::move(initializer));
    }
    RenameUses(graph, renames);  // weights are read themselves, not through the Identity
    graph.nodes.insert(graph.nodes.begin(), std::make_move_iterator(identities.begin()),
                       std::make_move_iterator(identities.end()));
    for (onnx::Node& node : graph.nodes) {
      static_cast<void>(EditSubgraphs(node, [&](onnx::Graph& subgraph) -> Status {
        LiftFrom(subgraph, false);
        return {};
      }));
    }
  }

  onnx::Graph& main_;
  Definitions definitions_;
  FreshNames names_;
  std::vector<onnx::Initializer> new_;
  Lifted lifted_;
};

}  // namespace

Lifted LiftWeights(onnx::Graph& graph) { return Lifter(graph).Run(); }

}  // namespace vlaq::importing
