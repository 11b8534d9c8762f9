#include "cost/extents.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/text_encoder.h"

namespace vlaq::cost {
namespace {

policy::Policy WithWindow(policy::Policy policy, std::optional<int64_t> window) {
  if (window) policy::SetWindows(*window, policy);
  return policy;
}

}  // namespace

PolicyExtents::PolicyExtents(const bundle::Bundle& bundle, std::optional<int64_t> window)
    : shapes_(WithWindow(bundle.policy, window)) {
  const auto text = runtime::OpenTextEncoder(bundle, {});
  if (!text.ok() || *text == nullptr) return;  // what nobody can encode has no length
  for (const auto& [name, value] : (*text)->Exported().values) {
    Shape shape = value.shape();
    if (!shape.empty() && !tokens_) tokens_ = shape.back();
    shape.insert(shape.begin(), 1);
    shapes_.Tell(name, std::move(shape));
  }
}

void PolicyExtents::Learn(std::string_view graph, const onnx::ValueShapes& shapes) {
  shapes_.Learn(graph, [&shapes](const std::string& output) {
    const auto found = shapes.find(output);
    return found == shapes.end() ? nullptr : &found->second.shape;
  });
}

onnx::Extents PolicyExtents::Of(std::string_view graph) const {
  onnx::Extents extents{{"batch", 1}};
  const auto found = shapes_.policy().graphs.find(graph);
  if (found == shapes_.policy().graphs.end()) return extents;
  for (const auto& [input, value] : found->second.inputs) {
    const Shape* shape = shapes_.Find(value);
    if (shape == nullptr) continue;
    for (size_t i = 0; i < shape->size(); ++i) {
      if ((*shape)[i] >= 0) extents[fmt::format("{}:{}", input, i)] = (*shape)[i];
    }
  }
  return extents;
}

}  // namespace vlaq::cost
