#include "verification/numbers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "engine/find.h"
#include "policy/value_shapes.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"
#include "tensor/difference.h"
#include "tensor/non_finite.h"
#include "verification/difference_check.h"
#include "verification/golden_steps.h"
#include "verification/golden_values.h"
#include "verification/precision_bounds.h"
#include "verification/schedules.h"
#include "verification/step_numbers.h"

namespace vlaq::verification {
namespace {

using backend::NamedTensors;
using bundle::Bundle;
using policy::Policy;

constexpr std::string_view kOfFirstSteps = "window_";  // "window_actions": of a window that fills

// A golden tensor [T, ...], the value that it is held against, and what was found so far.
struct Stage {
  std::string name;
  GoldenPlace place;
  Tensor reference;
  Difference difference = {};
};

// Keeps what the stages are held against of a step, and what is no number.
class StageProbe : public runtime::Probe {
 public:
  explicit StageProbe(std::span<const Stage> stages) {
    for (const Stage& stage : stages) wanted_.insert(stage.place.seen_as);
  }
  void See(std::string_view name, const Tensor& value) override {
    if (wanted_.contains(name)) seen_.insert_or_assign(std::string(name), value);
    if (!not_finite_.empty()) return;
    const NonFinite found = FindNonFinite(value.dtype(), value.bytes());
    if (found.any()) not_finite_ = fmt::format("'{}': {}", name, found.Describe(value.size()));
  }
  void Clear() {
    seen_.clear();
    not_finite_.clear();
  }
  const NamedTensors& seen() const { return seen_; }
  const std::string& not_finite() const { return not_finite_; }

 private:
  std::set<std::string, std::less<>> wanted_;
  NamedTensors seen_;
  std::string not_finite_;  // the first such value; empty: none
};

Tensor WithoutBatchAxis(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  if (shape.empty() || shape[0] != 1) return tensor;
  return tensor.Reshaped(Shape(shape.begin() + 1, shape.end()));
}

class NumberChecker {
 public:
  NumberChecker(const Bundle& bundle, const NumberOptions& options, const NumberLimits& limits, Log& log,
                Report& report)
      : bundle_(bundle), policy_(bundle.policy), options_(options), log_(log), report_(report), limits_(limits) {
    if (bundle.plan) limits_.streaming = limits_.actions;  // another batch, other scales
  }

  Status Run() {
    VLAQ_ASSIGN_OR_RETURN(text_, runtime::OpenTextEncoder(bundle_, {}));
    if (text_ != nullptr) task_ = text_->Exported().values;
    std::vector<Stage> none;
    if (options_.golden.empty()) {
      const StepInputs noise = NoiseSteps(policy_, options_.seed);
      for (size_t t = 0; t < noise.steps; ++t) {
        VLAQ_ASSIGN_OR_RETURN(steps_.emplace_back(), noise.read(t));
      }
      VLAQ_RETURN_IF_ERROR(PlayDefault(none));
    } else {
      VLAQ_RETURN_IF_ERROR(CompareWithGolden());
    }
    if (text_ != nullptr && !stopped_ && !IsExported(task_)) {  // other schedules may know the exported task only
      task_ = text_->Exported().values;
      VLAQ_RETURN_IF_ERROR(PlayDefault(none));
    }
    for (const auto& [name, schedule] : policy_.schedules) {
      if (name != policy_.default_schedule && !stopped_) VLAQ_RETURN_IF_ERROR(CompareSchedule(name));
    }
    return {};
  }

 private:
  Status CompareWithGolden() {
    VLAQ_ASSIGN_OR_RETURN(const Golden golden, Golden::Open(options_.golden));
    VLAQ_ASSIGN_OR_RETURN(const GoldenPlaces places, GoldenPlaces::Make(bundle_));
    VLAQ_ASSIGN_OR_RETURN(GoldenSteps made, ReadGoldenSteps(bundle_, golden, places));
    if (made.pictures) {
      if (made.preprocessed) {
        report_.checks.push_back(
            JudgeDifference("pixels", *made.preprocessed, {.limit = limits_.pixels}, Against::kGolden));
      }
      report_.shown.insert(Shown::kGoldenPixels);
    }
    steps_ = std::move(made.steps);
    if (text_ != nullptr) {
      VLAQ_ASSIGN_OR_RETURN(task_, ReadGoldenTask(policy_, *text_, golden, places));
    }
    VLAQ_ASSIGN_OR_RETURN(std::vector<Stage> stages, ListStages(golden, places));
    VLAQ_RETURN_IF_ERROR(PlayDefault(stages));
    JudgeStages(stages);
    if (text_ == nullptr || IsExported(task_)) report_.shown.insert(Shown::kGoldenPrompt);
    return {};
  }

