#include "bench/windows.h"

#include <fmt/format.h>

#include "api/assemble.h"
#include "base/hash.h"
#include "policy/value_shapes.h"
#include "runtime/features.h"
#include "tensor/convert.h"

namespace vlaq::bench {
namespace {

// The only camera of a policy that observes nothing else but an instruction.
const policy::Input* CameraOf(const policy::Policy& policy) {
  const policy::Input* camera = nullptr;
  for (const policy::Input& input : policy.inputs) {
    if (input.type == policy::InputType::kText) continue;
    if (camera != nullptr || input.type != policy::InputType::kImage) return nullptr;
    camera = &input;
  }
  return camera;
}

Error NotOfOneCamera(const bundle::Bundle& bundle) {
  return InputError(bundle.path.string(), "is no policy of one camera: frames alone make no action");
}

}  // namespace

Result<Windows> Windows::Make(std::unique_ptr<image::FrameSource> frames, const bundle::Bundle& bundle, size_t most) {
  const policy::Input* camera = CameraOf(bundle.policy);
  if (camera == nullptr || camera->layout != policy::ImageLayout::kChw) return NotOfOneCamera(bundle);
  const std::optional<int64_t> window = policy::LongestWindow(bundle.policy);
  const auto length = static_cast<size_t>(window.value_or(1));
  const size_t given = frames->size();
  if (given < length) {
    return InputError("--frames", fmt::format("gives {} frames, and a window of the policy holds {}", given, length),
                      fmt::format("give at least {}: none is shown twice to fill a window", length));
  }
  Windows windows(std::move(frames), *camera, window);
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
  policy::Policy camera_alone;
  camera_alone.inputs = {camera_};
  camera_alone.inputs[0].dtype = DType::kF32;
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader reader, runtime::FeatureReader::Make(camera_alone));
  Shape shape{static_cast<int64_t>(count)};
  if (has_window_) shape.push_back(static_cast<int64_t>(length_));
  shape.insert(shape.end(), {3, camera_.preprocess.height(), camera_.preprocess.width()});
  Tensor pixels = Tensor::Make(DType::kF32, std::move(shape));
  MutableBytes rest = pixels.mutable_bytes();
  for (size_t i = first; i < first + count; ++i) {
    for (size_t at = starts_[i]; at < starts_[i] + length_; ++at) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor picture, Picture(at));
      VLAQ_ASSIGN_OR_RETURN(const auto ready, reader.Read({{camera_.name, picture}}));
      const Bytes bytes = ready.at(camera_.name).bytes();
      std::copy(bytes.begin(), bytes.end(), rest.begin());
      rest = rest.subspan(bytes.size());
    }
  }
  return pixels;
}

Result<Tensor> Windows::Picture(size_t frame) const {
  VLAQ_ASSIGN_OR_RETURN(image::Frame read, frames_->Read(frame));
  const image::ImageView& pixels = read.pixels;
  return Tensor::View(DType::kU8, {pixels.height, pixels.width, 3}, std::as_bytes(pixels.rgb), std::move(read.owner));
}

Result<std::vector<float>> Windows::ActionsOf(const bundle::Bundle& bundle, const backend::Backend& backend,
                                              const backend::OpenOptions& options, Log& log) const {
  if (CameraOf(bundle.policy) == nullptr || bundle.policy.outputs.empty()) return NotOfOneCamera(bundle);
  VLAQ_ASSIGN_OR_RETURN(Policy policy, api::Assemble(bundle, backend, options, {}));
  std::vector<float> actions;
  size_t next = 0;  // the frame that the policy has not seen
  for (size_t done = 0; done < starts_.size(); ++done) {
    log.Progress("windows", done, starts_.size());
    const size_t start = starts_[done], end = start + length_;
    if (next <= start) {  // nothing that it saw is in this window
      policy.Reset();
      next = start;
    }
    for (; next < end; ++next) {
      VLAQ_ASSIGN_OR_RETURN(Tensor picture, Picture(next));
      VLAQ_ASSIGN_OR_RETURN(const Outputs outputs, policy.Step({{camera_.name, std::move(picture)}}));
      if (next + 1 < end) continue;
      VLAQ_ASSIGN_OR_RETURN(const Tensor action, ToFloat32(outputs.raw.at(policy.outputs().front().name)));
      const auto values = action.data<float>();
      actions.insert(actions.end(), values.begin(), values.end());
    }
  }
  log.Progress("windows", starts_.size(), starts_.size());
  return actions;
}

}  // namespace vlaq::bench
