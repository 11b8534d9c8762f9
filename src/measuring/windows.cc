#include "measuring/windows.h"

#include <fmt/format.h>

#include <map>

#include "base/hash.h"
#include "prompt/prompt.h"
#include "runtime/policy_runner.h"

namespace vlaq::measuring {

Result<Windows> Windows::Make(std::unique_ptr<image::FrameSource> frames, const policy::PolicySpec& spec, size_t most) {
  const auto length = static_cast<size_t>(spec.window);
  const size_t given = frames->size();
  if (given < length) {
    return InputError("--frames", fmt::format("gives {} frames, and a window of the policy holds {}", given, length),
                      fmt::format("give at least {}: none is shown twice to fill a window", length));
  }
  Windows windows(std::move(frames), spec.preprocess, length);
  const size_t last = given - length, count = std::min(most, last + 1);
  for (size_t i = 0; i < count; ++i) windows.starts_.push_back(count == 1 ? 0 : i * last / (count - 1));
  Sha256 hash;
  size_t next = 0;  // frames before it are hashed, or in no window
  for (const size_t start : windows.starts_) {
    for (next = std::max(next, start); next < start + length; ++next) {
      VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, windows.frames_->Read(next));
      hash.Update(AsBytes(fmt::format("{}x{}\n", frame.pixels.width, frame.pixels.height)));
      hash.Update(std::as_bytes(frame.pixels.rgb));
      ++windows.frames_used_;
    }
  }
  windows.sha256_ = hash.FinishHex();
  return windows;
}

Result<Tensor> Windows::Pixels(size_t first, size_t count) const {
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(preprocess_));
  const int64_t side = preprocess_.image_size;
  Tensor pixels =
      Tensor::Make(DType::kF32, {static_cast<int64_t>(count), static_cast<int64_t>(length_), 3, side, side});
  auto rest = pixels.mutable_data<float>();
  for (size_t i = first; i < first + count; ++i) {
    for (size_t at = starts_[i]; at < starts_[i] + length_; ++at) {
      VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames_->Read(at));
      VLAQ_RETURN_IF_ERROR(preprocessor.Run(frame.pixels, rest.first(preprocessor.size())));
      rest = rest.subspan(preprocessor.size());
    }
  }
  return pixels;
}

Result<std::vector<float>> Windows::ActionsOf(const bundle::Bundle& bundle, const backend::Backend& backend,
                                              const backend::OpenOptions& options, Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(const auto encoder, runtime::Encoder::Open(bundle, backend, options));
  VLAQ_ASSIGN_OR_RETURN(const auto head, runtime::Actor::OpenHead(bundle, backend, options));
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(preprocess_));
  const prompt::Prompt prompt = prompt::Baked(bundle.spec);
  std::map<size_t, Tensor> features;  // by frame; only those that a later window can need
  std::vector<float> actions;
  for (size_t done = 0; done < starts_.size(); ++done) {
    log.Progress("windows", done, starts_.size());
    const size_t start = starts_[done];
    features.erase(features.begin(), features.lower_bound(start));
    std::vector<Tensor> window;
    for (size_t at = start; at < start + length_; ++at) {
      auto found = features.find(at);
      if (found == features.end()) {
        VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames_->Read(at));
        VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, preprocessor.Run(frame.pixels));
        VLAQ_ASSIGN_OR_RETURN(const auto encoded, encoder.Encode(runtime::AsBatch(pixels), prompt));
        VLAQ_ASSIGN_OR_RETURN(Tensor feature, runtime::TakeOnly(encoded, "feature"));
        found = features.emplace(at, std::move(feature)).first;
      }
      window.push_back(found->second);
    }
    VLAQ_ASSIGN_OR_RETURN(const Tensor action, head.Act(runtime::AsWindow(window)));
    const auto values = action.data<float>();
    actions.insert(actions.end(), values.begin(), values.end());
  }
  log.Progress("windows", starts_.size(), starts_.size());
  return actions;
}

}  // namespace vlaq::measuring
