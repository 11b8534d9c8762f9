#include "verification/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/random.h"
#include "engine/find.h"
#include "image/preprocess.h"
#include "runtime/policy_runner.h"
#include "tensor/difference.h"
#include "tensor/non_finite.h"
#include "verification/difference_check.h"
#include "verification/golden.h"
#include "verification/precision_bounds.h"

namespace vlaq::verification {
namespace {

using backend::NamedTensors;
using bundle::Bundle;

constexpr std::string_view kFeatures = "features";
constexpr std::string_view kActionUnit = "m/s";

class NumberChecker {
 public:
  NumberChecker(const Bundle& bundle, const NumberOptions& options, Log& log, Report& report)
      : bundle_(bundle), options_(options), log_(log), report_(report), limits_(LimitsFor(bundle.precision)) {
    if (bundle.plan) limits_.streaming = limits_.actions;  // another batch, other scales
  }

  // Frames that are made where there is no golden file: the bundle's window does not decide how long that takes.
  static constexpr int64_t kMostNoiseFrames = 17;

  Status Run() {
    if (options_.golden.empty()) {
      VLAQ_RETURN_IF_ERROR(MakeFrames());
      VLAQ_RETURN_IF_ERROR(RunStreaming({}));
    } else {
      VLAQ_ASSIGN_OR_RETURN(const Golden golden, Golden::Open(options_.golden));
      golden_ = &golden;
      VLAQ_RETURN_IF_ERROR(ReadFrames());
      VLAQ_RETURN_IF_ERROR(ReadPrompt());
      VLAQ_RETURN_IF_ERROR(RunStages());
      VLAQ_RETURN_IF_ERROR(RunWindowActions());
      if (SameAsBaked(prompt_)) report_.shown.insert(Shown::kGoldenPrompt);
      golden_ = nullptr;
    }
    return RunWhole();
  }

 private:
  // Seeded noise, one frame more than a full window: the whole graph is compared on the first step and past the window.
  Status MakeFrames() {
    const auto size = static_cast<int64_t>(bundle_.spec.preprocess.image_size);
    Random random(options_.seed, 77);
    for (int64_t t = 0; t < std::min(bundle_.spec.window + 1, kMostNoiseFrames); ++t) {
      Tensor pixels = Tensor::Make(DType::kF32, {3, size, size});
      for (float& x : pixels.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
      pixels_.push_back(std::move(pixels));
    }
    prompt_ = prompt::Baked(bundle_.spec);
    return {};
  }

  Status ReadFrames() {
    const bool both = golden_->Has("frames.u8") && golden_->Has("pixel_values");
    Difference difference;
    Tensor reference;
    if (golden_->Has("pixel_values")) {
      VLAQ_ASSIGN_OR_RETURN(reference, golden_->Load("pixel_values"));
    }
    if (!golden_->Has("frames.u8")) return UsePixels(reference);
    VLAQ_ASSIGN_OR_RETURN(const Tensor frames, golden_->Load("frames.u8"));
    VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(bundle_.spec.preprocess));
    for (int64_t t = 0; t < frames.shape()[0]; ++t) {
      VLAQ_ASSIGN_OR_RETURN(Tensor pixels, preprocessor.Run(Row(frames, t)));
      if (both) VLAQ_RETURN_IF_ERROR(AddRow("pixel_values", reference, t, pixels, difference));
      pixels_.push_back(std::move(pixels));
    }
    if (both) {
      report_.checks.push_back(JudgeDifference("pixels", difference, {.limit = limits_.pixels}, Against::kGolden));
    }
    report_.shown.insert(Shown::kGoldenPixels);
    return {};
  }