  // In the order in which a step makes them. What is an input was read before; what is no float is no stage.
  Result<std::vector<Stage>> ListStages(const Golden& golden, const GoldenPlaces& places) {
    std::vector<Stage> stages;
    for (const std::string& name : golden.Names()) {
      auto place = places.Find(name);
      if (!place && name.starts_with(kOfFirstSteps)) place = places.Find(name.substr(kOfFirstSteps.size()));
      if (place && place->is_input) continue;
      if (!place) {  // the bundle's silence may not spare it a comparison
        if (text_ != nullptr && golden.IsByStep(name, steps_.size())) {
          report_.checks.push_back({1, name, false, "policy.json names no value for this stage", {}});
        }
        continue;
      }
      if (!place->graph.empty() && !options_.open.engines.empty()) {
        report_.untestable.push_back({1, name, "an engine gives its outputs only"});
        continue;
      }
      VLAQ_ASSIGN_OR_RETURN(Tensor reference, golden.Load(name));
      stages.push_back({name, std::move(*place), std::move(reference)});
    }
    std::ranges::stable_sort(stages, {}, [](const Stage& stage) { return stage.place.order; });
    return stages;
  }

  bool IsOfFirstSteps(const Stage& stage) const { return stage.name.starts_with(kOfFirstSteps); }
  // Rows that are compared.
  int64_t RowsOf(const Stage& stage) const {
    int64_t rows = std::min(stage.reference.shape()[0], static_cast<int64_t>(steps_.size()));
    if (IsOfFirstSteps(stage)) rows = std::min(rows, policy::LongestWindow(DefaultSteps()).value_or(1));
    return rows;
  }
  const std::vector<policy::Step>& DefaultSteps() const { return policy_.schedules.at(policy_.default_schedule); }

  void JudgeStages(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (stopped_ && stage.difference.count() == 0) continue;
      std::string name = stage.name;
      if (IsOfFirstSteps(stage)) std::ranges::replace(name, '_', ' ');
      if (!stage.place.is_output) {
        const Bound bound = options_.tolerance.ForStage({Measure::kRelative, limits_.features});
        report_.checks.push_back(JudgeDifference(name, stage.difference, bound, Against::kGolden));
        continue;
      }
      const int64_t compared = RowsOf(stage);
      report_.checks.push_back(JudgeDifference(name, stage.difference, ActionBound(), Against::kGolden,
                                               IsOfFirstSteps(stage) ? "" : fmt::format(", {} steps", compared)));
      if (stage.place.seen_as != policy_.outputs.front().name || IsOfFirstSteps(stage)) continue;
      report_.shown.insert(Shown::kGoldenActions);
      if (compared > policy::LongestWindow(DefaultSteps()).value_or(0)) report_.shown.insert(Shown::kGoldenWindow);
    }
  }

  // The default schedule on all steps, comparing stages on the way.
  Status PlayDefault(std::vector<Stage>& stages) {
    runtime::ExtraOutputs extra;
    for (const Stage& stage : stages) {
      if (!stage.place.graph.empty()) extra[stage.place.graph].push_back(stage.place.value);
    }
    VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor,
                          runtime::OpenExecutor(bundle_, "", *options_.backend, options_.open, extra));
    StageProbe probe(stages);
    executor.SetProbe(&probe);
    outputs_.clear();
    for (size_t t = 0; t < steps_.size(); ++t) {
      probe.Clear();
      auto outputs = executor.Step(Values(t));
      for (Stage& stage : stages) VLAQ_RETURN_IF_ERROR(AddRow(stage, t, probe.seen()));
      if (!outputs.ok()) {
        if (probe.not_finite().empty()) return outputs.error();
        report_.checks.push_back({1, "finite", false, fmt::format("step {}: {}", t, probe.not_finite()), {}});
        stopped_ = true;
        return {};
      }
      outputs_.push_back(*std::move(outputs));
      log_.Progress("steps", t + 1, steps_.size());
    }
    return {};
  }

