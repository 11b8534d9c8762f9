#include "onnx/graph.h"

#include <algorithm>

namespace vlaq::onnx {
namespace {

template <typename T>
const T* FindAttribute(const Node& node, std::string_view name) {
  const auto it = node.attributes.find(std::string(name));
  return it == node.attributes.end() ? nullptr : std::get_if<T>(&it->second);
}

template <typename T>
T AttributeOr(const Node& node, std::string_view name, T otherwise) {
  const T* value = FindAttribute<T>(node, name);
  return value != nullptr ? *value : otherwise;
}

}  // namespace

std::string DimsText(const std::vector<Dim>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += dims[i].value >= 0 ? std::to_string(dims[i].value) : dims[i].name.empty() ? "?" : dims[i].name;
  }
  return text + "]";
}

int64_t Node::Int(std::string_view attribute, int64_t otherwise) const {
  return AttributeOr(*this, attribute, otherwise);
}
float Node::Float(std::string_view attribute, float otherwise) const {
  return AttributeOr(*this, attribute, otherwise);
}
std::string Node::String(std::string_view attribute, std::string_view otherwise) const {
  return AttributeOr(*this, attribute, std::string(otherwise));
}
std::vector<int64_t> Node::Ints(std::string_view attribute) const {
  return AttributeOr(*this, attribute, std::vector<int64_t>{});
}
const Tensor* Node::TensorAttribute(std::string_view attribute) const {
  return FindAttribute<Tensor>(*this, attribute);
}

std::optional<Tensor> ConstantOf(const Node& node) {
  if (node.op_type != "Constant" || !node.domain.empty()) return std::nullopt;
  const auto list = [](const auto& values) {
    return Tensor::From<typename std::decay_t<decltype(values)>::value_type>({static_cast<int64_t>(values.size())},
                                                                             values);
  };
  if (const Tensor* tensor = node.TensorAttribute("value")) return *tensor;
  if (const auto* number = FindAttribute<int64_t>(node, "value_int")) return Tensor::Scalar(*number);
  if (const auto* number = FindAttribute<float>(node, "value_float")) return Tensor::Scalar(*number);
  if (const auto* numbers = FindAttribute<std::vector<int64_t>>(node, "value_ints")) return list(*numbers);
  if (const auto* numbers = FindAttribute<std::vector<float>>(node, "value_floats")) return list(*numbers);
  return std::nullopt;
}

const Initializer* Graph::FindInitializer(std::string_view wanted) const {
  const auto it =
      std::find_if(initializers.begin(), initializers.end(), [&](const auto& i) { return i.name == wanted; });
  return it == initializers.end() ? nullptr : &*it;
}

}  // namespace vlaq::onnx
