#include "preflight/scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace vlaq::preflight {
namespace {

template <typename T>
std::vector<int64_t> Widened(const Tensor& tensor) {
  std::vector<int64_t> values;
  const Bytes bytes = tensor.bytes();
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);  // a file may hold it at any offset
    values.push_back(static_cast<int64_t>(value));
  }
  return values;
}

}  // namespace

Scene::Scene(const onnx::Model& model, const onnx::Graph& graph, const Version& version, onnx::WeightFiles& files,
             const Scene* outer)
    : model_(model),
      graph_(graph),
      version_(version),
      files_(files),
      outer_(outer),
      types_(onnx::KnownTypes(graph)),
      shapes_(onnx::KnownShapes(model, graph)) {
  for (const auto* infos : {&graph.inputs, &graph.outputs, &graph.values}) {
    for (const onnx::ValueInfo& info : *infos) declared_.emplace(info.name, &info);
  }
  for (const onnx::Initializer& initializer : graph.initializers) initializers_.emplace(initializer.name, &initializer);
  for (const onnx::Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) producers_.emplace(output, &node);
    for (const std::string& input : node.inputs) {
      if (!input.empty()) readers_[input].push_back(&node);
    }
  }
}

int64_t Scene::opset() const {
  const auto found = model_.opsets.find("");
  return found == model_.opsets.end() ? 1 : found->second;
}

const onnx::Node* Scene::Producer(std::string_view value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? nullptr : found->second;
}

const std::vector<const onnx::Node*>& Scene::Readers(std::string_view value) const {
  static const std::vector<const onnx::Node*> none;
  const auto found = readers_.find(value);
  return found == readers_.end() ? none : found->second;
}

const onnx::ValueInfo* Scene::ModelInput(std::string_view value) const {
  if (outer_ != nullptr) return nullptr;
  const auto found = std::find_if(graph_.inputs.begin(), graph_.inputs.end(),
                                  [&](const onnx::ValueInfo& input) { return input.name == value; });
  return found == graph_.inputs.end() || initializers_.contains(value) ? nullptr : &*found;
}

bool Scene::IsConstant(std::string_view value) const {
  if (initializers_.contains(value)) return true;
  if (const onnx::Node* node = Producer(value)) return node->op_type == "Constant" && node->domain.empty();
  return outer_ != nullptr && !declared_.contains(value) && outer_->IsConstant(value);
}

std::optional<Tensor> Scene::Value(std::string_view value) const {
  if (const auto found = initializers_.find(value); found != initializers_.end()) {
    auto tensor = files_.Load(*found->second);
    if (tensor.ok()) return *std::move(tensor);
    if (error_.ok()) error_ = tensor.error();
    return std::nullopt;
  }
  if (const onnx::Node* node = Producer(value)) return ConstantOf(*node);
  return outer_ != nullptr && !declared_.contains(value) ? outer_->Value(value) : std::nullopt;
}

std::optional<std::vector<int64_t>> Scene::Integers(std::string_view value) const {
  const auto tensor = Value(value);
  if (!tensor) return std::nullopt;
  if (tensor->dtype() == DType::kI64) return Widened<int64_t>(*tensor);
  if (tensor->dtype() == DType::kI32) return Widened<int32_t>(*tensor);
  return std::nullopt;
}

std::optional<DType> Scene::Type(std::string_view value) const {
  if (const auto found = types_.find(value); found != types_.end()) return found->second;
  if (Producer(value) != nullptr || outer_ == nullptr) return std::nullopt;
  return outer_->Type(value);
}

std::optional<Shape> Scene::ShapeOf(std::string_view value) const {
  if (const auto found = shapes_.find(value); found != shapes_.end()) return found->second;
  if (Producer(value) != nullptr || outer_ == nullptr || declared_.contains(value)) return std::nullopt;
  return outer_->ShapeOf(value);
}

bool Given(const onnx::Node& node, size_t input) { return input < node.inputs.size() && !node.inputs[input].empty(); }

const std::string& InputName(const onnx::Node& node, size_t input) {
  static const std::string absent;
  return Given(node, input) ? node.inputs[input] : absent;
}

std::optional<Tensor> ConstantOf(const onnx::Node& node) {
  if (node.op_type != "Constant" || !node.domain.empty()) return std::nullopt;
  if (const Tensor* tensor = node.TensorAttribute("value")) return *tensor;
  if (node.attributes.contains("value_int")) return Tensor::Scalar<int64_t>(node.Int("value_int", 0));
  if (node.attributes.contains("value_float")) return Tensor::Scalar<float>(node.Float("value_float", 0));
  if (node.attributes.contains("value_ints")) {
    const std::vector<int64_t> values = node.Ints("value_ints");
    return Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values);
  }
  if (const auto found = node.attributes.find("value_floats"); found != node.attributes.end()) {
    const auto* values = std::get_if<std::vector<float>>(&found->second);
    if (values != nullptr) return Tensor::From<float>({static_cast<int64_t>(values->size())}, *values);
  }
  return std::nullopt;
}

std::string Described(const Tensor& tensor) {
  return fmt::format("{} {}", DTypeName(tensor.dtype()), ShapeText(tensor.shape()));
}

}  // namespace vlaq::preflight
