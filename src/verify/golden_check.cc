#include "verify/golden_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "families/family.h"
#include "policy/value_shapes.h"
#include "runtime/text_encoder.h"
#include "verify/golden.h"
#include "verify/golden_inputs.h"
#include "verify/golden_places.h"
#include "verify/number_bounds.h"
#include "verify/play.h"
#include "verify/rows.h"

namespace vlaq::verify {
namespace {

using backend::NamedTensors;
using bundle::Bundle;
using policy::Policy;

constexpr std::string_view kOfFirstSteps = "window_";  // "window_actions": of a window that fills

bool IsOfFirstSteps(std::string_view name) { return name.starts_with(kOfFirstSteps); }

// A golden tensor [T, ...], and the value that it is held against.
struct Stage {
  std::string name;
  GoldenPlace place;
  Rows rows;  // of the steps that are compared, by place.seen_as
};

// Finds the stages of a golden file in a policy.
class StageReader {
 public:
  StageReader(const Bundle& bundle, const Golden& golden, const GoldenPlaces& places, size_t steps, bool engines)
      : policy_(bundle.policy), golden_(golden), places_(places), steps_(steps), engines_(engines) {}

  // In the order in which a step makes them; what is an input is none. Errors: kInput.
  Result<std::vector<Stage>> Read(Report& report) {
    if (const families::Family* family = families::FindOrNull(policy_.family)) {
      VLAQ_ASSIGN_OR_RETURN(known_, family->GoldenStages(policy_));
    }
    std::vector<Stage> stages;
    for (const std::string& name : golden_.Names()) {
      auto place = PlaceOf(name, report);
      if (!place) continue;
      if (!place->graph.empty() && engines_) {
        report.untestable.push_back({kNumberRung, name, "an engine gives its outputs only"});
        continue;
      }
      VLAQ_ASSIGN_OR_RETURN(Rows rows, RowsOf(name, place->seen_as));
      stages.push_back({name, std::move(*place), std::move(rows)});
    }
    std::ranges::stable_sort(stages, {}, [](const Stage& stage) { return stage.place.order; });
    if (!unknown_.empty()) {
      report.notes.push_back(fmt::format("{} holds {}, which this policy does not make: nothing was compared with it",
                                         golden_.path().filename().string(), fmt::join(unknown_, ", ")));
    }
    return stages;
  }

 private:
  std::optional<GoldenPlace> PlaceOf(const std::string& name, Report& report) {
    const std::string made = IsOfFirstSteps(name) ? name.substr(kOfFirstSteps.size()) : name;
    auto place = places_.Find(name);
    if (!place) place = places_.Find(made);
    const bool is_stage = std::ranges::find(known_, made) != known_.end();
    if (place && !(place->is_input && is_stage)) return place->is_input ? std::nullopt : place;
    if (is_stage) {  // the bundle's silence may not spare it a comparison
      report.checks.push_back({kNumberRung, name, false, "policy.json names no value for this stage", {}});
    } else if (golden_.IsByStep(name, steps_)) {
      unknown_.push_back(name);
    }
    return std::nullopt;
  }

  Result<Rows> RowsOf(const std::string& name, const std::string& value) const {
    VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, golden_.Load(name));
    auto count = std::min(tensor.shape()[0], static_cast<int64_t>(steps_));
    if (IsOfFirstSteps(name)) {
      const auto& schedule = policy_.schedules.at(policy_.default_schedule);
      count = std::min(count, policy::LongestWindow(schedule).value_or(1));
    }
    Rows rows;
    for (int64_t t = 0; t < count; ++t) rows.push_back({{value, tensor.Row(t)}});
    return rows;
  }

