// One control step of a policy over frames that are there already: the newest frame's number in, the action out.
//
// Frame numbers run round: the window that ends at frame i holds i - W + 1 .. i, modulo their number. In scope: what
// belongs to the step (and so to its time) and what must be ready before. Not aware of: clocks. One thread at a time.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "bundle/bundle.h"
#include "tensor/tensor.h"

namespace vlaq::measuring {

class Step {
 public:
  virtual ~Step() = default;
  // What steps before `newest` would have left behind (features of the other frames of its window); belongs to no time.
  virtual Status Prepare(int newest) = 0;
  // [chunk, action_dim]; of a batch, the first of its equal items.
  virtual Result<Tensor> Act(int newest) = 0;
  virtual std::string Description() const = 0;
};

// `pixels`: [N, 3, S, S] for all. Errors: kBackend; kInput for frames of another size.
// Streaming: the newest frame through the encoder, the head over the features of the window.
Result<std::unique_ptr<Step>> OpenStreamingStep(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                const backend::OpenOptions& options, Tensor pixels);
// The whole-policy graph of a bundle, or any model that takes pixel_values [batch, window, 3, S, S] alone: all frames
// of the window, in `batch` copies.
Result<std::unique_ptr<Step>> OpenWholeStep(const backend::ModelSource& source, const backend::Backend& backend,
                                            const backend::OpenOptions& options, Tensor pixels, int64_t window,
                                            int64_t batch);

// Does nothing: what a call costs.
std::unique_ptr<Step> MakeNullStep();

}  // namespace vlaq::measuring
