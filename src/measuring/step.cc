#include "measuring/step.h"

#include <fmt/format.h>

#include <vector>

#include "prompt/prompt.h"
#include "runtime/policy_runner.h"

namespace vlaq::measuring {
namespace {

// Frame i of [N, 3, S, S], as [3, S, S].
Tensor FrameOf(const Tensor& pixels, int64_t i) {
  const Shape& shape = pixels.shape();
  Tensor frame = Tensor::Make(DType::kF32, {shape[1], shape[2], shape[3]});
  const size_t bytes = frame.bytes().size();
  const Bytes from = pixels.bytes().subspan(static_cast<size_t>(i) * bytes, bytes);
  std::copy(from.begin(), from.end(), frame.mutable_bytes().begin());
  return frame;
}

std::vector<Tensor> FramesOf(const Tensor& pixels) {
  std::vector<Tensor> frames;
  for (int64_t i = 0; i < pixels.shape()[0]; ++i) frames.push_back(FrameOf(pixels, i));
  return frames;
}

// Numbers of the frames of the window that ends at `newest`, oldest first.
std::vector<size_t> WindowOf(int newest, int64_t window, size_t frames) {
  const auto count = static_cast<int64_t>(frames);
  std::vector<size_t> numbers;
  for (int64_t i = newest - window + 1; i <= newest; ++i) {
    numbers.push_back(static_cast<size_t>(((i % count) + count) % count));
  }
  return numbers;
}

Status CheckSide(const Tensor& pixels, int64_t side, const std::string& where) {
  if (pixels.shape()[3] == side) return {};
  return InputError(where,
                    fmt::format("takes frames of {0} x {0} pixels, and is given {1} x {1}", side, pixels.shape()[3]),
                    "benchmark policies of one image size together");
}

class StreamingStep : public Step {
 public:
  StreamingStep(runtime::Encoder encoder, runtime::Actor head, prompt::Prompt prompt, const Tensor& pixels,
                int64_t window)
      : encoder_(std::move(encoder)),
        head_(std::move(head)),
        prompt_(std::move(prompt)),
        frames_(FramesOf(pixels)),
        features_(frames_.size()),
        window_(window) {}

  Status Prepare(int newest) override {
    const std::vector<size_t> window = WindowOf(newest, window_, frames_.size());
    for (const size_t i : window) {
      // The newest frame is the step's own work. Encoded here as well, just before the clock starts, it would find its
      // weights in the cache: small policies then look three times as fast.
      if (i != window.back() && !features_[i]) VLAQ_RETURN_IF_ERROR(Encode(i));
    }
    return {};
  }

  Result<Tensor> Act(int newest) override {
    const std::vector<size_t> window = WindowOf(newest, window_, frames_.size());
    VLAQ_RETURN_IF_ERROR(Encode(window.back()));
    std::vector<Tensor> features;
    for (const size_t i : window) features.push_back(*features_[i]);
    return head_.Act(runtime::AsWindow(features));
  }

  std::string Description() const override { return encoder_.Description(); }

 private:
  Status Encode(size_t i) {
    VLAQ_ASSIGN_OR_RETURN(const auto encoded, encoder_.Encode(runtime::AsBatch(frames_[i]), prompt_));
    VLAQ_ASSIGN_OR_RETURN(features_[i], runtime::TakeOnly(encoded, "feature"));
    return {};
  }

  runtime::Encoder encoder_;
  runtime::Actor head_;
  prompt::Prompt prompt_;
  std::vector<Tensor> frames_;
  std::vector<std::optional<Tensor>> features_;  // by frame
  int64_t window_;
};

class WholeStep : public Step {
 public:
  WholeStep(std::unique_ptr<backend::OpenedModel> model, const Tensor& pixels, int64_t window, int64_t batch)
      : model_(std::move(model)), frames_(FramesOf(pixels)), window_(window), batch_(batch) {}

  Status Prepare(int /*newest*/) override { return {}; }

  Result<Tensor> Act(int newest) override {
    std::vector<Tensor> frames;
    for (const size_t i : WindowOf(newest, window_, frames_.size())) frames.push_back(frames_[i]);
    const std::vector<Tensor> windows(static_cast<size_t>(batch_), runtime::Stack(frames));
    VLAQ_ASSIGN_OR_RETURN(const auto outputs, model_->Run({{model_->inputs()[0].name, runtime::Stack(windows)}}));
    const Tensor& actions = outputs.begin()->second;
    Shape one(actions.shape().begin() + 1, actions.shape().end());
    Tensor first = Tensor::Make(DType::kF32, std::move(one));
    const Bytes from = actions.bytes().first(first.bytes().size());
    std::copy(from.begin(), from.end(), first.mutable_bytes().begin());
    return first;
  }

  std::string Description() const override { return model_->Description(); }

 private:
  std::unique_ptr<backend::OpenedModel> model_;
  std::vector<Tensor> frames_;
  int64_t window_, batch_;
};

class NullStep : public Step {
 public:
  Status Prepare(int /*newest*/) override { return {}; }
  Result<Tensor> Act(int /*newest*/) override { return nothing_; }
  std::string Description() const override { return "nothing"; }

 private:
  Tensor nothing_ = Tensor::Make(DType::kF32, {1, 1});
};

}  // namespace

Result<std::unique_ptr<Step>> OpenStreamingStep(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                const backend::OpenOptions& options, Tensor pixels) {
  VLAQ_RETURN_IF_ERROR(CheckSide(pixels, bundle.spec.preprocess.image_size, bundle.path.string()));
  VLAQ_ASSIGN_OR_RETURN(runtime::Encoder encoder, runtime::Encoder::Open(bundle, backend, options));
  VLAQ_ASSIGN_OR_RETURN(runtime::Actor head, runtime::Actor::OpenHead(bundle, backend, options));
  return std::unique_ptr<Step>(std::make_unique<StreamingStep>(std::move(encoder), std::move(head),
                                                               prompt::Baked(bundle.spec), pixels, bundle.spec.window));
}

Result<std::unique_ptr<Step>> OpenWholeStep(const backend::ModelSource& source, const backend::Backend& backend,
                                            const backend::OpenOptions& options, Tensor pixels, int64_t window,
                                            int64_t batch) {
  VLAQ_ASSIGN_OR_RETURN(auto model, backend.Open(source, options));
  const auto& inputs = model->inputs();
  constexpr size_t kRank = 5;  // [batch, window, 3, S, S]
  const bool fits = inputs.size() == 1 && inputs[0].dtype == DType::kF32 && inputs[0].dims.size() == kRank &&
                    model->outputs().size() == 1 && model->outputs()[0].dtype == DType::kF32;
  if (!fits) {
    return InputError(source.name,
                      "is no whole-policy graph: it must take pixel_values float32 [batch, window, 3, S, S] "
                      "alone, and give actions alone");
  }
  if (inputs[0].dims.back() > 0) VLAQ_RETURN_IF_ERROR(CheckSide(pixels, inputs[0].dims.back(), source.name));
  if (inputs[0].dims[1] > 0) window = inputs[0].dims[1];
  return std::unique_ptr<Step>(std::make_unique<WholeStep>(std::move(model), pixels, window, batch));
}

std::unique_ptr<Step> MakeNullStep() { return std::make_unique<NullStep>(); }

}  // namespace vlaq::measuring
