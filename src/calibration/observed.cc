#include "calibration/observed.h"

#include <algorithm>
#include <array>
#include <set>

#include "onnx/reachability.h"
#include "onnx/types.h"

namespace vlaq::calibration {
namespace {

// Operators with weights, and whether the last axis of what they read is the one that weights multiply.
struct WeightedOperator {
  std::string_view op_type;
  Detail detail;
};
constexpr std::array kWeighted{
    WeightedOperator{"MatMul", Detail::kChannels},         WeightedOperator{"Gemm", Detail::kChannels},
    WeightedOperator{"LSTM", Detail::kChannels},           WeightedOperator{"Conv", Detail::kHistogram},
    WeightedOperator{"ConvTranspose", Detail::kHistogram},
};
constexpr std::array<std::string_view, 2> kWatched{"LayerNormalization", "Softmax"};
// An instruction that is part of the graph.
constexpr std::string_view kBakedIds = "prompt/input_ids", kBakedMask = "prompt/attention_mask";

class Finder {
 public:
  Finder(const onnx::Graph& graph, const std::set<std::string>& text_inputs, onnx::ValueTypes types)
      : graph_(graph), text_inputs_(text_inputs), types_(std::move(types)) {
    for (const onnx::Initializer& initializer : graph.initializers) initializers_.insert(initializer.name);
    for (const onnx::ValueInfo& input : graph.inputs) inputs_.insert(input.name);
  }

  std::vector<ObservedValue> Run() {
    for (const onnx::Node& node : graph_.nodes) Look(node);
    return std::move(found_);
  }

 private:
  bool IsWeight(const std::string& name) const { return initializers_.contains(name); }

  void Look(const onnx::Node& node) {
    if (!node.domain.empty()) return;
    for (const WeightedOperator& weighted : kWeighted) {
      if (node.op_type != weighted.op_type || node.inputs.size() < 2) continue;
      const bool first = IsWeight(node.inputs[0]);
      if (first == IsWeight(node.inputs[1])) continue;  // none, or nothing but constants
      // The channels of a weight that stands on the left are not the last axis of what stands on the right.
      Add(node.inputs[first ? 1 : 0], first ? Detail::kHistogram : weighted.detail);
    }
    const bool residual = node.op_type == "Add" && !IsWeight(node.inputs[0]) && !IsWeight(node.inputs[1]);
    if (residual || std::find(kWatched.begin(), kWatched.end(), node.op_type) != kWatched.end()) {
      Add(node.outputs[0], Detail::kRange);
    }
  }

  void Add(const std::string& name, Detail detail) {
    const auto type = types_.find(name);
    if (type == types_.end() || type->second != DType::kF32) return;
    const auto known =
        std::find_if(found_.begin(), found_.end(), [&](const auto& value) { return value.name == name; });
    if (known != found_.end()) {
      known->detail = std::max(known->detail, detail);
      return;
    }
    const std::array names{name};
    const onnx::Reachability from = onnx::ReachableFrom(graph_, names);
    const bool text = std::any_of(text_inputs_.begin(), text_inputs_.end(),
                                  [&](const auto& input) { return from.inputs.contains(input); });
    const bool baked =
        from.initializers.contains(std::string(kBakedIds)) || from.initializers.contains(std::string(kBakedMask));
    found_.push_back({name, detail, inputs_.contains(name), text || baked});
  }

  const onnx::Graph& graph_;
  const std::set<std::string>& text_inputs_;
  onnx::ValueTypes types_;
  std::set<std::string> initializers_, inputs_;
  std::vector<ObservedValue> found_;
};

}  // namespace

Result<std::vector<ObservedValue>> ObservedValues(const onnx::Graph& graph, const std::set<std::string>& text_inputs) {
  return Finder(graph, text_inputs, onnx::KnownTypes(graph)).Run();
}

std::vector<int64_t> BakedMask(const onnx::Graph& graph) {
  const onnx::Initializer* mask = graph.FindInitializer(std::string(kBakedMask));
  if (mask == nullptr || mask->is_external() || mask->dtype != DType::kI64) return {};
  const auto numbers = std::get<Tensor>(mask->data).data<int64_t>();
  return {numbers.begin(), numbers.end()};
}

}  // namespace vlaq::calibration
