#include "bench/operator_times.h"

#include <algorithm>
#include <map>
#include <set>

#include "onnx/cost.h"
#include "onnx/reachability.h"

namespace vlaq::bench {

std::vector<OperatorWork> WorkByOperator(const std::vector<backend::ExecutedNode>& nodes, int runs) {
  std::map<std::pair<std::string, std::string>, OperatorWork> by_kind;
  for (const backend::ExecutedNode& node : nodes) {
    const auto cost = onnx::CostOf(node.op_type, node.inputs, node.outputs);
    std::string precision = cost ? std::string(onnx::ArithmeticName(cost->arithmetic)) : "";
    OperatorWork& work = by_kind[{node.op_type, precision}];
    work.op_type = node.op_type;
    work.precision = std::move(precision);
    work.calls += 1.0 / runs;
    work.ns += 1e3 * node.microseconds / runs;
    work.macs += cost && cost->macs ? static_cast<double>(*cost->macs) / runs : 0;
  }
  std::vector<OperatorWork> all;
  for (auto& [kind, work] : by_kind) all.push_back(std::move(work));
  std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.ns > b.ns; });
  return all;
}

int64_t ReachedParameters(const onnx::Graph& graph) {
  const onnx::Reachability reached = onnx::ReachableFromOutputs(graph);
  const auto packed = onnx::PackedWeights(graph);
  int64_t parameters = 0;
  for (const onnx::Initializer& initializer : graph.initializers) {
    if (!reached.initializers.contains(initializer.name)) continue;
    const auto found = packed.find(initializer.name);
    parameters += found != packed.end() ? found->second : ElementCount(initializer.shape).value_or(0);
  }
  return parameters;
}

}  // namespace vlaq::bench