  Status UsePixels(const Tensor& reference) {
    const auto size = static_cast<int64_t>(bundle_.spec.preprocess.image_size);
    if (reference.shape() != Shape{reference.shape()[0], 3, size, size} || reference.dtype() != DType::kF32) {
      return InputError(options_.golden.string(),
                        fmt::format("needs frames.u8, or pixel_values as float32 [T, 3, {}, {}]", size, size));
    }
    for (int64_t t = 0; t < reference.shape()[0]; ++t) pixels_.push_back(Row(reference, t));
    return {};
  }

  Status ReadPrompt() {
    prompt_ = prompt::Baked(bundle_.spec);
    if (!golden_->Has("input_ids") || bundle_.baked_prompt) return {};
    VLAQ_ASSIGN_OR_RETURN(const Tensor ids, golden_->Load("input_ids"));
    if (ids.dtype() != DType::kI64 || ids.size() != ids.shape().back()) {
      return InputError(options_.golden.string(), "input_ids are not int64 [1, N]");
    }
    const auto values = ids.data<int64_t>();
    prompt_.ids.assign(values.begin(), values.end());
    prompt_.mask.assign(prompt_.ids.size(), 1);
    if (golden_->Has("attention_mask")) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor mask, golden_->Load("attention_mask"));
      if (mask.dtype() != DType::kI64 || mask.size() != ids.size()) {
        return InputError(options_.golden.string(), "attention_mask does not fit input_ids");
      }
      prompt_.mask.assign(mask.data<int64_t>().begin(), mask.data<int64_t>().end());
    }
    const bool unpadded =
        bundle_.spec.prompt_layout == kosmos2_lstm::PromptLayout::kForkFallback && ids.size() < bundle_.spec.image_tokens;
    if (unpadded) {
      VLAQ_ASSIGN_OR_RETURN(prompt_, prompt::FromIds(bundle_.spec, prompt_.ids));
    }
    kosmos2_lstm::PolicySpec with_prompt = bundle_.spec;
    prompt::Bake(prompt_, with_prompt);
    if (Status status = policy::Validate(with_prompt); !status.ok()) {
      return InputError(options_.golden.string(),
                        fmt::format("its prompt does not fit the policy: {}", status.error().what));
    }
    return {};
  }

  // Compares row `t` of a golden tensor with what was computed.
  Status AddRow(std::string_view name, const Tensor& reference, int64_t t, const Tensor& actual,
                Difference& difference) {
    if (t >= reference.shape()[0]) return {};
    const auto compared = Compare(Row(reference, t), actual);
    if (!compared.ok()) {
      return Within(fmt::format("{}: '{}'", options_.golden.string(), name), compared.error());
    }
    difference.Merge(*compared);
    return {};
  }

  // A golden tensor, the encoder's output it belongs to, and what was found so far.
  struct Stage {
    std::string name;
    std::string output;
    Tensor reference;
    Difference difference;
  };

  Result<std::vector<Stage>> ListStages() {
    std::vector<Stage> stages;
    for (const char* name : {"vision_last_hidden", "image_embeds", "text_last_hidden"}) {
      if (!golden_->Has(name)) continue;
      const auto it = bundle_.stages.find(name);
      if (it == bundle_.stages.end()) {  // the bundle's silence may not spare it a comparison
        if (ReadsPrompt()) report_.checks.push_back({1, name, false, "policy.json names no value for this stage", {}});
        continue;
      }
      if (!options_.open.engines.empty()) {
        report_.untestable.push_back({1, name, "an engine gives its outputs only"});
        continue;
      }
      VLAQ_ASSIGN_OR_RETURN(Tensor reference, golden_->Load(name));
      stages.push_back({name, it->second, std::move(reference), {}});
    }
    if (golden_->Has(kFeatures)) {
      VLAQ_ASSIGN_OR_RETURN(Tensor reference, golden_->Load(kFeatures));
      stages.push_back({std::string(kFeatures), "feature", std::move(reference), {}});
    }
    return stages;
  }

