// The receipt of `verify`: its verdict, every check, the figures of single stages, and what it all speaks about.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "report/receipt.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

constexpr std::array<std::string_view, 6> kStages{"identity",  "numerics", "execution",
                                                  "open loop", "ablation", "closed loop"};
constexpr std::string_view kMacs = "macs_", kBytes = "bytes_";

std::string StageName(int64_t stage) {
  const bool known = stage >= 0 && stage < static_cast<int64_t>(kStages.size());
  return known ? fmt::format("{} {}", stage, kStages[static_cast<size_t>(stage)]) : std::to_string(stage);
}

// The figures of a check, if the receipt has it.
std::optional<JsonField> FiguresOf(const JsonField& root, std::string_view name) {
  for (const JsonField& check : root["checks"].Items()) {
    if (check["name"].Text() == name) return check["figures"];
  }
  return std::nullopt;
}

std::optional<double> FigureOf(const JsonField& root, std::string_view check, std::string_view figure) {
  const auto figures = FiguresOf(root, check);
  const auto value = figures ? figures->Find(figure) : std::nullopt;
  return value ? std::optional(value->Number()) : std::nullopt;
}

void AddChecks(const JsonField& root, const std::string& name, bool failed, Draft& draft) {
  Table table{"Checks of " + name, {"check", "stage", "verdict", "what was found"}, {}, !failed};
  for (const JsonField& check : root["checks"].Items()) {
    table.rows.push_back({check["name"].Text(), StageName(check["stage"].Integer()),
                          State(check["passed"].Flag() ? "ok" : "FAILED"), check["detail"].Text()});
  }
  for (const JsonField& check : root["untestable"].Items()) {
    table.rows.push_back(
        {check["name"].Text(), StageName(check["stage"].Integer()), State("NOT TESTABLE"), check["reason"].Text()});
  }
  draft.Add(Part::kVerdicts, std::move(table));
}

// What was assumed when the bundle was made, and what is missing to believe more of it.
void AddAssumptions(const JsonField& root, const std::string& name, const Receipt& receipt, Draft& draft) {
  if (const auto settings = root.Find("settings")) {
    Table table{"Settings of " + name, {"setting", "value", "where it is from"}, {}, receipt.unproven.empty()};
    for (const JsonField& setting : settings->Items()) {
      const std::string proof = setting["proven_by"].Text();
      const bool assumed = setting["assumed"].Flag();
      const std::string from = !assumed        ? "given, or read from the checkpoint"
                               : proof.empty() ? "assumed, not proven"
                                               : "assumed; proven by " + proof;
      table.rows.push_back({setting["name"].Text(), setting["value"].Text(),
                            Cell(from, assumed && proof.empty() ? Severity::kWarning : Severity::kPlain)});
    }
    if (!table.rows.empty()) draft.Add(Part::kVerdicts, std::move(table));
  }
  if (const auto missing = root.Find("missing")) {
    Table table{"What would prove more of " + name, {"what", "command"}, {}};
    for (const JsonField& m : missing->Items()) table.rows.push_back({m["what"].Text(), m["command"].Text()});
    if (!table.rows.empty()) draft.Add(Part::kVerdicts, std::move(table));
  }
}

// Stage 1: how far each stage is from what it was held against, as a share of its limit. Which difference is judged,
// the check's own words say: the largest, or the one relative to the values.
void AddStages(const JsonField& root, const std::string& name, Draft& draft) {
  Bars bars;
  bars.axis = "of what is allowed, %";
  bars.logarithmic = true;
  constexpr double kLimit = 100;
  bars.line = kLimit;
  bars.line_label = "limit";
  Table table{"", {"stage", "difference", "limit", "which", "verdict"}, {}};
  for (const JsonField& check : root["checks"].Items()) {
    const auto most = check["figures"].Find("max_absolute"), relative = check["figures"].Find("relative");
    const auto limit = check["figures"].Find("limit");
    if (check["stage"].Integer() != 1 || !most || !limit) continue;
    const bool is_relative = relative && check["detail"].Text().starts_with("relative");
    const double value = is_relative ? relative->Number() : most->Number();
    const std::string stage = check["name"].Text();
    const bool passed = check["passed"].Flag();
    if (value > 0 && limit->Number() > 0) {
      bars.bars.push_back({stage,
                           {kLimit * value / limit->Number()},
                           {},
                           fmt::format("{:.1e} of {:.1e}", value, limit->Number()),
                           !passed});
    }
    table.rows.push_back({stage, fmt::format("{:.2e}", value), fmt::format("{:.2e}", limit->Number()),
                          is_relative ? "relative" : "largest", State(passed ? "ok" : "FAILED")});
  }
  if (bars.bars.empty()) return;
  draft.Add(Part::kLayers,
            Figure{"How far each stage of " + name + " is off",
                   "The difference of each stage from what it was held against, as a share of its limit; "
                   "logarithmic. Stages without any difference are in the numbers only.",
                   std::move(bars), std::move(table)});
}

