// What `eval` found: on recorded episodes, and in the simulator.
#include <fmt/format.h>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

struct Party {
  std::string name;
  Field field;
};

// The policy, and what it was held against.
std::vector<Party> Parties(const Field& root) {
  std::vector<Party> parties;
  for (const char* key : {"policy", "against"}) {
    if (std::string_view(key) == "against" && !root.Find(key)) continue;
    parties.push_back({root[key]["name"].Text(), root[key]});
  }
  return parties;
}

// Which policy it was, by its hash.
Table Identity(const std::string& caption, const Party& party) {
  return {
      caption, {"policy", "kind", "SHA-256"}, {{party.name, party.field["kind"].Text(), party.field["sha256"].Text()}}};
}

std::string Interval(const Field& low_high) {
  const std::vector<double> ends = low_high.Numbers();
  if (ends.size() != 2) {
    low_high.Complain("must be two numbers");
    return "";
  }
  return fmt::format("{:.1f} to {:.1f} %", 100 * ends[0], 100 * ends[1]);
}

void AddConfusion(const Document& document, const Party& party, const Field& condition,
                  const std::vector<std::string>& names, Draft& draft) {
  const auto confusion = condition["summary"].Find("direction_confusion");
  if (!confusion) return;
  Matrix matrix{names, {}, "recorded", "predicted"};
  Table table{"", {"recorded"}, {}};
  table.header.insert(table.header.end(), names.begin(), names.end());
  for (const Field& row : confusion->Items()) {
    matrix.values.push_back(row.Numbers());
    if (matrix.values.back().size() != names.size() || matrix.values.size() > names.size()) {
      confusion->Complain("must have a row and a column for each direction");
      return;
    }
    std::vector<Cell> cells{names[matrix.values.size() - 1]};
    for (const double value : matrix.values.back()) cells.emplace_back(ThreeDigits(value));
    table.rows.push_back(std::move(cells));
  }
  if (matrix.values.size() != names.size()) {
    confusion->Complain("must have a row and a column for each direction");
    return;
  }
  draft.Add(Part::kDirections,
            Figure{fmt::format("Directions, {}", party.name),
                   fmt::format("Steps by the direction that was recorded (row) and predicted (column), {}: stop, "
                               "Forward, Back, Left, Right and between. Darker: a larger share of the row.",
                               document.name()),
                   std::move(matrix), std::move(table)});
}

}  // namespace

void AddOpenLoop(const Document& document, const Field& root, Draft& draft) {
  Bars bars;
  bars.axis = "mean absolute error, normalised action";
  Table table{document.name(),
              {"policy, condition", "MAE", "RMSE", "MAE in m/s, rad/s", "direction agrees", "actions moved", "steps"},
              {}};
  const std::vector<std::string> names = root["directions"].Texts();
  for (const Party& party : Parties(root)) {
    for (const Field& condition : party.field["conditions"].Items()) {
      const Field summary = condition["summary"];
      const std::string name = fmt::format("{}, {}", party.name, condition["condition"].Text());
      const double mae = summary["mae"].Number();
      bars.bars.push_back({name, {mae}, {}, fmt::format("{:.4f}", mae)});
      const auto moved = condition.Find("moved");
      table.rows.push_back({name, fmt::format("{:.4f}", mae), fmt::format("{:.4f}", summary["rmse"].Number()),
                            fmt::format("{:.4f}", summary["mae_raw"].Number()),
                            fmt::format("{:.1f} %", 100 * summary["direction_agreement"].Number()),
                            moved ? fmt::format("{:.4f}", (*moved)["value"].Number()) : "-",
                            Grouped(summary["steps"].Integer())});
      if (condition["condition"].Text() == "normal") AddConfusion(document, party, condition, names, draft);
    }
    draft.Add(Part::kSettings, Identity(document.name() + ": what was evaluated", party));
  }
  draft.Add(Part::kEpisodes,
            Figure{"Error on recorded episodes, " + document.name(),
                   "Mean absolute error against the recorded actions; a policy that uses its eyes, ears "
                   "and memory errs more without them.",
                   std::move(bars), std::move(table)});
}

void AddSimulation(const Document& document, const Field& root, Draft& draft) {
  Bars bars;
  bars.axis = "episodes that succeeded, %";
  Table table{document.name(),
              {"policy, condition", "succeeded", "95 % interval", "collided", "out of time", "passed on the told side",
               "seconds"},
              {}};
  const auto rate = [](const Field& field) {
    return fmt::format("{} of {}", field["count"].Integer(), field["of"].Integer());
  };
  for (const Party& party : Parties(root)) {
    for (const Field& condition : party.field["conditions"].Items()) {
      const Field summary = condition["summary"];
      const Field success = summary["success"];
      const std::string name = fmt::format("{}, {}", party.name, condition["condition"].Text());
      const std::vector<double> ends = success["wilson_95"].Numbers();
      Bars::Bar bar{name, {100 * success["fraction"].Number()}, {}, rate(success)};
      if (ends.size() == 2) bar.interval = Range{100 * ends[0], 100 * ends[1]};
      bars.bars.push_back(std::move(bar));
      table.rows.push_back({name, rate(success), Interval(success["wilson_95"]), rate(summary["collided"]),
                            rate(summary["timed_out"]), rate(summary["passed_on_told_side"]),
                            fmt::format("{:.1f}", summary["mean_seconds_of_successes"].Number())});
    }
    draft.Add(Part::kSettings, Identity(document.name() + ": who drove", party));
  }
  draft.Add(Part::kRollouts, Figure{"Success in the simulator, " + document.name(),
                                    "Reached the bottle on the side that was told, without a collision; 95 % Wilson "
                                    "intervals.",
                                    std::move(bars), std::move(table)});
}

}  // namespace vlaq::report
