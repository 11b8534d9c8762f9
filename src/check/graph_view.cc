#include "check/graph_view.h"

#include <fmt/format.h>

#include <cstring>

namespace vlaq::check {
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

GraphView::GraphView(const onnx::Model& model, const onnx::Graph& graph, const Version& version,
                     onnx::WeightFiles& files, const GraphView* outer)
    : model_(model), version_(version), files_(files), outer_(outer), index_(model, graph) {}

int64_t GraphView::opset() const {
  const auto found = model_.opsets.find("");
  return found == model_.opsets.end() ? 1 : found->second;
}

const onnx::ValueInfo* GraphView::ModelInput(std::string_view value) const {
  const bool is_input = outer_ == nullptr && index_.IsInput(value) && !index_.IsInitializer(value);
  return is_input ? index_.Declared(value) : nullptr;
}

bool GraphView::IsOuter(std::string_view value) const {
  return outer_ != nullptr && !index_.Has(value) && index_.Declared(value) == nullptr;
}

bool GraphView::IsConstant(std::string_view value) const {
  return IsOuter(value) ? outer_->IsConstant(value) : index_.IsConstant(value);
}

std::optional<Tensor> GraphView::Value(std::string_view value) const {
  if (const onnx::Initializer* initializer = index_.FindInitializer(value)) {
    auto tensor = files_.Load(*initializer);
    if (tensor.ok()) return *std::move(tensor);
    if (error_.ok()) error_ = tensor.error();
    return std::nullopt;
  }
  if (const onnx::Node* node = Producer(value)) return onnx::ConstantOf(*node);
  return IsOuter(value) ? outer_->Value(value) : std::nullopt;
}

std::optional<std::vector<int64_t>> GraphView::Integers(std::string_view value) const {
  const auto tensor = Value(value);
  if (!tensor) return std::nullopt;
  if (tensor->dtype() == DType::kI64) return Widened<int64_t>(*tensor);
  if (tensor->dtype() == DType::kI32) return Widened<int32_t>(*tensor);
  return std::nullopt;
}

std::optional<DType> GraphView::Type(std::string_view value) const {
  return IsOuter(value) ? outer_->Type(value) : index_.Type(value);
}

std::optional<Shape> GraphView::ShapeOf(std::string_view value) const {
  return IsOuter(value) ? outer_->ShapeOf(value) : index_.ShapeOf(value);
}

bool Given(const onnx::Node& node, size_t input) { return input < node.inputs.size() && !node.inputs[input].empty(); }

const std::string& InputName(const onnx::Node& node, size_t input) {
  static const std::string absent;
  return Given(node, input) ? node.inputs[input] : absent;
}

std::string Described(const Tensor& tensor) {
  return fmt::format("{} {}", DTypeName(tensor.dtype()), ShapeText(tensor.shape()));
}

}  // namespace vlaq::check
