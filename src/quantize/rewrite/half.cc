#include "quantize/rewrite/half.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "onnx/dtype_codes.h"
#include "onnx/graph_index.h"
#include "tensor/convert.h"

namespace vlaq::rewrite {
namespace {

// What masks use instead of minus infinity: exp(-10000) is 0 in float16, and sums with it stay finite.
constexpr float kMaskInHalf = -10000.0F;

// Operators whose types ONNX fixes, or that belong to the integer kernels.
const std::set<std::string_view>& AlwaysFloat() {
  static const std::set<std::string_view> names{"Cast",          "QuantizeLinear",        "DequantizeLinear",
                                                "MatMulInteger", "DynamicQuantizeLinear", "DynamicQuantizeLSTM",
                                                "MatMulNBits",   "DynamicQuantizeMatMul"};
  return names;
}

class Converter {
 public:
  Converter(onnx::Model& model, NewWeights& weights, const Sources& sources, const HalfOptions& options)
      : model_(model), weights_(weights), sources_(sources), options_(options), index_(model.graph) {}

  Result<HalfReport> Run() {
    for (const onnx::Node& node : model_.graph.nodes) VLAQ_RETURN_IF_ERROR(Take(node));
    for (const onnx::ValueInfo& output : model_.graph.outputs) FloatOutput(output.name);
    Finish();
    return std::move(report_);
  }

 private:
  bool IsFloatValue(const std::string& value) const { return index_.Type(value) == DType::kF32; }

  // An integer kernel, then.
  bool ReadsDequantized(const onnx::Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
      const onnx::Node* maker = index_.Producer(input);
      return maker != nullptr && maker->op_type == "DequantizeLinear";
    });
  }

  bool TouchesFloat(const onnx::Node& node) const {
    for (const auto* list : {&node.inputs, &node.outputs}) {
      for (const std::string& value : *list) {
        if (IsFloatValue(value)) return true;
      }
    }
    return false;
  }

  // Without that it cannot be said which of its values are float.
  bool AllTypesAreKnown(const onnx::Node& node) const {
    for (const auto* list : {&node.inputs, &node.outputs}) {
      for (const std::string& value : *list) {
        if (!value.empty() && !index_.Type(value)) return false;
      }
    }
    return onnx::Captured(node).empty();
  }

  bool Wanted(const onnx::Node& node) const {
    if (!AllTypesAreKnown(node)) return false;
    if (AlwaysFloat().contains(node.op_type) || options_.keep_float.contains(node.name) || ReadsDequantized(node)) {
      return false;
    }
    return options_.everything || options_.half.contains(node.name);
  }

  // A small constant in float16; nullopt if it would overflow or vanish, which is noted.
  std::optional<Tensor> HalfConstant(const onnx::Node& node, const Tensor& constant) {
    Tensor wide = Tensor::Make(DType::kF32, constant.shape());
    const auto from = constant.data<float>();
    const auto to = wide.mutable_data<float>();
    for (size_t i = 0; i < from.size(); ++i) {
      to[i] = from[i];
      if (node.op_type == "Where" && from[i] < -65504) to[i] = kMaskInHalf;
      const float back = HalfToFloat(FloatToHalf(to[i]));
      if (std::isfinite(back) == std::isfinite(to[i]) && (back == 0) == (to[i] == 0)) continue;
      report_.notes.push_back(
          fmt::format("node '{}' stays float32: its constant {} is {} in float16", node.name, from[i], back));
      return std::nullopt;
    }
    Tensor half = Tensor::Make(DType::kF16, constant.shape());
    Convert(DType::kF32, wide.bytes(), DType::kF16, half.mutable_bytes());
    return half;
  }

  const Tensor* InlineFloat(const std::string& value) const {
    const onnx::Initializer* found = index_.FindInitializer(value);
    return found == nullptr || found->dtype != DType::kF32 ? nullptr : std::get_if<Tensor>(&found->data);
  }

  // Whether all constants of the node have a float16 form; those that do are ready in half_constants_.
  bool ConstantsFit(const onnx::Node& node) {
    for (const std::string& input : node.inputs) {
      const Tensor* constant = InlineFloat(input);
      if (constant == nullptr) continue;
      const auto half = HalfConstant(node, *constant);
      if (!half) return false;
      half_constants_.insert_or_assign(input + "/float16", *half);
    }
    return true;
  }

  // Makes outputs of the graph from float32 values alone: in float16 it would be two Casts, and rounding, for nothing.
  // (ONNX Runtime 1.32 dies of such Casts around an Add behind a float32 MatMul.)
  bool EndsInFloat(const onnx::Node& node) const {
    if (options_.half.contains(node.name)) return false;
    bool made = false;
    for (const std::string& input : node.inputs) {
      if (!IsFloatValue(input) || index_.IsInitializer(input)) continue;
      if (IsMadeInHalf(input) || index_.IsInput(input)) return false;
      made = true;
    }
    const auto ends = [&](const std::string& output) { return output.empty() || KeepsType(output); };
    return made && std::all_of(node.outputs.begin(), node.outputs.end(), ends);
  }

