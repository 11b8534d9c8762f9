#include "cli/eval_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "evaluate/summary.h"

namespace vlaq::cli {
namespace {

using evaluate::AblationOutcomes;
using evaluate::EvaluatedPolicy;
using evaluate::Rate;

constexpr double kSignificant = 0.05;

std::string PercentText(const Rate& rate) { return fmt::format("{:.1f}", 100 * rate.fraction()); }

std::string Interval(const Rate& rate) {
  return fmt::format("{:.1f} to {:.1f}", 100 * rate.interval().low, 100 * rate.interval().high);
}

void PrintEvaluated(const EvaluatedPolicy& evaluated, std::ostream& out) {
  out << fmt::format("{} {}\n", Printable(evaluated.subject.kind), Printable(evaluated.subject.name));
  TextTable table(
      {"ablation", "success %", "95 % interval", "told side %", "other side %", "collided %", "timed out %", "s", "m"});
  for (const AblationOutcomes& c : evaluated.ablations) {
    const evaluate::Summary s = evaluate::Summarize(c.outcomes);
    const bool arrives = s.success.count > 0;
    table.AddRow({std::string(Name(c.ablation)), PercentText(s.success), Interval(s.success), PercentText(s.told_side),
                  PercentText(s.other_side), PercentText(s.collided), PercentText(s.timed_out),
                  arrives ? fmt::format("{:.1f}", s.mean_steps * sim::kControlPeriod) : "-",
                  arrives ? fmt::format("{:.2f}", s.mean_path_length) : "-"});
  }
  out << table.ToString() << "\n";
}

void PrintLayouts(const EvaluatedPolicy& evaluated, std::ostream& out) {
  const AblationOutcomes& ablation = evaluated.ablations.front();
  const evaluate::Summary s = evaluate::Summarize(ablation.outcomes);
  TextTable table({fmt::format("layout ({})", Name(ablation.ablation)), "success", "of"});
  for (const auto& [name, rate] : s.by_layout) {
    table.AddRow({name, std::to_string(rate.count), std::to_string(rate.of)});
  }
  out << table.ToString() << "\n";
}

// What two policies are called beside each other: their folder or command alone, unless that is the same for both.
std::pair<std::string, std::string> NamesOf(const evaluate::PolicyIdentity& a, const evaluate::PolicyIdentity& b) {
  const auto last = [](const evaluate::PolicyIdentity& subject) {
    const std::filesystem::path path = subject.name;
    return subject.kind == "program" || !path.has_filename() ? subject.name : path.filename().string();
  };
  return last(a) == last(b) ? std::pair{a.name, b.name} : std::pair{last(a), last(b)};
}

// What the test says of one ablation, in words.
void PrintSuccessVerdict(const AblationOutcomes& a, const AblationOutcomes& b,
                         const std::pair<std::string, std::string>& names, std::ostream& out) {
  const auto counts = evaluate::CompareSuccess(a.outcomes, b.outcomes);
  if (!counts.ok()) return;
  const std::string& better = counts->only_first > counts->only_second ? names.first : names.second;
  const bool shown = evaluate::McNemarP(*counts) < kSignificant;
  out << fmt::format("{}: ", Name(a.ablation))
      << (shown ? fmt::format("{} arrives more often than the other, more than chance explains (p < {})\n", better,
                              kSignificant)
                : fmt::format("no difference is shown by these {} episodes (p >= {})\n", a.outcomes.size(),
                              kSignificant));
}

void PrintComparison(const EvaluatedPolicy& a, const EvaluatedPolicy& b, std::ostream& out) {
  const auto names = NamesOf(a.subject, b.subject);
  TextTable table({"ablation", "both", "only " + names.first, "only " + names.second, "neither", "p (McNemar, exact)"});
  for (size_t i = 0; i < std::min(a.ablations.size(), b.ablations.size()); ++i) {
    const auto counts = evaluate::CompareSuccess(a.ablations[i].outcomes, b.ablations[i].outcomes);
    if (!counts.ok()) continue;
    table.AddRow({std::string(Name(a.ablations[i].ablation)), std::to_string(counts->both),
                  std::to_string(counts->only_first), std::to_string(counts->only_second),
                  std::to_string(counts->neither), fmt::format("{:.3g}", evaluate::McNemarP(*counts))});
  }
  out << "Success on the same seeds:\n" << table.ToString();
  if (!a.ablations.empty() && !b.ablations.empty()) PrintSuccessVerdict(a.ablations[0], b.ablations[0], names, out);
  out << "\n";
}

std::string Signed(double value) { return fmt::format("{:+.4f}", value); }

// Figures of the first minus those of the second, and what they say.
void PrintDifferences(const evaluate::OpenLoopPolicy& a, const evaluate::OpenLoopPolicy& b, std::ostream& out) {
  const evaluate::Differences d = evaluate::Compare(a, b, 0);
  const auto names = NamesOf(a.subject, b.subject);
  const vlaq::Interval& interval = d.mae.interval;
  if (!std::isfinite(interval.low)) {
    out << fmt::format("MAE of {} minus {}: {}; how sure that is cannot be told\n", names.first, names.second,
                       Signed(d.mae.value));
    return;
  }
  TextTable table({fmt::format("{} minus {}", names.first, names.second), "difference", "from", "to"});
  const auto add = [&table](const std::string& name, const evaluate::Estimate& e) {
    table.AddRow({name, Signed(e.value), Signed(e.interval.low), Signed(e.interval.high)});
  };
  add("MAE", d.mae);
  for (size_t axis = 0; axis < d.axes.size(); ++axis) {
    add(fmt::format("MAE {}", d.axis_names[axis]), d.axes[axis]);
  }
  add(fmt::format("MAE in {}", a.space.UnitText()), d.mae_raw);
  if (d.directions) add("direction agreement", *d.directions);
  out << table.ToString() << "from, to: 95 % interval (bootstrap over episodes)\n";
  const bool first_nearer = interval.high < 0;
  out << (first_nearer || interval.low > 0
              ? fmt::format("{} is nearer to what was recorded: the interval of MAE leaves out 0.\n\n",
                            first_nearer ? names.first : names.second)
              : "No difference of MAE is shown: its interval holds 0.\n\n");
}

// More values than a table has room for side by side are listed below it.
constexpr size_t kMaxColumns = 3;

void PrintScores(const evaluate::OpenLoopPolicy& evaluated, std::ostream& out) {
  const evaluate::ActionSpace& space = evaluated.space;
  const size_t axes = evaluate::AxesOf(space);
  const size_t shown = axes <= kMaxColumns ? axes : 0;
  const bool has_classes = space.traits->action_classes.has_value();
  out << fmt::format("{} {}\n", Printable(evaluated.subject.kind), Printable(evaluated.subject.name));
  std::vector<std::string> header{"ablation", "MAE"};
  for (size_t axis = 0; axis < shown; ++axis) header.push_back(fmt::format("MAE {}", space.AxisName(axis)));
  header.insert(header.end(), {"RMSE", fmt::format("MAE in {}", space.UnitText())});
  if (has_classes) header.emplace_back("direction %");
  header.emplace_back("actions moved by");
  if (space.chunk > 1) header.emplace_back("MAE of chunks");
  TextTable table(header);
  for (const evaluate::AblationScores& c : evaluated.ablations) {
    const evaluate::Score total = evaluate::Total(c.episodes);
    std::vector<std::string> row{std::string(Name(c.ablation)), fmt::format("{:.4f}", total.Mae(axes))};
    for (size_t axis = 0; axis < shown; ++axis) row.push_back(fmt::format("{:.4f}", total.MaeOf(axis)));
    row.push_back(fmt::format("{:.4f}", total.Rmse(axes)));
    row.push_back(fmt::format("{:.4f}", total.RawMae(axes)));
    if (has_classes) row.push_back(fmt::format("{:.1f}", 100 * total.DirectionAgreement()));
    const bool normal = c.ablation == evaluate::Ablation::kNone;
    row.push_back(normal ? "" : fmt::format("{:.4f}", evaluate::Movement(space, c.episodes).value));
    if (space.chunk > 1) row.push_back(fmt::format("{:.4f}", total.ChunkMae()));
    table.AddRow(std::move(row));
  }
  out << table.ToString() << "\n";
  if (shown == axes) return;
  const evaluate::AblationScores& first = evaluated.ablations.front();
  const evaluate::Score total = evaluate::Total(first.episodes);
  TextTable values({fmt::format("action ({})", Name(first.ablation)), "unit", "MAE", "RMSE", "MAE in units"});
  for (size_t axis = 0; axis < axes; ++axis) {
    values.AddRow({space.AxisName(axis), axis < space.units.size() ? space.units[axis] : "",
                   fmt::format("{:.4f}", total.MaeOf(axis)), fmt::format("{:.4f}", total.RmseOf(axis)),
                   fmt::format("{:.4f}", total.RawMaeOf(axis))});
  }
  out << values.ToString() << "\n";
}

void PrintEpisodes(const evaluate::OpenLoopPolicy& evaluated, std::ostream& out) {
  const size_t axes = evaluate::AxesOf(evaluated.space);
  const bool has_classes = evaluated.space.traits->action_classes.has_value();
  std::vector<std::string> header{"episode", "steps", "MAE"};
  if (has_classes) header.emplace_back("direction %");
  header.emplace_back("instruction");
  TextTable table(header);
  for (const evaluate::EpisodeScore& e : evaluated.ablations.front().episodes) {
    std::vector<std::string> row{e.name, std::to_string(e.score.steps), fmt::format("{:.4f}", e.score.Mae(axes))};
    if (has_classes) row.push_back(fmt::format("{:.1f}", 100 * e.score.DirectionAgreement()));
    row.push_back(e.instruction);
    table.AddRow(std::move(row));
  }
  out << table.ToString() << "\n";
}

}  // namespace

void PrintEvaluation(const evaluate::OpenLoopEvaluation& evaluation, std::ostream& out) {
  const auto& first = evaluation.policy.ablations.front().episodes;
  const evaluate::Score total = evaluate::Total(first);
  out << fmt::format("{}, {} steps; {}\n\n", Counted(first.size(), "recorded episode"), total.steps,
                     evaluation.policy.space.ScaleText());
  PrintScores(evaluation.policy, out);
  if (evaluation.reference) PrintScores(*evaluation.reference, out);
  PrintEpisodes(evaluation.policy, out);
  if (evaluation.reference) {
    PrintDifferences(evaluation.policy, *evaluation.reference, out);
  }
  for (const std::string& skipped : evaluation.skipped) out << "left out: " << Printable(skipped) << "\n";
  if (const auto& training = evaluation.policy.space.traits->training_mae) {
    out << fmt::format("{}: {:.4f}\n", training->label, total.Mae(training->axes));
  }
}

void PrintEvaluation(const evaluate::SimEvaluation& evaluation, std::ostream& out) {
  out << fmt::format("{}, seeds {} to {}", Counted(evaluation.episodes, "simulated episode"), evaluation.first_seed,
                     evaluation.first_seed + evaluation.episodes - 1);
  if (evaluation.shards > 1) out << fmt::format(", shard {} of {}", evaluation.shard, evaluation.shards);
  out << "\n\n";
  PrintEvaluated(evaluation.policy, out);
  if (evaluation.reference) PrintEvaluated(*evaluation.reference, out);
  PrintLayouts(evaluation.policy, out);
  if (evaluation.reference) PrintComparison(evaluation.policy, *evaluation.reference, out);
  out << "s, m: mean time and path length of the successes. told side: the first box passed on the side that was "
         "told.\n";
}

}  // namespace vlaq::cli