// Stage 2: in which arithmetic the multiplications ran, by the engine's own record. All in float32 needs no plot.
void AddArithmetic(const JsonField& root, const std::string& name, Draft& draft) {
  Bars bars;
  bars.axis = "% of the multiplications";
  Table table{"", {"where", "arithmetic", "of the multiplications", "of the time"}, {}};
  for (const JsonField& check : root["checks"].Items()) {
    if (check["stage"].Integer() != 2) continue;
    for (const auto& [figure, value] : check["figures"].Members()) {
      if (!figure.starts_with(kMacs)) continue;
      const std::string arithmetic = figure.substr(kMacs.size());
      if (std::ranges::find(bars.part_names, arithmetic) == bars.part_names.end())
        bars.part_names.push_back(arithmetic);
    }
  }
  const bool plain = std::ranges::all_of(bars.part_names, [](const auto& a) { return a == "float32"; });
  for (const JsonField& check : root["checks"].Items()) {
    if (check["stage"].Integer() != 2) continue;
    Bars::Bar bar{check["name"].Text(), std::vector<double>(bars.part_names.size(), 0)};
    for (size_t i = 0; i < bars.part_names.size(); ++i) {
      const auto share = check["figures"].Find(std::string(kMacs) + bars.part_names[i]);
      const auto time = check["figures"].Find("time_" + bars.part_names[i]);
      if (!share) continue;
      bar.parts[i] = 100 * share->Number();
      if (!bar.value.empty()) bar.value += ", ";
      bar.value += fmt::format("{} {:.1f} %", bars.part_names[i], bar.parts[i]);
      table.rows.push_back({bar.label, bars.part_names[i], fmt::format("{:.2f} %", bar.parts[i]),
                            time ? fmt::format("{:.2f} %", 100 * time->Number()) : ""});
    }
    if (!bar.value.empty()) bars.bars.push_back(std::move(bar));
  }
  if (bars.bars.empty() || plain) return;
  draft.Add(Part::kLayers, Figure{"Arithmetic that really ran, " + name, "From the engine's own record of a run.",
                                  std::move(bars), std::move(table)});
}

// The arithmetic that most multiplications ran in.
std::string MostArithmetic(const JsonField& root) {
  const auto figures = FiguresOf(root, "kernels");
  if (!figures) return "";
  double most = 0;
  std::string text;
  for (const auto& [name, value] : figures->Members()) {
    if (!name.starts_with(kMacs) || value.Number() <= most) continue;
    most = value.Number();
    text = fmt::format("{} {:.0f} %", name.substr(kMacs.size()), 100 * most);
  }
  return text;
}

std::string Episodes(double fraction, double of) { return fmt::format("{:.0f} of {:.0f}", fraction * of, of); }

// "+0.0012"; what four digits do not show is said in words.
std::string ChangeText(double change) {
  constexpr double kLeast = 1e-4;
  return std::fabs(change) < kLeast ? "< 0.0001" : fmt::format("{:+.4f}", change);
}

std::string ReceiptUnits(const JsonField& root) {
  const auto evidence = root.Find("evidence");
  const auto bundle = evidence ? evidence->Find("bundle") : std::nullopt;
  const auto named = bundle ? bundle->Find("action_units") : std::nullopt;
  std::vector<std::string> units;
  for (const std::string& unit : named ? named->Texts() : std::vector<std::string>()) AddUnit(unit, units);
  return units.empty() ? kUnitsBefore : JoinedUnits(units);
}

// What the checks measured, for the policy's card.
void AddReceiptFacts(const JsonField& root, Policy& policy) {
  if (const auto bytes = FiguresOf(root, "bytes")) {
    double all = 0;
    for (const auto& [name, value] : bytes->Members()) all += name.starts_with(kBytes) ? value.Number() : 0;
    policy.size = BytesText(all);
    if (const auto share = bytes->Find("of_source")) policy.of_source = fmt::format("{:.0f} %", 100 * share->Number());
  }
  if (const auto most = FigureOf(root, "actions against the source", "max_absolute"))
    policy.differs = fmt::format("{:.2g}", *most);
  const auto mae = FigureOf(root, "recorded actions", "mae"), raw = FigureOf(root, "recorded actions", "mae_raw");
  const auto change = FigureOf(root, "reference actions", "mae_difference");
  // In the actions' own units where the receipt says what an action of 1 is.
  const bool metric = mae && raw && *mae > 0;
  const double scale = metric ? *raw / *mae : 1;
  const std::string unit = metric ? ReceiptUnits(root) : "normalized";
  if (mae) policy.error = fmt::format("{:.4f} {}", *mae * scale, unit);
  if (change) policy.error_change = ChangeText(*change * scale) + " " + unit;
  const auto success = FigureOf(root, "success", "success"), episodes = FigureOf(root, "success", "episodes");
  if (success && episodes) {
    policy.success = Episodes(*success, *episodes);
    if (const auto before = FigureOf(root, "reference success", "reference_success"))
      policy.success = Episodes(*before, *episodes) + " → " + policy.success;
  }
  policy.arithmetic = MostArithmetic(root);
}

