// Runs a bundle frame by frame, as a control loop does. Two ways that give the same actions: streaming (encode the new
// frame, reuse the features of the last ones, run the head) and the whole-policy graph (encode the whole window again).
// In scope: the window, the caches, which graph gets what. Not aware of: where frames come from, time, robots.
//
// Window semantics (spec/model.md 7.3): the action of step t is the last output of an LSTM run from zero over the
// newest min(t + 1, window) frames. A runner is used by one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "bundle/bundle.h"
#include "families/kosmos2_lstm/prompt.h"
#include "runtime/open_policy.h"

namespace vlaq::runtime {

class PolicyRunner {
 public:
  virtual ~PolicyRunner() = default;
  PolicyRunner() = default;
  PolicyRunner(const PolicyRunner&) = delete;
  PolicyRunner& operator=(const PolicyRunner&) = delete;

  // One control step. pixel_values: float32 [3, S, S], preprocessed. Returns float32 [chunk, action_dim] in [-1, 1].
  // Errors: kUsage for pixels of another shape or type, which are not remembered; kBackend, also where the
  // feature or the action is not finite.
  virtual Result<Tensor> Step(const Tensor& pixel_values) = 0;
  // Forgets all frames: a new episode begins.
  virtual void Reset() = 0;
  // Another instruction from the next step on; forgets all frames. Errors: kUsage if the prompt is baked into the graph
  // that runs.
  virtual Status SetPrompt(prompt::Prompt prompt) = 0;
  // The back end's own words on what really runs.
  virtual std::string Description() const = 0;
};

// One frame's feature. With a baked or unread prompt, `prompt` is ignored.
class Encoder {
 public:
  // `extra` names values of the encoder graph that Encode() shall return as well. Errors: kBackend, kInput.
  static Result<Encoder> Open(const bundle::Bundle& bundle, const backend::Backend& backend,
                              const backend::OpenOptions& options, const std::vector<std::string>& extra = {});

  // pixel_values [B, 3, S, S] -> "feature" [B, D] and the extra values. The prompt is repeated for the batch.
  Result<backend::NamedTensors> Encode(const Tensor& pixel_values, const prompt::Prompt& prompt) const;
  std::string Description() const { return model_->Description(); }
  bool reads_prompt() const { return model_->inputs().size() > 1; }

 private:
  explicit Encoder(std::unique_ptr<backend::OpenedModel> model) : model_(std::move(model)) {}
  std::unique_ptr<backend::OpenedModel> model_;
};

// From a window to actions: the head (features) or the whole-policy graph (pixels).
class Actor {
 public:
  static Result<Actor> OpenHead(const bundle::Bundle& bundle, const backend::Backend& backend,
                                const backend::OpenOptions& options);
  static Result<Actor> OpenWhole(const bundle::Bundle& bundle, const backend::Backend& backend,
                                 const backend::OpenOptions& options);
  // window: features [1, W, D], or pixel_values [1, W, 3, S, S] -> [chunk, action_dim].
  Result<Tensor> Act(const Tensor& window) const;
  std::string Description() const { return model_->Description(); }

 private:
  Actor(std::unique_ptr<backend::OpenedModel> model, std::string input, Shape action)
      : model_(std::move(model)), input_(std::move(input)), action_(std::move(action)) {}
  std::unique_ptr<backend::OpenedModel> model_;
  std::string input_;
  Shape action_;  // [chunk, action_dim]
};

// Encoder and head with the features of the last frames kept. `prompt` holds for the whole run.
Result<std::unique_ptr<PolicyRunner>> OpenStreaming(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                    const backend::OpenOptions& options, prompt::Prompt prompt);

// The whole-policy graph; its prompt is the one that was baked in at export.
Result<std::unique_ptr<PolicyRunner>> OpenWhole(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                const backend::OpenOptions& options);

// Tensors of equal shape and dtype one after the other: n x [a, b] -> [n, a, b], and as one window [1, n, a, b].
Tensor Stack(std::span<const Tensor> parts);
Tensor AsWindow(std::span<const Tensor> parts);
// A batch of one: [a, b] -> [1, a, b], sharing the bytes.
Tensor AsBatch(const Tensor& tensor);
// The output `name` of a run of one batch item, without its batch axis. Errors: kInput if the graph has no such output.
Result<Tensor> TakeOnly(const backend::NamedTensors& outputs, const std::string& name);

}  // namespace vlaq::runtime
