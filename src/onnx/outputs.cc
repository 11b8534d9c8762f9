#include "onnx/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "onnx/types.h"

namespace vlaq::onnx {
namespace {

template <typename Range>
auto FindNamed(Range& range, const std::string& name) {
  return std::find_if(range.begin(), range.end(), [&](const auto& item) { return item.name == name; });
}

std::set<std::string> MadeByNodes(const Graph& graph) {
  std::set<std::string> made;
  for (const Node& node : graph.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  made.erase("");
  return made;
}

}  // namespace

Status AddOutputs(Model& model, const std::vector<std::string>& names) {
  Graph& graph = model.graph;
  const auto made = MadeByNodes(graph);
  const auto inferred = InferTypes(graph);
  const ValueTypes types = inferred.ok() ? *inferred : ValueTypes{};
  for (const std::string& name : names) {
    if (made.count(name) == 0) return UsageError(fmt::format("no node of the model makes a value '{}'", name));
    if (FindNamed(graph.outputs, name) != graph.outputs.end()) continue;
    const auto declared = FindNamed(graph.values, name);
    if (declared != graph.values.end()) {
      graph.outputs.push_back(*declared);
    } else {
      const auto type = types.find(name);
      const DType dtype = type == types.end() ? DType::kF32 : type->second;
      graph.outputs.push_back({name, dtype, /*has_shape=*/false, {}, ""});
    }
  }
  return {};
}

Status RenameOutput(Model& model, const std::string& from, const std::string& to) {
  Graph& graph = model.graph;
  const auto output = FindNamed(graph.outputs, from);
  if (output == graph.outputs.end()) return UsageError(fmt::format("the model has no output '{}'", from));
  const bool taken = MadeByNodes(graph).count(to) > 0 || FindNamed(graph.inputs, to) != graph.inputs.end() ||
                     graph.FindInitializer(to) != nullptr;
  if (taken) return UsageError(fmt::format("the model already has a value '{}'", to));
  output->name = to;
  for (Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    std::replace(node.outputs.begin(), node.outputs.end(), from, to);
  }
  return {};
}

}  // namespace vlaq::onnx
