// Windows of recorded frames, spread evenly over them, and what a policy answers to each: for holding another build of
// the policy against it.
//
// In scope: which windows, their pixels, the policy's own actions by its default schedule (one that keeps what it made
// of a frame makes it once, where a graph of whole windows would for each that the frame is in). Not aware of: whom
// they are compared with. Frames are read as they are needed and not kept. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "image/frames.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::bench {

class Windows {
 public:
  // Windows for `bundle`, a policy of one camera; one that keeps no window has windows of one frame. At most `most` of
  // those that the frames have: all of them, or as many with equal steps between, the first and the last among them.
  // Reads each frame once, for the hash. Errors: kInput for a policy that observes anything else but an instruction; if
  // there are fewer frames than a window holds, or one cannot be read.
  static Result<Windows> Make(std::unique_ptr<image::FrameSource> frames, const bundle::Bundle& bundle, size_t most);

  size_t size() const { return starts_.size(); }
  size_t frames_used() const { return frames_used_; }
  // SHA-256 of the frames that are in a window, in order: "WIDTHxHEIGHT\n", then 8-bit RGB row by row.
  const std::string& sha256() const { return sha256_; }
  // Pictures as graphs take them, float32 [count, W, 3, H, W], [count, 3, H, W] without a window, of the windows from
  // `first` on; first + count <= size().
  Result<Tensor> Pixels(size_t first, size_t count) const;
  // The actions of `bundle`, the policy of one camera, window after window: size() times as many values as an action
  // has. Its graphs are open during the call only. Errors: kBackend, kInput.
  Result<std::vector<float>> ActionsOf(const bundle::Bundle& bundle, const backend::Backend& backend,
                                       const backend::OpenOptions& options, Log& log) const;

 private:
  Windows(std::unique_ptr<image::FrameSource> frames, policy::Input camera, std::optional<int64_t> window)
      : frames_(std::move(frames)),
        camera_(std::move(camera)),
        has_window_(window.has_value()),
        length_(static_cast<size_t>(window.value_or(1))) {}

  // A frame as a robot's camera gives it, uint8 [H, W, 3].
  Result<Tensor> Picture(size_t frame) const;

  std::unique_ptr<image::FrameSource> frames_;
  policy::Input camera_;
  bool has_window_;             // else a window is the frame itself, without an axis
  size_t length_;               // frames of a window
  std::vector<size_t> starts_;  // its first frame, ascending
  size_t frames_used_ = 0;
  std::string sha256_;
};

}  // namespace vlaq::bench
