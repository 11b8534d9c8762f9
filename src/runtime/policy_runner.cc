#include "runtime/policy_runner.h"

#include <fmt/format.h>

#include "tensor/non_finite.h"

namespace vlaq::runtime {
namespace {

using backend::Backend;
using backend::NamedTensors;
using backend::OpenedModel;
using backend::OpenOptions;
using bundle::Bundle;

// The newest `capacity` tensors. A window is short, so moving its rest up by one costs nothing.
class Window {
 public:
  explicit Window(int64_t capacity) : capacity_(static_cast<size_t>(capacity)) {}
  void Push(Tensor tensor) {
    if (parts_.size() == capacity_) parts_.erase(parts_.begin());
    parts_.push_back(std::move(tensor));
  }
  void Clear() { parts_.clear(); }
  Tensor Batch() const { return AsWindow(parts_); }

 private:
  size_t capacity_;
  std::vector<Tensor> parts_;
};

// Frames are kept side by side, so one of another size must not get in.
Status CheckPixels(const Tensor& pixel_values, int64_t size) {
  if (pixel_values.dtype() == DType::kF32 && pixel_values.shape() == Shape{3, size, size}) return {};
  return UsageError(fmt::format("pixel_values are {} {}, not float32 [3, {}, {}]", DTypeName(pixel_values.dtype()),
                                ShapeText(pixel_values.shape()), size, size));
}

// A robot must not get such an action. ONNX Runtime's LSTM and clamps swallow NaN, so that of a feature with NaN the
// actions would be finite, plausible and blind.
Status CheckFinite(const Tensor& values, std::string what) {
  const NonFinite found = FindNonFinite(values.dtype(), values.bytes());
  if (!found.any()) return {};
  return Error{ErrorCode::kBackend, "is not finite: " + found.Describe(*ElementCount(values.shape())), std::move(what),
               "`vlaq inspect --hash` says whether weights of the bundle are not finite; else the model overflows"};
}

Result<Tensor> FiniteAction(Result<Tensor> action) {
  if (action.ok()) VLAQ_RETURN_IF_ERROR(CheckFinite(*action, "the action"));
  return action;
}

class StreamingRunner : public PolicyRunner {
 public:
  StreamingRunner(Encoder encoder, Actor head, prompt::Prompt prompt, const kosmos2_lstm::PolicySpec& spec)
      : encoder_(std::move(encoder)),
        head_(std::move(head)),
        prompt_(std::move(prompt)),
        image_size_(spec.preprocess.image_size),
        features_(spec.window) {}

  Result<Tensor> Step(const Tensor& pixel_values) override {
    VLAQ_RETURN_IF_ERROR(CheckPixels(pixel_values, image_size_));
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors encoded, encoder_.Encode(AsBatch(pixel_values), prompt_));
    VLAQ_ASSIGN_OR_RETURN(Tensor feature, TakeOnly(encoded, "feature"));
    VLAQ_RETURN_IF_ERROR(CheckFinite(feature, "the encoder's feature"));
    features_.Push(std::move(feature));
    return FiniteAction(head_.Act(features_.Batch()));
  }
  void Reset() override { features_.Clear(); }
  Status SetPrompt(prompt::Prompt prompt) override {
    if (!encoder_.reads_prompt()) {
      return UsageError("the encoder's prompt is baked in", "export again without --bake-prompt, or with this prompt");
    }
    prompt_ = std::move(prompt);
    Reset();
    return {};
  }
  std::string Description() const override { return "streaming (encoder + head): " + encoder_.Description(); }

 private:
  Encoder encoder_;
  Actor head_;
  prompt::Prompt prompt_;
  int64_t image_size_;
  Window features_;
};

class WholeRunner : public PolicyRunner {
 public:
  WholeRunner(Actor whole, const kosmos2_lstm::PolicySpec& spec)
      : whole_(std::move(whole)), image_size_(spec.preprocess.image_size), pixels_(spec.window) {}

  Result<Tensor> Step(const Tensor& pixel_values) override {
    VLAQ_RETURN_IF_ERROR(CheckPixels(pixel_values, image_size_));
    pixels_.Push(pixel_values);
    return FiniteAction(whole_.Act(pixels_.Batch()));
  }
  void Reset() override { pixels_.Clear(); }
  Status SetPrompt(prompt::Prompt /*prompt*/) override {
    return UsageError("the whole-policy graph has its prompt baked in",
                      "run encoder and head, or export with this prompt");
  }
  std::string Description() const override { return "whole-policy graph: " + whole_.Description(); }

