#include "verification/reference_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "evaluation/policy_driver.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"
#include "verification/golden_values.h"
#include "verification/precision_bounds.h"
#include "verification/schedules.h"
#include "verification/step_numbers.h"

namespace vlaq::verification {
namespace {

using backend::NamedTensors;
using bundle::Bundle;
using policy::Policy;

constexpr size_t kNoiseFrames = 12;
constexpr size_t kStageFrames = 12;  // of the first episode; a value within a graph has megabytes

// What is compared: by its name in checks, as the executor's probe says it.
struct Watched {
  std::map<std::string, std::string> bound;   // of the schedule: over all frames
  std::map<std::string, std::string> within;  // of a graph: over the first frames
  runtime::ExtraOutputs extra;
};

// What every graph of the default schedule makes for another or for the robot, and the stages that both name alike.
Result<Watched> WatchedIn(const Bundle& bundle, const Bundle& reference, bool has_engines) {
  VLAQ_ASSIGN_OR_RETURN(const GoldenPlaces places, GoldenPlaces::Make(bundle));
  Watched watched;
  const Policy& policy = bundle.policy;
  for (const std::string& graph : GraphsOf(policy.schedules.at(policy.default_schedule))) {
    for (const auto& [port, value] : policy.graphs.at(graph).outputs) {
      if (!watched.bound.emplace(places.NameOf(value), value).second) watched.bound.emplace(value, value);
    }
  }
  if (has_engines) return watched;
  for (const auto& [stage, value] : bundle.stages) {
    const auto other = reference.stages.find(stage);
    const auto place = places.Find(stage);
    if (other == reference.stages.end() || other->second != value || !place || place->graph.empty()) continue;
    watched.within.emplace(stage, place->seen_as);
    watched.extra[place->graph].push_back(place->value);
  }
  return watched;
}

// Steps of one episode.
using Steps = std::function<Result<NamedTensors>(size_t t)>;
using VisitEpisode = std::function<Status(size_t length, const Steps& steps)>;

// Calls `visit` with each episode as the policy reads it, or with one that is noise.
Status ForEachEpisode(const Policy& policy, const episode::EpisodeSet* episodes, const VisitEpisode& visit) {
  if (episodes == nullptr) {
    const StepInputs noise = NoiseSteps(policy);  // of as many steps as one likes
    return visit(kNoiseFrames, noise.read);
  }
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  const auto wanted = evaluation::WantedOf(policy);
  for (size_t i = 0; i < episodes->size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes->OpenEpisode(i));
    auto match = episode::MatchFeatures(wanted, episode->streams());
    if (!match.ok()) return Within(episode->path().string(), match.error());
    const Steps steps = [&](size_t t) -> Result<NamedTensors> {
      VLAQ_ASSIGN_OR_RETURN(const auto observed, episode->ReadObservation(*match, static_cast<int64_t>(t)));
      return features.Read(observed);
    };
    VLAQ_RETURN_IF_ERROR(visit(static_cast<size_t>(episode->length()), steps));
  }
  return {};
}

// What one bundle made of the frames, by what is watched, in their order.
using Outputs = std::map<std::string, std::vector<Tensor>>;

class Recorder : public runtime::Probe {
 public:
  explicit Recorder(const Watched& watched) {
    for (const auto& [name, value] : watched.bound) bound_.emplace(value, name);
    for (const auto& [name, value] : watched.within) within_.emplace(value, name);
  }
  void See(std::string_view name, const Tensor& value) override {
    if (const auto found = bound_.find(name); found != bound_.end()) outputs_[found->second].push_back(value);
    const auto found = within_.find(name);
    if (found == within_.end()) return;
    std::vector<Tensor>& seen = outputs_[found->second];
    if (seen.size() < kStageFrames) seen.push_back(value);
  }
  Outputs Take() { return std::move(outputs_); }

 private:
  std::map<std::string, std::string, std::less<>> bound_, within_;
  Outputs outputs_;
};

Result<Outputs> RunOn(const Bundle& bundle, const Watched& watched, const ReferenceNumberOptions& options,
                      const backend::OpenOptions& open, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor,
                        runtime::OpenExecutor(bundle, "", *options.backend, open, watched.extra));
  VLAQ_ASSIGN_OR_RETURN(const NamedTensors task, ExportedTask(bundle));
  Recorder recorder(watched);
  executor.SetProbe(&recorder);
  const VisitEpisode run = [&](size_t length, const Steps& steps) -> Status {
    executor.Reset();
    for (size_t t = 0; t < length; ++t) {
      VLAQ_ASSIGN_OR_RETURN(NamedTensors values, steps(t));
      values.insert(task.begin(), task.end());
      VLAQ_RETURN_IF_ERROR(executor.Step(values));
      log.Progress("frames", t + 1, length);
    }
    return {};
  };
  VLAQ_RETURN_IF_ERROR(ForEachEpisode(bundle.policy, options.episodes, run));
  return recorder.Take();
}

// Whether both are shown the same.
bool TakeTheSame(const Policy& a, const Policy& b) {
  return std::ranges::equal(a.inputs, b.inputs, [](const policy::Input& x, const policy::Input& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  });
}

Result<Difference> CompareAll(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual,
                              double relative_tolerance) {
  Difference difference(relative_tolerance);
  for (size_t t = 0; t < std::min(expected.size(), actual.size()); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const Difference one, Compare(expected[t], actual[t], relative_tolerance));
    difference.Merge(one);
  }
  return difference;
}

}  // namespace

Status CheckReferenceNumbers(const Bundle& bundle, const Bundle& reference, const ReferenceNumberOptions& options,
                             Log& log, Report& report) {
  if (!TakeTheSame(bundle.policy, reference.policy)) {
    return InputError(reference.path.string(), "takes frames of another size: it is another policy than the bundle",
                      "give the bundle that it was quantized from");
  }
  VLAQ_ASSIGN_OR_RETURN(const Watched watched, WatchedIn(bundle, reference, !options.open.engines.empty()));
  VLAQ_ASSIGN_OR_RETURN(Outputs expected, RunOn(reference, watched, options, options.open.ForSource(), log));
  VLAQ_ASSIGN_OR_RETURN(Outputs actual, RunOn(bundle, watched, options, options.open, log));
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* bounds, BoundsOfStages(bundle.precision));
  const Bound of_stage = options.tolerance.ForStage({Measure::kRelative, bounds->features});
  const Bound of_actions =
      options.tolerance.ForActions(MainOutputBound(reference.policy, bounds->actions, bounds->actions_rms));
  for (const auto& [name, tensors] : expected) {
    const auto value = watched.bound.find(name);
    const bool output = value != watched.bound.end() && bundle.policy.FindOutput(value->second) != nullptr;
    const Bound& bound = output ? of_actions : of_stage;
    VLAQ_ASSIGN_OR_RETURN(const Difference difference, CompareAll(tensors, actual[name], bound.relative));
    report.checks.push_back(JudgeDifference(
        name + " against the source", difference, bound, Against::kSource,
        fmt::format(", {} {} frames", tensors.size(), options.episodes == nullptr ? "noise" : "recorded")));
  }
  const std::string reason = fmt::format("{}: {}", bounds->precision, bounds->reason);
  const std::string by_user = "given on the command line";
  report.evidence.limits.push_back(
      {"most_feature_difference", of_stage.limit, options.tolerance.of_stages() ? by_user : reason});
  report.evidence.limits.push_back(
      {"most_action_difference", of_actions.limit, options.tolerance.of_actions() ? by_user : reason});
  return {};
}

}  // namespace vlaq::verification
