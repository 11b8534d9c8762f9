#include "cli/eval_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "evaluation/summary.h"

namespace vlaq::cli {
namespace {

using evaluation::ConditionOutcomes;
using evaluation::Contestant;
using evaluation::Rate;

std::string Percent(const Rate& rate) { return fmt::format("{:.1f}", 100 * rate.fraction()); }

std::string Interval(const Rate& rate) {
  return fmt::format("{:.1f} to {:.1f}", 100 * rate.interval().low, 100 * rate.interval().high);
}

void PrintContestant(const Contestant& contestant, std::ostream& out) {
  out << fmt::format("{} {}\n", contestant.subject.kind, contestant.subject.name);
  TextTable table({"condition", "success %", "95 % interval", "told side %", "other side %", "collided %",
                   "timed out %", "s", "m"});
  for (const ConditionOutcomes& c : contestant.conditions) {
    const evaluation::Summary s = evaluation::Summarise(c.outcomes);
    table.AddRow({std::string(Name(c.condition)), Percent(s.success), Interval(s.success), Percent(s.told_side),
                  Percent(s.other_side), Percent(s.collided), Percent(s.timed_out),
                  fmt::format("{:.1f}", s.mean_steps * sim::kControlPeriod),
                  fmt::format("{:.2f}", s.mean_path_length)});
  }
  out << table.ToString() << "\n";
}

void PrintLayouts(const Contestant& contestant, std::ostream& out) {
  const evaluation::Summary s = evaluation::Summarise(contestant.conditions.front().outcomes);
  TextTable table({"layout", "success", "of"});
  for (const auto& [name, rate] : s.by_layout) {
    table.AddRow({name, std::to_string(rate.count), std::to_string(rate.of)});
  }
  out << table.ToString() << "\n";
}

void PrintComparison(const Contestant& a, const Contestant& b, std::ostream& out) {
  TextTable table({"condition", "both", "only the first", "only the second", "neither", "p (McNemar, exact)"});
  for (size_t i = 0; i < std::min(a.conditions.size(), b.conditions.size()); ++i) {
    const auto counts = evaluation::CompareSuccess(a.conditions[i].outcomes, b.conditions[i].outcomes);
    if (!counts.ok()) continue;
    table.AddRow({std::string(Name(a.conditions[i].condition)), std::to_string(counts->both),
                  std::to_string(counts->only_first), std::to_string(counts->only_second),
                  std::to_string(counts->neither), fmt::format("{:.3g}", evaluation::McNemarP(*counts))});
  }
  out << "Success on the same seeds:\n" << table.ToString();
}

}  // namespace

void PrintEvaluation(const evaluation::SimEvaluation& evaluation, std::ostream& out) {
  out << fmt::format("{} simulated episodes, seeds {} to {}", evaluation.episodes, evaluation.first_seed,
                     evaluation.first_seed + evaluation.episodes - 1);
  if (evaluation.shards > 1) out << fmt::format(", shard {} of {}", evaluation.shard, evaluation.shards);
  out << "\n\n";
  PrintContestant(evaluation.policy, out);
  if (evaluation.against) PrintContestant(*evaluation.against, out);
  PrintLayouts(evaluation.policy, out);
  if (evaluation.against) PrintComparison(evaluation.policy, *evaluation.against, out);
  out << "s, m: mean time and way of the successes. told side: the first box passed on the side that was told.\n";
}

}  // namespace vlaq::cli