 private:
  Actor whole_;
  int64_t image_size_;
  Window pixels_;
};

// The prompt's ids or mask [1, n], repeated for `batch` frames.
Tensor ForBatch(const std::vector<int64_t>& values, int64_t batch) {
  const std::vector<Tensor> rows(static_cast<size_t>(batch),
                                 Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values));
  return Stack(rows);
}

}  // namespace

Tensor Stack(std::span<const Tensor> parts) {
  Shape shape = parts.front().shape();
  shape.insert(shape.begin(), static_cast<int64_t>(parts.size()));
  Tensor out = Tensor::Make(parts.front().dtype(), std::move(shape));
  MutableBytes rest = out.mutable_bytes();
  for (const Tensor& part : parts) {
    std::copy(part.bytes().begin(), part.bytes().end(), rest.begin());
    rest = rest.subspan(part.bytes().size());
  }
  return out;
}

Tensor AsBatch(const Tensor& tensor) {
  Shape shape = tensor.shape();
  shape.insert(shape.begin(), 1);
  return tensor.Reshaped(std::move(shape));
}

Tensor AsWindow(std::span<const Tensor> parts) { return AsBatch(Stack(parts)); }

Result<Tensor> TakeOnly(const NamedTensors& outputs, const std::string& name) {
  const auto it = outputs.find(name);
  if (it == outputs.end())
    return InputError(fmt::format("output '{}'", name), "is missing: this is not a policy graph");
  const Shape& shape = it->second.shape();
  if (shape.empty() || shape[0] != 1) {
    return InputError(fmt::format("output '{}'", name),
                      fmt::format("has the shape {} for a batch of 1", ShapeText(shape)));
  }
  return it->second.Reshaped(Shape(shape.begin() + 1, shape.end()));
}

Result<Encoder> Encoder::Open(const Bundle& bundle, const Backend& backend, const OpenOptions& options,
                              const std::vector<std::string>& extra) {
  VLAQ_ASSIGN_OR_RETURN(std::unique_ptr<OpenedModel> model,
                        OpenGraph(bundle, bundle::kEncoder, backend, options, extra));
  return Encoder(std::move(model));
}

Result<NamedTensors> Encoder::Encode(const Tensor& pixel_values, const prompt::Prompt& prompt) const {
  NamedTensors inputs{{"pixel_values", pixel_values}};
  if (reads_prompt()) {
    inputs.emplace("input_ids", ForBatch(prompt.ids, pixel_values.shape()[0]));
    inputs.emplace("attention_mask", ForBatch(prompt.mask, pixel_values.shape()[0]));
  }
  return model_->Run(inputs);
}

Result<Actor> Actor::OpenHead(const Bundle& bundle, const Backend& backend, const OpenOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(std::unique_ptr<OpenedModel> model, OpenGraph(bundle, bundle::kHead, backend, options));
  return Actor(std::move(model), "features", {bundle.spec.chunk, bundle.spec.action_dim});
}

Result<Actor> Actor::OpenWhole(const Bundle& bundle, const Backend& backend, const OpenOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(std::unique_ptr<OpenedModel> model, OpenGraph(bundle, bundle::kWhole, backend, options));
  return Actor(std::move(model), "pixel_values", {bundle.spec.chunk, bundle.spec.action_dim});
}

Result<Tensor> Actor::Act(const Tensor& window) const {
  VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, model_->Run({{input_, window}}));
  VLAQ_ASSIGN_OR_RETURN(Tensor actions, TakeOnly(outputs, "actions"));
  if (actions.dtype() != DType::kF32 || actions.shape() != action_) {
    return InputError("output 'actions'", fmt::format("is {} {} instead of float32 {}", DTypeName(actions.dtype()),
                                                      ShapeText(actions.shape()), ShapeText(action_)));
  }
  return actions;
}

Result<std::unique_ptr<PolicyRunner>> OpenStreaming(const Bundle& bundle, const Backend& backend,
                                                    const OpenOptions& options, prompt::Prompt prompt) {
  VLAQ_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Open(bundle, backend, options));
  VLAQ_ASSIGN_OR_RETURN(Actor head, Actor::OpenHead(bundle, backend, options));
  return std::unique_ptr<PolicyRunner>(
      new StreamingRunner(std::move(encoder), std::move(head), std::move(prompt), bundle.spec));
}

Result<std::unique_ptr<PolicyRunner>> OpenWhole(const Bundle& bundle, const Backend& backend,
                                                const OpenOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(Actor whole, Actor::OpenWhole(bundle, backend, options));
  return std::unique_ptr<PolicyRunner>(new WholeRunner(std::move(whole), bundle.spec));
}

}  // namespace vlaq::runtime
