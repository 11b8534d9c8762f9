#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/robot_arguments.h"

namespace vlaq::cli {
namespace {

using robot::LoopSummary;
using robot::ToMs;

Json QuantilesJson(const robot::Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50_ms", ToMs(histogram.Quantile(0.5))},
          {"p99_ms", ToMs(histogram.Quantile(0.99))},
          {"max_ms", ToMs(histogram.max())}};
}

std::string QuantilesText(const robot::Histogram& histogram) {
  if (histogram.count() == 0) return "none";
  return fmt::format("p50 {} ms, p99 {} ms, max {} ms", ThreeDigits(ToMs(histogram.Quantile(0.5))),
                     ThreeDigits(ToMs(histogram.Quantile(0.99))), ThreeDigits(ToMs(histogram.max())));
}

Json CommandJson(const robot::Settings& settings, const robot::Command& command) {
  Json json = Json::object();
  for (size_t i = 0; i < settings.axes.size(); ++i) json[settings.axes[i].to] = OrNull(command.values[i]);
  return json;
}

Json DrivenJson(const robot::Settings& settings, const Driven& driven) {
  const LoopSummary& summary = driven.summary;
  Json json{{"name", driven.name},
            {"state", Name(summary.state)},
            {"reasons", summary.reasons.ToString()},
            {"ticks", summary.ticks},
            {"missed_ticks", summary.missed_ticks},
            {"unrecorded_ticks", summary.unrecorded_ticks},
            {"jitter", QuantilesJson(*summary.jitter)},
            {"inferences", summary.inferences},
            {"failed_inferences", summary.failed_inferences},
            {"missed_deadlines", summary.missed_deadlines},
            {"latency", QuantilesJson(*summary.latencies)},
            {"last_error", summary.last_error},
            {"last_command", CommandJson(settings, summary.last_command)}};
  if (driven.succeeded) json["succeeded"] = *driven.succeeded;
  return json;
}

void PrintOne(const RobotArguments& a, const robot::Settings& settings, const LoopSummary& summary, bool recorded,
              std::ostream& out) {
  out << fmt::format("ended in {}; on the way: {}\n", Name(summary.state), summary.reasons.ToString());
  out << fmt::format("{} ticks of {} ms, {} missed; late by {}\n", Grouped(static_cast<int64_t>(summary.ticks)),
                     settings.timing.control_period_ms, summary.missed_ticks, QuantilesText(*summary.jitter));
  out << fmt::format("{} inferences, {} failed, {} took longer than {} ms; {}\n",
                     Grouped(static_cast<int64_t>(summary.inferences)), summary.failed_inferences,
                     summary.missed_deadlines, settings.timing.inference_period_ms, QuantilesText(*summary.latencies));
  if (!summary.last_error.empty()) out << "last error of inference: " << Printable(summary.last_error) << "\n";
  if (summary.unrecorded_ticks > 0)
    out << fmt::format("{} ticks were not recorded: the disk was too slow\n", summary.unrecorded_ticks);
  if (!a.record.empty())
    out << (recorded ? "recorded: " : "recorded in part only: ") << Printable(a.record.string()) << "\n";
}

std::string ResultOf(const Driven& driven) {
  if (!driven.succeeded) return std::string(Name(driven.summary.state));
  return *driven.succeeded ? "reached the bottle" : "failed";
}

void PrintMany(const std::vector<Driven>& drives, std::ostream& out) {
  TextTable table({"episode", "result", "ticks", "inferences", "failed", "late p99 ms", "inference p99 ms"});
  for (const Driven& driven : drives) {
    const LoopSummary& summary = driven.summary;
    table.AddRow({driven.name, ResultOf(driven), std::to_string(summary.ticks), std::to_string(summary.inferences),
                  std::to_string(summary.failed_inferences), ThreeDigits(ToMs(summary.jitter->Quantile(0.99))),
                  ThreeDigits(ToMs(summary.latencies->Quantile(0.99)))});
  }
  out << table.ToString();
}

}  // namespace

void PrintDrives(const RobotArguments& a, const robot::Settings& settings, const std::vector<Driven>& drives,
                 bool recorded, Context& context) {
  const auto succeeded =
      std::ranges::count_if(drives, [](const Driven& driven) { return driven.succeeded.value_or(false); });
  if (a.json) {
    Json list = Json::array();
    for (const Driven& driven : drives) list.push_back(DrivenJson(settings, driven));
    Json json{{"schema", "vlaq.robot_run/1"}, {"bundle", a.bundle.string()}, {"real_time", a.ros2 || a.real_time}};
    if (a.sim) json["succeeded"] = succeeded;
    if (!a.record.empty()) json["recording"] = {{"file", a.record.string()}, {"complete", recorded}};
    json["drives"] = std::move(list);
    PrintJson(json, context.out);
    return;
  }
  if (drives.size() == 1 && drives.front().name.empty()) {
    PrintOne(a, settings, drives.front().summary, recorded, context.out);
    return;
  }
  PrintMany(drives, context.out);
  if (a.sim)
    context.out << fmt::format("\n{} of {} reached the bottle on the side that they were told\n", succeeded,
                               drives.size());
}

void PrintReplay(const RobotArguments& a, const robot::record::ReplayResult& result, Context& context) {
  for (const Error& damage : result.damage) context.log.Warning(damage.ToString());
  if (a.json) {
    PrintJson({{"schema", "vlaq.robot_replay/1"},
               {"ticks", result.ticks},
               {"different_ticks", result.different_ticks},
               {"steps", result.steps},
               {"different_steps", result.different_steps},
               {"largest_difference", OrNull(result.largest_difference)},
               {"first_difference", result.first_difference},
               {"states", result.states}},
              context.out);
    return;
  }
  context.out << fmt::format("{} ticks: {} give another command than then\n", result.ticks, result.different_ticks);
  if (result.steps > 0) {
    context.out << fmt::format("{} inferences: {} give other actions, by {} at most\n", result.steps,
                               result.different_steps, ThreeDigits(result.largest_difference));
  } else {
    context.out << "no pictures were recorded: the policy was not asked again\n";
  }
  for (const auto& [state, ticks] : result.states) context.out << fmt::format("  {:<8} {} ticks\n", state, ticks);
}

}  // namespace vlaq::cli
