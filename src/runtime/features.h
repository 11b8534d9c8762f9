// From what a robot observes to the values that graphs take, and from what graphs give to what a robot does: pictures
// are preprocessed, numbers normalized, as the policy says. In scope: images, states, given noise, types and shapes,
// the inverse for outputs. Not aware of: instructions (a family's encoder makes their values), schedules, graphs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "image/preprocess.h"
#include "image/resize.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

using backend::NamedTensors;

// The numbers of a Normalization, ready for float32 as LeRobot computes it: statistics are rounded to float32 first,
// and every operation after that is float32.
class Normalizer {
 public:
  // `width`: the extent of the last axis of what it is for; -1: any, where there is one number for all. Errors: kInput
  // without a place if there are not as many numbers as elements, or one is not finite or divides by zero.
  static Result<Normalizer> Make(const policy::Normalization& normalization, int64_t width);

  bool identity() const { return mode_ == policy::NormalizationMode::kIdentity; }
  // In place, elementwise along the last axis; the number of elements is a multiple of `width`.
  void Normalize(std::span<float> values) const;
  void Unnormalize(std::span<float> values) const;

 private:
  policy::NormalizationMode mode_ = policy::NormalizationMode::kIdentity;
  std::vector<float> offset_, divisor_;  // one for all, or one an element
  std::vector<float> factor_;            // of the inverse: kMeanStd divides by more than it multiplies with
};

// One thread at a time: buffers are kept between observations. They are written again only when nobody holds the
// tensors of before any more.
class FeatureReader {
 public:
  // Errors: kInput naming the input or output, where its normalization or preprocessing cannot be.
  static Result<FeatureReader> Make(const policy::Policy& policy);
  FeatureReader(FeatureReader&&) noexcept;
  FeatureReader& operator=(FeatureReader&&) noexcept;
  ~FeatureReader();

  // The values for Executor::Step: without batch axis, of the inputs' types and shapes. `observation` holds all images
  // and states by the inputs' names, and may hold noise, and values of text inputs that are encoded already
  // ("task.input_ids") and carried values (kCarry), which go through as they are. A batch axis of 1 may stand in front
  // of an image, a state or noise that is batched.
  //   image  uint8 [H, W, 3]: preprocessed (layout kHwc: resized only). Or as the graph takes it.
  //   state  of any type. Where it is normalized it is float32 in between. Integers must come out as they were; floats
  //          are rounded to nearest.
  // Errors, all kUsage and naming the input: one that is missing or unknown, with the name that was meant; another
  // shape; a number that is NaN or infinite, or that the type of the graph cannot hold.
  Result<NamedTensors> Read(const NamedTensors& observation);

  // What an output means: the inverse of its normalization, as float32; with identity the value itself. `value`: the
  // output without batch axis, or a single action of its chunk, [dim]. Errors: kUsage for an unknown output; kInput for
  // another last axis, or a type that has no float value.
  Result<Tensor> Unnormalize(const std::string& output, const Tensor& value) const;

 private:
  struct Reader;
  struct Meaning;
  FeatureReader();
  std::vector<std::string> Names() const;

  std::vector<Reader> readers_;
  std::vector<Meaning> meanings_;
};

}  // namespace vlaq::runtime
