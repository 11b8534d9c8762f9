// What `eval` found: on recorded episodes, and in the simulator.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

struct Party {
  std::string name;
  JsonField field;
};

// The policy, and what it was held against.
std::vector<Party> Parties(const JsonField& root) {
  std::vector<Party> parties;
  for (const char* key : {"policy", "reference"}) {
    if (std::string_view(key) == "reference" && !root.Find(key)) continue;
    parties.push_back({ShortName(root[key]["name"].Text()), root[key]});
  }
  return parties;
}

// Which policy it was, by its hash.
Table Identity(const std::string& caption, const Party& party) {
  return {caption,
          {"policy", "kind", "SHA-256"},
          {{party.name, party.field["kind"].Text(), party.field["sha256"].Text()}},
          true};
}

std::string Interval(const JsonField& low_high) {
  const std::vector<double> ends = low_high.Numbers();
  if (ends.size() != 2) {
    low_high.Fail("must be two numbers");
    return "";
  }
  return fmt::format("{:.1f} to {:.1f} %", 100 * ends[0], 100 * ends[1]);
}

void AddConfusion(const Document& document, const Party& party, const JsonField& condition,
                  const std::vector<std::string>& names, Draft& draft) {
  const auto confusion = condition["summary"].Find("direction_confusion");
  if (!confusion) return;
  Matrix matrix{names, {}, "recorded", "predicted"};
  Table table{"", {"recorded"}, {}};
  table.header.insert(table.header.end(), names.begin(), names.end());
  for (const JsonField& row : confusion->Items()) {
    matrix.values.push_back(row.Numbers());
    if (matrix.values.back().size() != names.size() || matrix.values.size() > names.size()) {
      confusion->Fail("must have a row and a column for each direction");
      return;
    }
    std::vector<Cell> cells{names[matrix.values.size() - 1]};
    for (const double value : matrix.values.back()) cells.emplace_back(ThreeDigits(value));
    table.rows.push_back(std::move(cells));
  }
  if (matrix.values.size() != names.size()) {
    confusion->Fail("must have a row and a column for each direction");
    return;
  }
  draft.Add(Part::kDirections,
            Figure{fmt::format("Directions, {}", party.name),
                   fmt::format("Steps by the direction that was recorded (row) and predicted (column), {}: stop, "
                               "Forward, Back, Left, Right and between. Darker: a larger share of the row.",
                               document.name()),
                   std::move(matrix), std::move(table)});
}

PolicyKey KeyOf(const Party& party) { return {party.field["name"].Text(), party.field["sha256"].Text(), ""}; }

// A condition's summary, if it was tried.
std::optional<JsonField> SummaryOf(const Party& party, std::string_view condition) {
  for (const JsonField& c : party.field["ablations"].Items()) {
    if (c["ablation"].Text() == condition) return c["summary"];
  }
  return std::nullopt;
}

// How far a condition moves the actions from those that the policy takes otherwise.
std::optional<double> MovedBy(const Party& party, std::string_view condition) {
  for (const JsonField& c : party.field["ablations"].Items()) {
    if (c["ablation"].Text() != condition) continue;
    const auto moved = c.Find("moved");
    if (moved) return (*moved)["value"].Number();
  }
  return std::nullopt;
}

std::string RateText(const JsonField& rate) {
  return fmt::format("{} of {}", rate["count"].Integer(), rate["of"].Integer());
}

// In what errors that are not normalized are counted, by the names of the actions' axes. Documents of an earlier vlaq
// did not say it: they were of a mobile base.
std::string UnitsOf(const std::vector<Party>& parties) {
  const auto summary = parties.empty() ? std::nullopt : SummaryOf(parties.front(), "none");
  const auto axes = summary ? summary->Find("axes") : std::nullopt;
  if (!axes) return kUnitsBefore;
  std::vector<std::string> units;
  bool named = false;
  for (const auto& [name, axis] : axes->Members()) {
    const auto unit = axis.Find("unit");
    named = named || unit;
    if (unit) AddUnit(unit->Text(), units);
  }
  return named ? JoinedUnits(units) : kUnitsUnknown;
}

