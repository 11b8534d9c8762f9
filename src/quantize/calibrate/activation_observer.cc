#include "quantize/calibrate/activation_observer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"

namespace vlaq::calibrate {
namespace {

const Tensor* Find(const ObservedValue& value, const ObservedRun& run) {
  const auto& tensors = value.is_input ? run.inputs : run.outputs;
  const auto found = tensors.find(value.name);
  return found == tensors.end() ? nullptr : &found->second;
}

// 1 for a scalar.
int64_t FirstExtent(const Tensor& tensor) { return tensor.shape().empty() ? 1 : tensor.shape()[0]; }

// The parts of one item's values that do not stand for padding: rows lie along the axis before the last.
std::vector<std::span<const float>> Visible(std::span<const float> item, const Shape& shape,
                                            const std::vector<int64_t>& mask) {
  const auto rows = static_cast<int64_t>(mask.size());
  if (shape.size() < 3 || shape[shape.size() - 2] != rows) return {item};
  const auto width = static_cast<size_t>(shape.back());
  std::vector<std::span<const float>> parts;
  for (size_t at = 0; at < item.size(); at += mask.size() * width) {
    for (size_t row = 0; row < mask.size();) {
      size_t end = row;
      while (end < mask.size() && mask[end] != 0) ++end;
      if (end > row) parts.push_back(item.subspan(at + row * width, (end - row) * width));
      row = end + 1;
    }
  }
  return parts;
}

struct Work {
  const ObservedValue* value;
  const Tensor* tensor;
  Halves* halves;
  bool batched;
};

// Adds all items of one value; returns the first item that holds numbers that are none, or null.
const BatchSample* AddItems(const Work& work, const ObservedRun& run) {
  const bool padded = work.value->has_padding && std::find(run.mask.begin(), run.mask.end(), 0) != run.mask.end();
  const std::span<const float> all = work.tensor->data<float>();
  const size_t length = work.batched ? all.size() / run.items.size() : all.size();
  const Shape& shape = work.tensor->shape();
  const size_t channels = shape.empty() ? 1 : static_cast<size_t>(shape.back());
  for (size_t i = 0; i < run.items.size(); ++i) {
    RunningStats& stats = (*work.halves)[static_cast<size_t>(run.items[i].half)];
    const auto item = work.batched ? all.subspan(i * length, length) : all;
    if (padded) {
      for (const auto part : Visible(item, shape, run.mask)) stats.Add(part, work.value->detail, channels);
    } else {
      stats.Add(item, work.value->detail, channels);
    }
    if (stats.not_finite > 0) return &run.items[i];
  }
  return nullptr;
}

}  // namespace

void ActivationObserver::LearnShapes(const std::vector<ObservedValue>& values, const ObservedRun& run) {
  for (const ObservedValue& value : values) {
    if (const Tensor* tensor = Find(value, run)) first_extents_[value.name] = FirstExtent(*tensor);
  }
}

Status ActivationObserver::Add(const std::vector<ObservedValue>& values, const ObservedRun& run) {
  const auto batch = static_cast<int64_t>(run.items.size());
  std::vector<Work> works;
  for (const ObservedValue& value : values) {
    const Tensor* tensor = Find(value, run);
    if (tensor == nullptr) return InternalError(fmt::format("value '{}'", value.name), "was not given out");
    if (tensor->dtype() != DType::kF32) {
      return InputError(
          fmt::format("value '{}'", value.name),
          fmt::format("is declared float32 in the graph, and comes out as {}", DTypeName(tensor->dtype())),
          "declare the types as they are: onnx.shape_inference.infer_shapes writes them");
    }
    const auto first = first_extents_.find(value.name);
    const bool batched = batch == 1 || (first != first_extents_.end() && !tensor->shape().empty() &&
                                        FirstExtent(*tensor) == first->second * batch);
    works.push_back({&value, tensor, &stats_[value.name], batched});
  }
  std::vector<const BatchSample*> bad(works.size());
  ParallelFor(works.size(), threads_, [&](size_t i) { bad[i] = AddItems(works[i], run); });
  for (size_t i = 0; i < works.size(); ++i) {
    if (bad[i] == nullptr) continue;
    return InputError(fmt::format("value '{}'", works[i].value->name),
                      fmt::format("holds NaN or infinity at {}", bad[i]->name),
                      "ranges of such a policy mean nothing: look at its weights and at this frame");
  }
  return {};
}

}  // namespace vlaq::calibrate