  Status Take(const onnx::Node& original) {
    for (const std::string& value : onnx::Captured(original)) {
      if (IsFloatValue(value)) AsFloat(value);  // subgraphs read it under its own name
    }
    if (!TouchesFloat(original)) {
      nodes_.push_back(original);
      return {};
    }
    const bool half = Wanted(original) && !EndsInFloat(original) && ConstantsFit(original);
    onnx::Node node = original;
    for (std::string& input : node.inputs) {
      if (input.empty() || !IsFloatValue(input)) continue;
      if (half) {
        VLAQ_ASSIGN_OR_RETURN(input, AsHalf(input));
      } else {
        input = AsFloat(input);
      }
    }
    nodes_.push_back(std::move(node));
    ++(half ? report_.half_nodes : report_.float_nodes);
    if (half) MarkHalf(nodes_.back());
    return {};
  }

  // Its float results are float16 from here on; what must keep its type keeps its name for the Cast.
  void MarkHalf(onnx::Node& node) {
    for (std::string& output : node.outputs) {
      if (output.empty() || !IsFloatValue(output)) continue;
      half_.emplace(output, output);
      if (!KeepsType(output)) continue;
      half_.insert_or_assign(output, output + "/float16");
      output += "/float16";
    }
  }

  // Outputs of the graph, and what subgraphs read.
  bool KeepsType(const std::string& name) const { return index_.IsOutput(name) || index_.IsCaptured(name); }

  Result<std::string> AsHalf(const std::string& value) {
    if (const auto known = half_.find(value); known != half_.end()) return known->second;
    std::string half = value + "/float16";
    const onnx::Initializer* initializer = index_.FindInitializer(value);
    if (initializer != nullptr && initializer->is_external()) {
      const auto origin = weights_.OriginOf(value);
      if (!origin) return InternalError(value, "is not a weight of the new bundle");
      VLAQ_ASSIGN_OR_RETURN(half, weights_.Place(*sources_.at(origin->job->source), Part::kHalf));
      if (!index_.IsInitializer(half)) {
        added_.try_emplace(half, onnx::Initializer{half, DType::kF16, initializer->shape, onnx::ExternalData{}});
      }
    } else if (initializer != nullptr) {
      const Tensor& tensor = half_constants_.at(half);
      added_.try_emplace(half, onnx::Initializer{half, DType::kF16, tensor.shape(), tensor});
    } else {
      AddCast(value, half, DType::kF16);
    }
    half_.emplace(value, half);
    return half;
  }

  std::string AsFloat(const std::string& value) {
    if (!IsMadeInHalf(value)) return value;
    std::string wide = KeepsType(value) ? value : value + "/float32";
    if (float_.insert(value).second) AddCast(half_.at(value), wide, DType::kF32);
    return wide;
  }

  // Float values that a half node made (the others have their float form under their own name).
  bool IsMadeInHalf(const std::string& value) const {
    const auto half = half_.find(value);
    return half != half_.end() && (half->second == value || KeepsType(value));
  }

  void FloatOutput(const std::string& name) {
    if (IsFloatValue(name) && IsMadeInHalf(name)) AsFloat(name);
  }

  void AddCast(const std::string& from, const std::string& to, DType dtype) {
    onnx::Node cast;
    cast.op_type = "Cast";
    // The graph may have a node "<output>/Cast" of its own.
    cast.name = (KeepsType(to) ? to + "/float32" : to) + "/Cast";
    cast.inputs = {from};
    cast.outputs = {to};
    cast.attributes = {{"to", static_cast<int64_t>(onnx::CodeOfDType(dtype).value_or(1))}};
    nodes_.push_back(std::move(cast));
  }

  void Finish() {
    for (onnx::ValueInfo& value : model_.graph.values) {
      if (value.dtype == DType::kF32 && IsMadeInHalf(value.name)) value.dtype = DType::kF16;
    }
    std::set<std::string, std::less<>> used;
    for (const onnx::Node& node : nodes_) {
      used.insert(node.inputs.begin(), node.inputs.end());
      used.merge(onnx::Captured(node));
    }
    // From here on the index speaks of what is no more.
    model_.graph.nodes = std::move(nodes_);
    auto& initializers = model_.graph.initializers;
    for (auto& [name, initializer] : added_) initializers.push_back(std::move(initializer));
    std::erase_if(initializers, [&](const onnx::Initializer& initializer) { return !used.contains(initializer.name); });
  }

  onnx::Model& model_;
  NewWeights& weights_;
  const Sources& sources_;
  const HalfOptions& options_;
  onnx::GraphIndex index_;  // of the model as it was given
  std::map<std::string, onnx::Initializer> added_;
  std::map<std::string, Tensor> half_constants_;
  std::map<std::string, std::string> half_;  // float value of the source -> its float16 form
  std::set<std::string> float_;              // half values that were widened already
  std::vector<onnx::Node> nodes_;
  HalfReport report_;
};

}  // namespace

Result<HalfReport> ConvertToHalf(onnx::Model& model, NewWeights& weights, const Sources& sources,
                                 const HalfOptions& options) {
  return Converter(model, weights, sources, options).Run();
}

}  // namespace vlaq::rewrite
