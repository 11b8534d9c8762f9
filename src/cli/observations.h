// What `vlaq run` and `vlaq bench` show a policy: camera frames, and tensors of a file by the names of its inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "image/frames.h"
#include "vlaq/policy.h"

namespace vlaq::cli {

// --inputs, for its help.
inline constexpr std::string_view kInputsHelp =
    "Tensors by the names of the policy's inputs, in FILE.safetensors or FILE.safetensors:PREFIX: one of an input's "
    "shape for every step, or [T, ...] with one for each";

class Observations {
 public:
  struct Step {
    std::string name;  // for tables: the frame's, or the step's number
    Observation observation;
    bool begins = false;  // a new recording: what was seen before does not belong to it
  };

  // Whether all images and states must be given, or the others are made up by who asks.
  enum class Wanted { kAll, kSome };

  // `frames` are of the policy's only camera. Files are read, and compared with the inputs, before any step. Errors:
  // kUsage naming inputs that are missing, or frames that no input takes; kInput for a tensor that fits no input.
  static Result<Observations> Open(const std::vector<Feature>& inputs, const std::vector<std::string>& frames,
                                   const std::string& tensors, Log& log, Wanted wanted = Wanted::kAll);

  size_t size() const { return size_; }
  bool Gives(const std::string& input) const { return input == camera_ || given_.count(input) > 0; }
  Result<Step> Read(size_t index) const;
  bool Begins(size_t index) const { return frames_ == nullptr ? index == 0 : frames_->Begins(index); }

 private:
  // A tensor for all steps, or one [T, ...] with a row for each.
  struct Given {
    Tensor tensor;
    bool by_step = false;
  };

  std::unique_ptr<image::FrameSource> frames_;
  std::string camera_;
  std::map<std::string, Given> given_;
  size_t size_ = 1;
};

}  // namespace vlaq::cli