  Status RunStages() {
    VLAQ_ASSIGN_OR_RETURN(std::vector<Stage> stages, ListStages());
    VLAQ_RETURN_IF_ERROR(RunStreaming(stages));
    for (const Stage& stage : stages) {
      const Bound bound = options_.tolerance.ForStage({Measure::kRelative, limits_.features});
      report_.checks.push_back(JudgeDifference(stage.name, stage.difference, bound, Against::kGolden));
    }
    if (golden_->Has("actions")) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor reference, golden_->Load("actions"));
      Difference difference;
      const auto steps = static_cast<int64_t>(actions_.size());
      for (int64_t t = 0; t < steps; ++t) {
        VLAQ_RETURN_IF_ERROR(AddRow("actions", reference, t, actions_[static_cast<size_t>(t)], difference));
      }
      const int64_t compared = std::min(steps, reference.shape()[0]);
      report_.checks.push_back(
          JudgeDifference("actions", difference, ActionBound(), Against::kGolden, fmt::format(", {} steps", compared)));
      report_.shown.insert(Shown::kGoldenActions);
      if (compared > bundle_.spec.window) report_.shown.insert(Shown::kGoldenWindow);
    }
    return {};
  }

  // Encodes every frame once, comparing stages on the way, and acts on every window.
  Status RunStreaming(std::span<Stage> stages) {
    std::vector<std::string> extra;
    for (const Stage& stage : stages) {
      if (stage.output != "feature") extra.push_back(stage.output);
    }
    VLAQ_ASSIGN_OR_RETURN(const runtime::Encoder encoder,
                          runtime::Encoder::Open(bundle_, *options_.backend, options_.open, extra));
    VLAQ_ASSIGN_OR_RETURN(const runtime::Actor head,
                          runtime::Actor::OpenHead(bundle_, *options_.backend, options_.open));
    for (size_t t = 0; t < pixels_.size(); ++t) {
      VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, encoder.Encode(runtime::AsBatch(pixels_[t]), prompt_));
      for (Stage& stage : stages) {
        VLAQ_ASSIGN_OR_RETURN(const Tensor actual, runtime::TakeOnly(outputs, stage.output));
        VLAQ_RETURN_IF_ERROR(AddRow(stage.name, stage.reference, static_cast<int64_t>(t), actual, stage.difference));
      }
      VLAQ_ASSIGN_OR_RETURN(Tensor feature, runtime::TakeOnly(outputs, "feature"));
      CheckFinite("features", feature, t);
      features_.push_back(std::move(feature));
      VLAQ_ASSIGN_OR_RETURN(Tensor actions, head.Act(runtime::AsWindow(WindowAt(features_, t))));
      CheckFinite("actions", actions, t);
      actions_.push_back(std::move(actions));
      log_.Progress("frames", t + 1, pixels_.size());
    }
    return {};
  }

  bool ReadsPrompt() const { return bundle_.spec.feature_source != kosmos2_lstm::FeatureSource::kPooler; }

  Bound ActionBound() const {
    const double scale = std::abs(bundle_.spec.action_scale);
    return options_.tolerance.ForActions(
        {.limit = limits_.actions, .unit = scale, .unit_name = std::string(kActionUnit)});
  }

  // Two graphs that both give NaN agree, but are no policy; and a head may swallow a feature's NaN. Only the first
  // such step is reported.
  void CheckFinite(std::string_view what, const Tensor& values, size_t step) {
    const NonFinite found = FindNonFinite(values.dtype(), values.bytes());
    if (!finite_ || !found.any()) return;
    finite_ = false;
    report_.checks.push_back(
        {1, "finite", false, fmt::format("the {} of step {}: {}", what, step, found.Describe(values.size())), {}});
  }

  // Golden window_actions: the head's answer after each of the first frames.
  Status RunWindowActions() {
    if (!golden_->Has("window_actions")) return {};
    VLAQ_ASSIGN_OR_RETURN(const Tensor reference, golden_->Load("window_actions"));
    VLAQ_ASSIGN_OR_RETURN(const runtime::Actor head,
                          runtime::Actor::OpenHead(bundle_, *options_.backend, options_.open));
    Difference difference;
    const size_t count = std::min(features_.size(), static_cast<size_t>(reference.shape()[0]));
    for (size_t t = 0; t < count; ++t) {
      const auto prefix = std::span(features_).first(t + 1);
      VLAQ_ASSIGN_OR_RETURN(const Tensor actions, head.Act(runtime::AsWindow(prefix)));
      VLAQ_RETURN_IF_ERROR(AddRow("window_actions", reference, static_cast<int64_t>(t), actions, difference));
    }
    report_.checks.push_back(JudgeDifference("window actions", difference, ActionBound(), Against::kGolden));
    return {};
  }

  // The whole-policy graph on the first step, a full window, and past it (where there are so many frames).
  Status RunWhole() {
    const std::filesystem::path& engines = options_.open.engines;
    if (!engines.empty() && !engine::HasEngine(bundle_, bundle::kWhole, engines)) {
      report_.untestable.push_back({1, "streaming", "the whole graph has no engine in " + engines.string()});
      return {};
    }
    if (!SameAsBaked(prompt_)) {  // the golden file's prompt is another one
      prompt_ = prompt::Baked(bundle_.spec);
      features_.clear();
      actions_.clear();
      VLAQ_RETURN_IF_ERROR(RunStreaming({}));
    }
    VLAQ_ASSIGN_OR_RETURN(const runtime::Actor whole,
                          runtime::Actor::OpenWhole(bundle_, *options_.backend, options_.open));
    const size_t last = pixels_.size() - 1;
    const std::array steps{size_t{0}, std::min(last, static_cast<size_t>(bundle_.spec.window) - 1), last};
    Difference difference;
    size_t compared = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (i > 0 && steps[i] == steps[i - 1]) continue;
      VLAQ_ASSIGN_OR_RETURN(const Tensor actions, whole.Act(runtime::AsWindow(WindowAt(pixels_, steps[i]))));
      VLAQ_ASSIGN_OR_RETURN(const Difference step, Compare(actions_[steps[i]], actions));
      difference.Merge(step);
      ++compared;
    }
    std::string remark = fmt::format(" between encoder + head and the whole graph, {} steps", compared);
    if (bundle_.plan) remark += "; quantized over one frame there, over a whole window here";
    report_.checks.push_back(
        JudgeDifference("streaming", difference, {.limit = limits_.streaming}, Against::kItself, remark));
    return {};
  }

  bool SameAsBaked(const prompt::Prompt& prompt) const {
    const prompt::Prompt baked = prompt::Baked(bundle_.spec);
    return prompt.ids == baked.ids && prompt.mask == baked.mask;
  }

  // The newest frames that step `t` sees.
  std::span<const Tensor> WindowAt(const std::vector<Tensor>& frames, size_t t) const {
    const size_t count = std::min(t + 1, static_cast<size_t>(bundle_.spec.window));
    return std::span(frames).subspan(t + 1 - count, count);
  }

  const Bundle& bundle_;
  const NumberOptions& options_;
  Log& log_;
  Report& report_;
  NumberLimits limits_;
  const Golden* golden_ = nullptr;
  prompt::Prompt prompt_;
  std::vector<Tensor> pixels_;    // [3, S, S] each
  std::vector<Tensor> features_;  // [D] each
  std::vector<Tensor> actions_;   // [chunk, action_dim] each
  bool finite_ = true;            // all of actions_ so far
};

}  // namespace

NumberLimits LimitsFor(const std::string& precision) {
  const StageBounds& bounds = BoundsOfStages(precision);
  NumberLimits limits;
  limits.features = bounds.features;
  limits.actions = bounds.actions;
  return limits;
}

Status CheckNumbers(const Bundle& bundle, const NumberOptions& options, Log& log, Report& report) {
  return NumberChecker(bundle, options, log, report).Run();
}

}  // namespace vlaq::verification
