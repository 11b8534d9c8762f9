#include "quantize/calibrate/observed.h"

#include <algorithm>
#include <array>

#include "onnx/graph_index.h"
#include "onnx/operator_catalog.h"
#include "onnx/reachability.h"

namespace vlaq::calibrate {
namespace {

constexpr std::array<std::string_view, 2> kWatched{"LayerNormalization", "Softmax"};
// An instruction that is part of the graph.
constexpr std::string_view kBakedIds = "prompt/input_ids", kBakedMask = "prompt/attention_mask";

class Finder {
 public:
  Finder(const onnx::Graph& graph, const std::set<std::string>& text_inputs)
      : index_(graph), text_inputs_(text_inputs) {}

  std::vector<ObservedValue> Run() {
    for (const onnx::Node& node : index_.graph().nodes) Look(node);
    return std::move(found_);
  }

 private:
  void Look(const onnx::Node& node) {
    if (!node.domain.empty()) return;
    const auto weighted = onnx::FindWeighted(node, index_);
    if (weighted && weighted->activation() != nullptr && !index_.IsConstant(*weighted->activation())) {
      Add(*weighted->activation(), weighted->row.sums_last_axis ? Detail::kChannels : Detail::kHistogram);
    }
    const bool residual =
        node.op_type == "Add" && !index_.IsInitializer(node.inputs[0]) && !index_.IsInitializer(node.inputs[1]);
    if (residual || std::find(kWatched.begin(), kWatched.end(), node.op_type) != kWatched.end()) {
      Add(node.outputs[0], Detail::kRange);
    }
  }

  void Add(const std::string& name, Detail detail) {
    if (index_.Type(name) != DType::kF32) return;
    const auto known =
        std::find_if(found_.begin(), found_.end(), [&](const auto& value) { return value.name == name; });
    if (known != found_.end()) {
      known->detail = std::max(known->detail, detail);
      return;
    }
    const std::array names{name};
    const onnx::Reachability from = onnx::ReachableFrom(index_, names);
    const bool text = std::any_of(text_inputs_.begin(), text_inputs_.end(),
                                  [&](const auto& input) { return from.inputs.contains(input); });
    const bool baked =
        from.initializers.contains(std::string(kBakedIds)) || from.initializers.contains(std::string(kBakedMask));
    found_.push_back({name, detail, index_.IsInput(name), text || baked});
  }

  const onnx::GraphIndex index_;
  const std::set<std::string>& text_inputs_;
  std::vector<ObservedValue> found_;
};

}  // namespace

Result<std::vector<ObservedValue>> ObservedValues(const onnx::Graph& graph, const std::set<std::string>& text_inputs) {
  return Finder(graph, text_inputs).Run();
}

std::vector<int64_t> BakedMask(const onnx::Graph& graph) {
  const onnx::Initializer* mask = graph.FindInitializer(std::string(kBakedMask));
  if (mask == nullptr || mask->is_external() || mask->dtype != DType::kI64) return {};
  const auto numbers = std::get<Tensor>(mask->data).data<int64_t>();
  return {numbers.begin(), numbers.end()};
}

}  // namespace vlaq::calibrate
