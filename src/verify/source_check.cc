#include "verify/source_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "verify/golden_places.h"
#include "verify/number_bounds.h"
#include "verify/play.h"
#include "verify/rows.h"
#include "verify/schedules.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;
using policy::Policy;

constexpr size_t kStageSteps = 12;  // a value within a graph has megabytes

// Values to compare, each with its name in checks.
using NamedValues = std::vector<std::pair<std::string, WatchedValue>>;

NamedValues OutputsOf(const Policy& policy) {
  NamedValues values;
  for (const policy::Output& output : policy.outputs) values.push_back({output.name, {output.name}});
  return values;
}

// What every graph of the default schedule makes for another or for the robot, and the stages that both name alike.
Result<NamedValues> ValuesOfFamily(const Bundle& bundle, const Bundle& source, bool has_engines) {
  VLAQ_ASSIGN_OR_RETURN(const GoldenPlaces places, GoldenPlaces::Make(bundle));
  std::map<std::string, WatchedValue> values;
  const Policy& policy = bundle.policy;
  for (const std::string& graph : GraphsOf(policy.schedules.at(policy.default_schedule))) {
    for (const auto& [port, value] : policy.graphs.at(graph).outputs) {
      if (!values.emplace(places.NameOf(value), WatchedValue{value}).second) values.emplace(value, WatchedValue{value});
    }
  }
  for (const auto& [stage, value] : bundle.stages) {
    const auto other = source.stages.find(stage);
    const auto place = places.Find(stage);
    const bool both = other != source.stages.end() && other->second == value;
    if (has_engines || !both || !place || place->graph.empty()) continue;
    values.emplace(stage, WatchedValue{place->seen_as, place->graph, place->value, kStageSteps});
  }
  return NamedValues(values.begin(), values.end());
}

bool TakeTheSame(const Policy& a, const Policy& b) {
  return std::ranges::equal(a.inputs, b.inputs, [](const policy::Input& x, const policy::Input& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  });
}

// What keeps the outputs of the two from being compared; empty: nothing.
std::string HowOutputsDiffer(const Policy& policy, const Policy& source) {
  for (const policy::Output& output : source.outputs) {
    if (policy.FindOutput(output.name) == nullptr) return "has no output " + output.name;
  }
  return policy.outputs.size() == source.outputs.size() ? "" : "has other outputs than the source";
}

}  // namespace

Status CheckAgainstSource(const Bundle& bundle, const Bundle& source, const StepInputs& inputs,
                          const NumberOptions& options, Log& log, Report& report) {
  const std::string name = "outputs against the source";
  if (!TakeTheSame(bundle.policy, source.policy)) {
    return InputError(source.path.string(), "takes other inputs: it is another policy than the bundle",
                      "give the bundle that it was made from");
  }
  if (std::string differ = HowOutputsDiffer(bundle.policy, source.policy); !differ.empty()) {
    report.checks.push_back({kNumberRung, name, false, std::move(differ), {}});
    return {};
  }
  NamedValues values = OutputsOf(bundle.policy);
  if (!IsOfAnyGraphs(bundle.policy)) {
    VLAQ_ASSIGN_OR_RETURN(values, ValuesOfFamily(bundle, source, !options.open.engines.empty()));
  }
  PlayOptions play{
      .backend = options.backend, .open = options.open.ForSource(), .schedule = source.policy.default_schedule};
  for (const auto& [check, value] : values) play.watched.push_back(value);
  VLAQ_ASSIGN_OR_RETURN(const Played expected, Play(source, inputs, play, log));
  if (expected.stopped) {
    ReportNotRun(name, "the source does", source, expected, inputs, report);
    return {};
  }
  play.open = options.open;
  VLAQ_ASSIGN_OR_RETURN(const Played actual, Play(bundle, inputs, play, log));
  if (actual.stopped) return ReportStop(name, actual, options, report);
  VLAQ_ASSIGN_OR_RETURN(const NumberBounds bounds, BoundsOfNumbers(bundle, options.tolerance));
  for (const auto& [check, value] : values) {
    const bool output = bundle.policy.FindOutput(value.seen_as) != nullptr;
    const std::string remark = fmt::format(", {} {}", std::min(inputs.steps, value.most_steps), inputs.what);
    report.checks.push_back(JudgeRows({check + " against the source", value.seen_as,
                                       output ? bounds.outputs : bounds.stages, Against::kSource, remark},
                                      output ? expected.outputs : expected.seen,
                                      output ? actual.outputs : actual.seen));
  }
  return ReportBounds(bundle, options.tolerance, report);
}

}  // namespace vlaq::verify
