#include "verification/reference_numbers.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>
#include <span>

#include "base/random.h"
#include "image/preprocess.h"
#include "runtime/policy_runner.h"
#include "verification/precision_bounds.h"

namespace vlaq::verification {
namespace {

using bundle::Bundle;

constexpr int64_t kNoiseFrames = 12;
constexpr size_t kStageFrames = 12;  // of the first episode; a stage of one frame has megabytes
constexpr uint64_t kStream = 79;     // of the noise

using Frames = std::function<Result<Tensor>(int64_t)>;  // pixel_values [3, S, S] of frame t

// Calls `visit` with the frames of each episode, or of one that is noise.
Status ForEachEpisode(const Bundle& bundle, const episode::EpisodeSet* episodes,
                      const std::function<Status(int64_t length, const Frames&)>& visit) {
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(bundle.spec.preprocess));
  if (episodes == nullptr) {
    const auto size = static_cast<int64_t>(bundle.spec.preprocess.image_size);
    Random random(0, kStream);
    return visit(kNoiseFrames, [&](int64_t) {
      Tensor pixels = Tensor::Make(DType::kF32, {3, size, size});
      for (float& x : pixels.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
      return Result<Tensor>(std::move(pixels));
    });
  }
  for (size_t i = 0; i < episodes->size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes->OpenEpisode(i));
    VLAQ_RETURN_IF_ERROR(visit(episode->length(), [&](int64_t t) -> Result<Tensor> {
      VLAQ_ASSIGN_OR_RETURN(const image::Image frame, episode->ReadFrame(t));
      return preprocessor.Run(frame);
    }));
  }
  return {};
}

// What one bundle made of the frames, by stage, in the order of the frames.
using Outputs = std::map<std::string, std::vector<Tensor>>;

// One policy over the frames of one episode after the other.
class Recorder {
 public:
  static Result<Recorder> Open(const Bundle& bundle, const std::map<std::string, std::string>& stages,
                               const backend::Backend& backend, const backend::OpenOptions& open) {
    std::vector<std::string> extra;
    for (const auto& [stage, value] : stages) extra.push_back(value);
    VLAQ_ASSIGN_OR_RETURN(runtime::Encoder encoder, runtime::Encoder::Open(bundle, backend, open, extra));
    VLAQ_ASSIGN_OR_RETURN(runtime::Actor head, runtime::Actor::OpenHead(bundle, backend, open));
    return Recorder(bundle, stages, std::move(encoder), std::move(head));
  }

  Status Record(int64_t length, const Frames& frames, Log& log) {
    std::vector<Tensor> window;
    for (int64_t t = 0; t < length; ++t) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, frames(t));
      VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors encoded, encoder_.Encode(runtime::AsBatch(pixels), prompt_));
      for (const auto& [stage, value] : stages_) {
        if (outputs_["features"].size() >= kStageFrames) break;
        VLAQ_ASSIGN_OR_RETURN(outputs_[stage].emplace_back(), runtime::TakeOnly(encoded, value));
      }
      VLAQ_ASSIGN_OR_RETURN(Tensor feature, runtime::TakeOnly(encoded, "feature"));
      if (window.size() == window_) window.erase(window.begin());
      window.push_back(feature);
      outputs_["features"].push_back(std::move(feature));
      VLAQ_ASSIGN_OR_RETURN(outputs_["actions"].emplace_back(), head_.Act(runtime::AsWindow(window)));
      log.Progress("frames", static_cast<uint64_t>(t) + 1, static_cast<uint64_t>(length));
    }
    return {};
  }

  Outputs Take() { return std::move(outputs_); }

 private:
  Recorder(const Bundle& bundle, const std::map<std::string, std::string>& stages, runtime::Encoder encoder,
           runtime::Actor head)
      : stages_(stages),
        encoder_(std::move(encoder)),
        head_(std::move(head)),
        prompt_(prompt::Baked(bundle.spec)),
        window_(static_cast<size_t>(bundle.spec.window)) {}

  std::map<std::string, std::string> stages_;
  runtime::Encoder encoder_;
  runtime::Actor head_;
  prompt::Prompt prompt_;
  size_t window_;
  Outputs outputs_;
};

Result<Outputs> RunOn(const Bundle& bundle, const std::map<std::string, std::string>& stages,
                      const ReferenceNumberOptions& options, const backend::OpenOptions& open, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(Recorder recorder, Recorder::Open(bundle, stages, *options.backend, open));
  VLAQ_RETURN_IF_ERROR(ForEachEpisode(bundle, options.episodes, [&](int64_t length, const Frames& frames) {
    return recorder.Record(length, frames, log);
  }));
  return recorder.Take();
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

Result<Difference> CompareAll(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual,
                              double relative_tolerance) {
  Difference difference(relative_tolerance);
  for (size_t t = 0; t < expected.size(); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const Difference one, Compare(expected[t], actual[t], relative_tolerance));
    difference.Merge(one);
  }
  return difference;
}

}  // namespace

Status CheckReferenceNumbers(const Bundle& bundle, const Bundle& reference, const ReferenceNumberOptions& options,
                             Log& log, Report& report) {
  if (bundle.spec.preprocess.image_size != reference.spec.preprocess.image_size) {
    return InputError(reference.path.string(), "takes frames of another size: it is another policy than the bundle",
                      "give the bundle that it was quantized from");
  }
  std::map<std::string, std::string> stages;
  if (options.open.engines.empty()) stages = CommonStages(bundle, reference);
  VLAQ_ASSIGN_OR_RETURN(const Outputs expected, RunOn(reference, stages, options, options.open.ForSource(), log));
  VLAQ_ASSIGN_OR_RETURN(const Outputs actual, RunOn(bundle, stages, options, options.open, log));
  const StageBounds& bounds = BoundsOfStages(bundle.precision);
  const Bound of_stage = options.tolerance.ForStage({Measure::kRelative, bounds.features});
  const Bound of_actions = options.tolerance.ForActions({.limit = bounds.actions,
                                                         .most_rms = bounds.actions_rms,
                                                         .unit = std::abs(reference.spec.action_scale),
                                                         .unit_name = "m/s"});
  for (const auto& [stage, tensors] : expected) {
    const bool actions = stage == "actions";
    const Bound& bound = actions ? of_actions : of_stage;
    VLAQ_ASSIGN_OR_RETURN(const Difference difference, CompareAll(tensors, actual.at(stage), bound.relative));
    report.checks.push_back(JudgeDifference(
        stage + " against the source", difference, bound, Against::kSource,
        fmt::format(", {} {} frames", tensors.size(), options.episodes == nullptr ? "noise" : "recorded")));
  }
  const std::string reason = fmt::format("{}: {}", bounds.precision, bounds.reason);
  const std::string by_user = "given on the command line";
  report.evidence.limits.push_back(
      {"most_feature_difference", of_stage.limit, options.tolerance.of_stages() ? by_user : reason});
  report.evidence.limits.push_back(
      {"most_action_difference", of_actions.limit, options.tolerance.of_actions() ? by_user : reason});
  return {};
}

}  // namespace vlaq::verification