  const Policy& policy_;
  const Golden& golden_;
  const GoldenPlaces& places_;
  size_t steps_;
  bool engines_;
  std::vector<std::string> known_;    // to the family
  std::vector<std::string> unknown_;  // to it and to the bundle
};

Status JudgeStages(const Bundle& bundle, const std::vector<Stage>& stages, const Played& played,
                   const NumberOptions& options, Report& report) {
  const Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(NumberBounds bounds, BoundsOfNumbers(bundle, options.tolerance));
  bounds.outputs.most_rms = 0;  // of many frames
  const int64_t window = policy::LongestWindow(policy.schedules.at(policy.default_schedule)).value_or(0);
  for (const Stage& stage : stages) {
    const std::string& value = stage.place.seen_as;
    const bool seen = std::ranges::any_of(played.seen, [&](const auto& step) { return step.contains(value); });
    if (played.stopped && !seen) continue;
    const bool first_steps = IsOfFirstSteps(stage.name), output = stage.place.is_output;
    Comparison comparison{stage.name, value, output ? bounds.outputs : bounds.stages, Against::kGolden};
    if (first_steps) std::ranges::replace(comparison.name, '_', ' ');
    if (output && !first_steps) comparison.remark = fmt::format(", {} steps", stage.rows.size());
    auto check = CompareRows(comparison, stage.rows, played.seen);
    if (!check.ok()) return Within(fmt::format("'{}'", stage.name), check.error());
    report.checks.push_back(*std::move(check));
    if (!output || value != policy.outputs.front().name || first_steps) continue;
    report.shown.insert(Shown::kGoldenActions);
    if (static_cast<int64_t>(stage.rows.size()) > window) report.shown.insert(Shown::kGoldenWindow);
  }
  return {};
}

// Whether the policy is told what it was made with.
Result<bool> IsToldExported(const Bundle& bundle, const StepInputs& inputs) {
  if (!inputs.task) return true;
  VLAQ_ASSIGN_OR_RETURN(const auto text, runtime::OpenTextEncoder(bundle, {}));
  return std::ranges::equal(*inputs.task, text->Exported().values, [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.shape() == b.second.shape() &&
           std::ranges::equal(a.second.bytes(), b.second.bytes());
  });
}

}  // namespace

Status CheckAgainstGolden(const Bundle& bundle, const std::filesystem::path& path, const NumberOptions& options,
                          Log& log, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const Golden golden, Golden::Open(path));
  VLAQ_ASSIGN_OR_RETURN(const GoldenPlaces places, GoldenPlaces::Make(bundle));
  VLAQ_ASSIGN_OR_RETURN(const GoldenInputs made, ReadGoldenInputs(bundle, golden, places));
  if (made.preprocessed) {
    report.checks.push_back(
        JudgeDifference("pixels", *made.preprocessed, {.limit = kMaxPixelDifference}, Against::kGolden));
  }
  if (made.pictures) report.shown.insert(Shown::kGoldenPixels);
  StepInputs inputs = made.inputs;
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Stage> stages,
                        StageReader(bundle, golden, places, inputs.steps, !options.open.engines.empty()).Read(report));
  std::vector<WatchedValue> watched;
  for (const Stage& stage : stages) watched.push_back({stage.place.seen_as, stage.place.graph, stage.place.value});
  VLAQ_ASSIGN_OR_RETURN(Played played, CheckDefaultSchedule(bundle, inputs, watched, options, log, report));
  const Status judged = JudgeStages(bundle, stages, played, options, report);
  if (!judged.ok()) return Within(path.string(), judged.error());
  VLAQ_ASSIGN_OR_RETURN(const bool exported, IsToldExported(bundle, inputs));
  if (exported) report.shown.insert(Shown::kGoldenPrompt);
  if (played.stopped) return {};
  if (!exported && bundle.policy.schedules.size() > 1) {  // the other schedules may know the exported task only
    inputs.task.reset();
    VLAQ_ASSIGN_OR_RETURN(played, Play(bundle, inputs, {.backend = options.backend, .open = options.open}, log));
    if (played.stopped) return ReportStop("runs", played, options, report);
  }
  return CheckSchedules(bundle, inputs, played, options, log, report);
}

}  // namespace vlaq::verify