// "in m/s"
std::string In(const std::string& units) { return units.starts_with("in ") ? units : "in " + units; }

void AddOpenLoopFacts(const JsonField& root, const std::vector<Party>& parties, Draft& draft) {
  const std::string units = UnitsOf(parties);
  for (const Party& party : parties) {
    const auto normal = SummaryOf(party, "none");
    if (!normal) continue;
    const auto raw = normal->Find("mae_raw");
    const std::string error = raw ? fmt::format("{:.4f} {}", raw->Number(), units)
                                  : fmt::format("{:.4f} normalized", (*normal)["mae"].Number());
    Policy& policy = draft.policies().Of(KeyOf(party));
    if (policy.error.empty()) policy.error = error;
    const std::string name = policy.name;
    const std::string steps = Grouped((*normal)["steps"].Integer());
    const auto agreement = normal->Find("direction_agreement");
    draft.Say({Claim::Of::kEpisodes, "error " + error + " on recorded episodes", name,
               agreement ? fmt::format("direction agrees in {:.1f} % of {} steps", 100 * agreement->Number(), steps)
                         : fmt::format("over {} steps", steps)});
    const auto blank = MovedBy(party, "gray_image"), swapped = MovedBy(party, "swapped_instruction");
    if (!blank && !swapped) continue;
    std::string answer;
    if (blank) answer = fmt::format("gray images move its actions by {:.2f}", *blank);
    if (swapped) {
      answer +=
          fmt::format("{}an instruction turned into its opposite by {:.2f}", answer.empty() ? "" : ", ", *swapped);
    }
    draft.Answer(Question::kSenses, fmt::format("Does {} look and listen?", name), Cell(answer + " (of -1 to 1)"));
  }
  const auto comparison = root.Find("comparison");
  if (!comparison || parties.size() < 2) return;
  for (const JsonField& c : comparison->Items()) {
    const auto condition = c.Find("ablation");
    if (condition && condition->Text() != "none") continue;
    const auto change = c.Find("mae_raw_difference");
    const auto value = change ? change->Find("value") : std::nullopt;
    Policy& policy = draft.policies().Of(KeyOf(parties.front()));
    if (value && policy.error_change.empty()) policy.error_change = fmt::format("{:+.4f} {}", value->Number(), units);
  }
}

void AddSimulationFacts(const std::vector<Party>& parties, Draft& draft) {
  std::string before;  // of what it was held against
  if (parties.size() > 1) {
    if (const auto summary = SummaryOf(parties[1], "none")) before = RateText((*summary)["success"]) + " → ";
  }
  for (const Party& party : parties) {
    const auto normal = SummaryOf(party, "none");
    if (!normal) continue;
    const std::string success = RateText((*normal)["success"]);
    Policy& policy = draft.policies().Of(KeyOf(party));
    if (policy.success.empty()) policy.success = (&party == &parties.front() ? before : "") + success;
    const std::string name = policy.name;
    draft.Say({Claim::Of::kDriving, success + " episodes succeed", name,
               "in the simulator; 95 % interval " + Interval((*normal)["success"]["wilson_95"])});
    std::string answer = success + " episodes";
    if (const auto blank = SummaryOf(party, "gray_image"))
      answer += "; with gray images " + RateText((*blank)["success"]);
    if (const auto swapped = SummaryOf(party, "swapped_instruction"))
      answer += "; told the other side, it passes there in " + RateText((*swapped)["passed_on_told_side"]);
    draft.Answer(Question::kDrives, fmt::format("Does {} drive, around the boxes to the bottle?", name), Cell(answer));
  }
}