  NamedTensors Values(size_t t) const {
    NamedTensors values = steps_[t];
    values.insert(task_.begin(), task_.end());
    return values;
  }

  Status AddRow(Stage& stage, size_t t, const NamedTensors& seen) {
    const auto actual = seen.find(stage.place.seen_as);
    if (static_cast<int64_t>(t) >= RowsOf(stage) || actual == seen.end()) return {};
    const auto compared = Compare(stage.reference.Row(static_cast<int64_t>(t)), WithoutBatchAxis(actual->second));
    if (!compared.ok()) {
      return Within(fmt::format("{}: '{}'", options_.golden.string(), stage.name), compared.error());
    }
    stage.difference.Merge(*compared);
    return {};
  }

  Bound ActionBound() const { return options_.tolerance.ForActions(MainOutputBound(policy_, limits_.actions)); }

  bool IsExported(const NamedTensors& task) const {
    return std::ranges::equal(task, text_->Exported().values, [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.shape() == b.second.shape() &&
             std::ranges::equal(a.second.bytes(), b.second.bytes());
    });
  }

  // Another schedule gives the same outputs: on the first step, a full window, and past it (where there are so many
  // steps). Those between are gone over without outputs.
  Status CompareSchedule(const std::string& name) {
    const std::string& main = policy_.default_schedule;
    const std::string check = policy_.schedules.size() == 2 ? main : fmt::format("{} against {}", main, name);
    const std::filesystem::path& engines = options_.open.engines;
    for (const std::string& graph : GraphsOf(policy_.schedules.at(name))) {
      if (engines.empty() || engine::HasEngine(bundle_, graph, engines)) continue;
      report_.untestable.push_back(
          {1, check, fmt::format("the graph '{}' has no engine in {}", graph, engines.string())});
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor,
                          runtime::OpenExecutor(bundle_, name, *options_.backend, options_.open));
    const size_t last = steps_.size() - 1;
    const auto window = static_cast<size_t>(policy::LongestWindow(policy_).value_or(1));
    const std::set<size_t> compared{0, std::min(last, window - 1), last};
    Difference difference;
    for (size_t t = 0; t < steps_.size(); ++t) {
      if (!compared.contains(t)) {
        VLAQ_RETURN_IF_ERROR(executor.Advance(Values(t)));
        continue;
      }
      VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, executor.Step(Values(t)));
      for (const auto& [output, value] : outputs) {
        VLAQ_ASSIGN_OR_RETURN(const Difference step, Compare(outputs_[t].at(output), value));
        difference.Merge(step);
      }
    }
    std::string remark = fmt::format(" between the schedules '{}' and '{}', {} steps", main, name, compared.size());
    if (bundle_.plan) remark += "; quantized over one frame there, over a whole window here";
    report_.checks.push_back(
        JudgeDifference(check, difference, {.limit = limits_.streaming}, Against::kItself, remark));
    return {};
  }

  const Bundle& bundle_;
  const Policy& policy_;
  const NumberOptions& options_;
  Log& log_;
  Report& report_;
  NumberLimits limits_;
  std::unique_ptr<runtime::TextEncoder> text_;  // null: the policy reads no instruction
  NamedTensors task_;                           // its values
  std::vector<NamedTensors> steps_;             // the other inputs, as the executor takes them
  std::vector<NamedTensors> outputs_;           // of the default schedule
  bool stopped_ = false;                        // by a value that is no number
};

}  // namespace

Result<NumberLimits> LimitsFor(const std::string& precision) {
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* bounds, BoundsOfStages(precision));
  NumberLimits limits;
  limits.features = bounds->features;
  limits.actions = bounds->actions;
  return limits;
}

Status CheckNumbers(const Bundle& bundle, const NumberOptions& options, Log& log, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const NumberLimits limits, LimitsFor(bundle.precision));
  return NumberChecker(bundle, options, limits, log, report).Run();
}

}  // namespace vlaq::verification
