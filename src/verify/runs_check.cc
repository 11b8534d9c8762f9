#include "verify/runs_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "engine/find.h"
#include "policy/value_shapes.h"
#include "verify/number_bounds.h"
#include "verify/rows.h"
#include "verify/schedules.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;
using policy::Policy;

// Where schedules are compared: a window when it is new, when it is full, and past that, since some encode all of it in
// every step; without a window every step.
std::set<size_t> ComparedSteps(const std::vector<policy::Step>& schedule, size_t steps) {
  std::vector<size_t> all(steps);
  std::iota(all.begin(), all.end(), 0);
  const auto window = policy::LongestWindow(schedule);
  if (!window || all.empty()) return {all.begin(), all.end()};
  return {all.front(), std::min(all.back(), static_cast<size_t>(*window) - 1), all.back()};
}

// A graph that the schedule runs and that has no engine where engines run; empty: none.
std::string WithoutEngine(const Bundle& bundle, const std::vector<policy::Step>& schedule,
                          const std::filesystem::path& engines) {
  if (engines.empty()) return "";
  for (const std::string& graph : GraphsOf(schedule)) {
    if (!engine::HasEngine(bundle, graph, engines)) return graph;
  }
  return "";
}

}  // namespace

Status ReportStop(const std::string& name, const Played& played, const NumberOptions& options, Report& report) {
  // That a provider does not take a graph, or an engine is not there, says nothing of the policy.
  if (!played.opened && options.open.provider != "cpu") return *played.stopped;
  report.checks.push_back({kNumberRung, name, false, played.stopped->ToString(), {}});
  return {};
}

void ReportNotRun(const std::string& name, const std::string& who, const Bundle& bundle, const Played& played,
                  const StepInputs& inputs, Report& report) {
  const bool may_not_fit = inputs.noise && played.opened && IsOfAnyGraphs(bundle.policy);
  const std::string advice = may_not_fit ? "; give real ones: --inputs FILE.safetensors" : "";
  report.untestable.push_back(
      {kNumberRung, name, fmt::format("{} not run on {}: {}{}", who, inputs.what, played.stopped->ToString(), advice),
       true});
}

Result<Played> CheckDefaultSchedule(const Bundle& bundle, const StepInputs& inputs,
                                    const std::vector<WatchedValue>& watched, const NumberOptions& options, Log& log,
                                    Report& report) {
  const std::string name = "runs";
  VLAQ_ASSIGN_OR_RETURN(
      Played played, Play(bundle, inputs, {.backend = options.backend, .open = options.open, .watched = watched}, log));
  if (!played.stopped) {
    report.checks.push_back({kNumberRung,
                             name,
                             true,
                             fmt::format("every output is made and finite, {} {}", played.outputs.size(), inputs.what),
                             {}});
  } else if (inputs.noise && IsOfAnyGraphs(bundle.policy)) {  // what a family's policy takes is known
    ReportNotRun(name, "it does", bundle, played, inputs, report);
  } else {
    VLAQ_RETURN_IF_ERROR(ReportStop(name, played, options, report));
  }
  return played;
}

Status CheckSchedules(const Bundle& bundle, const StepInputs& inputs, const Played& by_default,
                      const NumberOptions& options, Log& log, Report& report) {
  const Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(const NumberBounds bounds, BoundsOfNumbers(bundle, options.tolerance));
  for (const auto& [schedule, steps] : policy.schedules) {
    const std::string& main = policy.default_schedule;
    if (schedule == main) continue;
    const std::string name = policy.schedules.size() == 2 ? main : fmt::format("{} against {}", main, schedule);
    if (const std::string graph = WithoutEngine(bundle, steps, options.open.engines); !graph.empty()) {
      report.untestable.push_back(
          {kNumberRung, name, fmt::format("the graph '{}' has no engine in {}", graph, options.open.engines.string())});
      continue;
    }
    const std::set<size_t> compared = ComparedSteps(steps, inputs.steps);
    VLAQ_ASSIGN_OR_RETURN(
        const Played other,
        Play(bundle, inputs, {.backend = options.backend, .open = options.open, .schedule = schedule, .only = compared},
             log));
    if (other.stopped) {
      VLAQ_RETURN_IF_ERROR(ReportStop(name, other, options, report));
      continue;
    }
    Rows expected;
    for (const size_t t : compared) expected.push_back(by_default.outputs[t]);
    std::string remark = fmt::format(" between the schedules '{}' and '{}', {} steps", main, schedule, compared.size());
    const bool frames = bundle.plan && !IsOfAnyGraphs(policy);  // of other graphs it is not known what a batch is
    if (frames) remark += "; quantized over one frame there, over a whole window here";
    for (const policy::Output& output : policy.outputs) {
      const std::string of = policy.outputs.size() == 1 ? name : fmt::format("{}, {}", name, output.name);
      report.checks.push_back(
          JudgeRows({of, output.name, bounds.schedules, Against::kItself, remark}, expected, other.outputs));
    }
  }
  return {};
}

Status CheckRuns(const Bundle& bundle, const StepInputs& inputs, const NumberOptions& options, Log& log,
                 Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const Played played, CheckDefaultSchedule(bundle, inputs, {}, options, log, report));
  if (played.stopped) return {};
  return CheckSchedules(bundle, inputs, played, options, log, report);
}

}  // namespace vlaq::verify