// "0.0600", "90.0 %"; "-" where the document has none.
std::string FigureOrDash(const JsonField& summary, std::string_view key, double factor, std::string_view unit) {
  const auto figure = summary.Find(key);
  if (!figure) return "-";
  return factor == 1 ? fmt::format("{:.4f}{}", figure->Number(), unit)
                     : fmt::format("{:.1f}{}", factor * figure->Number(), unit);
}

}  // namespace

void AddOpenLoop(const Document& document, const JsonField& root, Draft& draft) {
  Bars bars;
  bars.axis = "mean absolute error, normalized action";
  const auto directions = root.Find("directions");
  const std::vector<std::string> names = directions ? directions->Texts() : std::vector<std::string>();
  const std::vector<Party> parties = Parties(root);
  Table table{
      document.name(),
      {"policy, ablation", "MAE", "RMSE", "MAE " + In(UnitsOf(parties)), "direction agrees", "actions moved", "steps"},
      {}};
  AddOpenLoopFacts(root, parties, draft);
  for (const Party& party : parties) {
    for (const JsonField& condition : party.field["ablations"].Items()) {
      const JsonField summary = condition["summary"];
      const std::string name = fmt::format("{}, {}", party.name, condition["ablation"].Text());
      const double mae = summary["mae"].Number();
      bars.bars.push_back({name, {mae}, {}, fmt::format("{:.4f}", mae)});
      const auto moved = condition.Find("moved");
      table.rows.push_back(
          {name, fmt::format("{:.4f}", mae), fmt::format("{:.4f}", summary["rmse"].Number()),
           FigureOrDash(summary, "mae_raw", 1, ""), FigureOrDash(summary, "direction_agreement", 100, " %"),
           moved ? fmt::format("{:.4f}", (*moved)["value"].Number()) : "-", Grouped(summary["steps"].Integer())});
      if (condition["ablation"].Text() == "none") AddConfusion(document, party, condition, names, draft);
    }
    draft.Add(Part::kSettings, Identity(document.name() + ": what was evaluated", party));
  }
  draft.Add(Part::kEpisodes,
            Figure{"Error on recorded episodes, " + document.name(),
                   "Mean absolute error against the recorded actions; a policy that uses its pictures, instruction "
                   "and memory errs more without them.",
                   std::move(bars), std::move(table), true});
}

void AddSimulation(const Document& document, const JsonField& root, Draft& draft) {
  Bars bars;
  bars.axis = "episodes that succeeded, %";
  Table table{document.name(),
              {"policy, ablation", "succeeded", "95 % interval", "collided", "out of time", "passed on the told side",
               "seconds"},
              {}};
  const std::vector<Party> parties = Parties(root);
  AddSimulationFacts(parties, draft);
  for (const Party& party : parties) {
    for (const JsonField& condition : party.field["ablations"].Items()) {
      const JsonField summary = condition["summary"];
      const JsonField success = summary["success"];
      const std::string name = fmt::format("{}, {}", party.name, condition["ablation"].Text());
      const std::vector<double> ends = success["wilson_95"].Numbers();
      Bars::Bar bar{name, {100 * success["fraction"].Number()}, {}, RateText(success)};
      if (ends.size() == 2) bar.interval = Range{100 * ends[0], 100 * ends[1]};
      bars.bars.push_back(std::move(bar));
      const bool none = success["count"].Integer() == 0;
      table.rows.push_back({name, RateText(success), Interval(success["wilson_95"]), RateText(summary["collided"]),
                            RateText(summary["timed_out"]), RateText(summary["passed_on_told_side"]),
                            none ? "-" : fmt::format("{:.1f}", summary["mean_seconds_of_successes"].Number())});
    }
    draft.Add(Part::kSettings, Identity(document.name() + ": who drove", party));
  }
  draft.Add(Part::kRollouts, Figure{"Success in the simulator, " + document.name(),
                                    "Reached the bottle on the side that was told, without a collision; 95 % Wilson "
                                    "intervals.",
                                    std::move(bars), std::move(table), true});
}

}  // namespace vlaq::report
