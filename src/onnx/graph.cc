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

int64_t Node::Int(std::string_view name, int64_t otherwise) const { return AttributeOr(*this, name, otherwise); }
float Node::Float(std::string_view name, float otherwise) const { return AttributeOr(*this, name, otherwise); }
std::string Node::String(std::string_view name, std::string_view otherwise) const {
  return AttributeOr(*this, name, std::string(otherwise));
}
std::vector<int64_t> Node::Ints(std::string_view name) const {
  return AttributeOr(*this, name, std::vector<int64_t>{});
}
const Tensor* Node::TensorAttribute(std::string_view name) const { return FindAttribute<Tensor>(*this, name); }

const Initializer* Graph::FindInitializer(std::string_view name) const {
  const auto it = std::find_if(initializers.begin(), initializers.end(), [&](const auto& i) { return i.name == name; });
  return it == initializers.end() ? nullptr : &*it;
}

}  // namespace vlaq::onnx
