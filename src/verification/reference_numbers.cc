#include "verification/reference_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "base/random.h"
#include "image/preprocess.h"
#include "runtime/policy_runner.h"
#include "verification/difference_check.h"
#include "verification/precision_bounds.h"

namespace vlaq::verification {
namespace {

using bundle::Bundle;

constexpr int64_t kPastTheWindow = 4;  // frames
constexpr uint64_t kStream = 79;       // of the noise

std::vector<Tensor> NoiseFrames(const policy::PolicySpec& spec) {
  const auto size = static_cast<int64_t>(spec.preprocess.image_size);
  Random random(0, kStream);
  std::vector<Tensor> frames;
  for (int64_t t = 0; t < spec.window + kPastTheWindow; ++t) {
    Tensor pixels = Tensor::Make(DType::kF32, {3, size, size});
    for (float& x : pixels.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
    frames.push_back(std::move(pixels));
  }
  return frames;
}

// What one bundle made of the frames, by stage, in the order of the frames.
using Outputs = std::map<std::string, std::vector<Tensor>>;

Result<Outputs> RunOn(const Bundle& bundle, const std::vector<Tensor>& frames,
                      const std::map<std::string, std::string>& stages, const backend::Backend& backend,
                      const backend::OpenOptions& open, Log& log) {
  std::vector<std::string> extra;
  for (const auto& [stage, value] : stages) extra.push_back(value);
  VLAQ_ASSIGN_OR_RETURN(const runtime::Encoder encoder, runtime::Encoder::Open(bundle, backend, open, extra));
  VLAQ_ASSIGN_OR_RETURN(const runtime::Actor head, runtime::Actor::OpenHead(bundle, backend, open));
  const prompt::Prompt prompt = prompt::Baked(bundle.spec);
  Outputs outputs;
  std::vector<Tensor>& features = outputs["features"];
  for (const Tensor& pixels : frames) {
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors encoded, encoder.Encode(runtime::AsBatch(pixels), prompt));
    for (const auto& [stage, value] : stages) {
      VLAQ_ASSIGN_OR_RETURN(outputs[stage].emplace_back(), runtime::TakeOnly(encoded, value));
    }
    VLAQ_ASSIGN_OR_RETURN(features.emplace_back(), runtime::TakeOnly(encoded, "feature"));
    const size_t count = std::min(features.size(), static_cast<size_t>(bundle.spec.window));
    VLAQ_ASSIGN_OR_RETURN(outputs["actions"].emplace_back(),
                          head.Act(runtime::AsWindow(std::span(features).last(count))));
    log.Progress("frames", features.size(), frames.size());
  }
  return outputs;
}

// Stages that both name alike.
std::map<std::string, std::string> CommonStages(const Bundle& a, const Bundle& b) {
  std::map<std::string, std::string> common;
  for (const auto& [stage, value] : a.stages) {
    const auto other = b.stages.find(stage);
    if (other != b.stages.end() && other->second == value && value != "feature") common.emplace(stage, value);
  }
  return common;
}

}  // namespace

Result<std::vector<Tensor>> RecordedPixels(const episode::EpisodeSet& episodes, const policy::PolicySpec& spec) {
  VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(0));
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(spec.preprocess));
  std::vector<Tensor> pixels;
  const int64_t count = std::min(episode->length(), spec.window + kPastTheWindow);
  for (int64_t t = 0; t < count; ++t) {
    VLAQ_ASSIGN_OR_RETURN(const image::Image frame, episode->ReadFrame(t));
    VLAQ_ASSIGN_OR_RETURN(pixels.emplace_back(), preprocessor.Run(frame));
  }
  return pixels;
}

Status CheckReferenceNumbers(const Bundle& bundle, const Bundle& reference, const ReferenceNumberOptions& options,
                             Log& log, Report& report) {
  if (bundle.spec.window != reference.spec.window || bundle.spec.prompt_ids != reference.spec.prompt_ids ||
      bundle.spec.preprocess.image_size != reference.spec.preprocess.image_size) {
    return InputError(reference.path.string(), "is another policy than the bundle, or has another prompt",
                      "give the bundle that it was quantised from");
  }
  const std::vector<Tensor> frames = options.pixels.empty() ? NoiseFrames(bundle.spec) : options.pixels;
  std::map<std::string, std::string> stages;
  if (options.open.engines.empty()) stages = CommonStages(bundle, reference);
  VLAQ_ASSIGN_OR_RETURN(const Outputs expected,
                        RunOn(reference, frames, stages, *options.backend, options.open.ForSource(), log));
  VLAQ_ASSIGN_OR_RETURN(const Outputs actual, RunOn(bundle, frames, stages, *options.backend, options.open, log));
  const StageBounds& bounds = BoundsOfStages(bundle.precision);
  const std::string remark =
      fmt::format(", {} {} frames", frames.size(), options.pixels.empty() ? "noise" : "recorded");
  for (const auto& [stage, tensors] : expected) {
    Difference difference;
    for (size_t t = 0; t < tensors.size(); ++t) {
      VLAQ_ASSIGN_OR_RETURN(const Difference one, Compare(tensors[t], actual.at(stage)[t]));
      difference.Merge(one);
    }
    const bool actions = stage == "actions";
    report.checks.push_back(JudgeDifference(stage + " against the source", difference,
                                            actions ? Measure::kAbsolute : Measure::kRelative,
                                            actions ? bounds.actions : bounds.features, remark));
  }
  const std::string reason = fmt::format("{}: {}", bounds.precision, bounds.reason);
  report.evidence.limits.push_back({"most_feature_difference", bounds.features, reason});
  report.evidence.limits.push_back({"most_action_difference", bounds.actions, reason});
  return {};
}

}  // namespace vlaq::verification