bool Held(const JsonField& root, std::string_view against) {
  const auto path = root.Find(against);
  return path && !path->Text().empty();
}

// Answers a question from the checks that bear it: passed, or what the first that did not found.
void AddAnswer(const JsonField& root, Question question, const std::string& text, std::string_view check,
               const std::string& answer, Draft& draft) {
  for (const JsonField& c : root["checks"].Items()) {
    if (c["name"].Text() != check) continue;
    draft.Answer(question, text,
                 c["passed"].Flag() ? Cell("yes: " + answer, Severity::kGood)
                                    : Cell("NO: " + c["detail"].Text(), Severity::kBad));
  }
}

void AddAnswers(const JsonField& root, const Receipt& receipt, const Policy& policy, Draft& draft) {
  const std::string& name = policy.name;
  const bool bad = receipt.word == Receipt::Word::kFailed || receipt.word == Receipt::Word::kInconsistent;
  if (bad) {
    draft.Answer(Question::kIsIt, fmt::format("Is {} the policy?", name), Cell("NO: " + receipt.why, Severity::kBad));
    return;
  }
  if (Held(root, "against")) {
    AddAnswer(root, Question::kWeights, fmt::format("Is every weight of the checkpoint in {}?", name), "weights",
              fmt::format("the outputs depend on {:.4g} % of {} parameters", 100 * root["reached_fraction"].Number(),
                          Grouped(root["parameters"].Integer())),
              draft);
  }
  if (Held(root, "golden")) {
    AddAnswer(root, Question::kNumbers, fmt::format("Does {} compute what PyTorch computes?", name), "actions",
              fmt::format("actions differ by {:.0e} at most ({:.0e} allowed)",
                          FigureOf(root, "actions", "max_absolute").value_or(0),
                          FigureOf(root, "actions", "limit").value_or(0)),
              draft);
  }
  AddAnswer(root, Question::kStreaming, fmt::format("Is one new frame a step as good as the window, for {}?", name),
            "streaming",
            fmt::format("the actions differ by {:.0e} at most ({:.0e} allowed)",
                        FigureOf(root, "streaming", "max_absolute").value_or(0),
                        FigureOf(root, "streaming", "limit").value_or(0)),
            draft);
  if (!policy.of_source.empty()) {
    std::string cost = policy.of_source + " of the bytes";
    if (!policy.arithmetic.empty()) cost += ", arithmetic " + policy.arithmetic;
    if (!policy.error_change.empty())
      cost += fmt::format(", error changed by {} to {}", policy.error_change, policy.error);
    draft.Answer(Question::kPrice, fmt::format("What did it cost to make {}?", name), Cell(cost));
  }
}

}  // namespace

void AddReceipt(const Document& document, const JsonField& root, Draft& draft) {
  const JsonField evidence = root["evidence"];
  const auto weights = evidence["bundle"].Find("weights");
  const Receipt receipt = ReadReceipt(root);
  Policy& policy = draft.policies().Of({root["bundle"].Text(), evidence["bundle"]["sha256"].Text(),
                                        weights ? (*weights)["sha256"].Text() : std::string()});
  // The best-founded of several receipts of one policy, unless one speaks against it.
  const Severity mood = receipt.verdict.mood;
  const bool better = !policy.verdict || mood == Severity::kBad ||
                      (policy.verdict->mood != Severity::kBad && MoodRank(mood) < MoodRank(policy.verdict->mood));
  if (better) policy.verdict = receipt.verdict;
  AddReceiptFacts(root, policy);
  policy.unproven = fmt::format("{}", fmt::join(receipt.unproven, ", "));
  const std::string name = policy.name;
  draft.AddVerdict(fmt::format("{} is the policy ({})", name, document.name()), receipt.verdict, receipt.why);
  draft.Say({Claim::Of::kReceipt, receipt.verdict, name, receipt.brief});
  AddAnswers(root, receipt, policy, draft);
  AddChecks(root, name, receipt.word == Receipt::Word::kFailed || receipt.word == Receipt::Word::kInconsistent, draft);
  AddAssumptions(root, name, receipt, draft);
  AddStages(root, name, draft);
  AddArithmetic(root, name, draft);
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": what was judged", evidence["bundle"]));
  Table limits{document.name() + ": limits", {"limit", "value", "reason"}, {}, true};
  for (const JsonField& limit : evidence["limits"].Items()) {
    limits.rows.push_back({limit["name"].Text(), ThreeDigits(limit["value"].Number()), limit["reason"].Text()});
  }
  if (!limits.rows.empty()) draft.Add(Part::kSettings, std::move(limits));
}

}  // namespace vlaq::report
