// What `bench` measured: verdicts, the table, memory, operators, settings. Times are drawn in sections_timings.cc.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

// In what actions are counted: "normalized actions", "actions in m/s".
std::string ActionsText(const JsonField& settings) {
  const auto unit = settings.Find("action_unit");
  const std::string text = unit ? unit->Text() : "";
  return text.empty() || text == "normalized action" ? "normalized actions" : "actions in " + text;
}

constexpr size_t kOperators = 8;

// The first finding of those that decide, and how many more there are.
std::string Why(const JsonField& verdict) {
  const std::vector<JsonField> findings = verdict["findings"].Items();
  const std::string state = verdict["state"].Text();
  for (const JsonField& finding : findings) {
    const auto own = finding.Find("state");
    if (own && own->Text() != state) continue;
    const std::string why = fmt::format("{}: {}", finding["check"].Text(), finding["advice"].Text());
    return findings.size() > 1 ? fmt::format("{} (and {} more, below)", why, findings.size() - 1) : why;
  }
  return "";
}

void AddFindings(const Document& document, const JsonField& root, Draft& draft) {
  Table table{document.name() + ": everything that was found", {"subject", "check", "verdict", "what to do"}, {}, true};
  for (const JsonField& subject : root["subjects"].Items()) {
    for (const JsonField& finding : subject["verdict"]["findings"].Items()) {
      const auto state = finding.Find("state");
      table.rows.push_back({SubjectName(subject), finding["check"].Text(),
                            State(state ? state->Text() : subject["verdict"]["state"].Text()),
                            finding["advice"].Text()});
    }
  }
  if (!table.rows.empty()) draft.Add(Part::kVerdicts, std::move(table));
}

// Quality if it was measured, else how far the actions are from the first subject's.
std::string DifferenceText(const JsonField& subject) {
  if (const auto quality = subject.Find("quality")) return fmt::format("MAE {:.4f}", (*quality)["mae"].Number());
  if (const auto outputs = subject.Find("outputs")) {
    const auto largest = outputs->Find("largest");
    return largest ? fmt::format("{:.1e}", largest->Number()) : "no number";
  }
  return "-";
}

std::optional<JsonField> ComparisonOf(const JsonField& root, const std::string& name) {
  for (const JsonField& comparison : root["comparisons"].Items()) {
    if (comparison["second"].Text() == name) return comparison;
  }
  return std::nullopt;
}

std::string TimesFaster(const JsonField& root, const std::string& name) {
  const auto comparison = ComparisonOf(root, name);
  return comparison ? RatioText((*comparison)["ratio"]) : "1";
}

// The plain percentile is shown only where the runs allow a claim about it.
std::string PercentileText(const JsonField& p, int64_t runs) {
  const auto safe = p.Find("safe_ns");
  if (!safe) return fmt::format("no claim from {} runs", Grouped(runs));
  return fmt::format("{} (at most {})", Milliseconds(p["ns"].Number()), Milliseconds(safe->Number()));
}

void AddTable(const Document& document, const JsonField& root, Draft& draft) {
  const JsonField settings = root["settings"];
  Table table{
      fmt::format("{}: {} protocol, {} threads, batch {}, window {}; {}; {}", document.name(),
                  settings["protocol"].Text(), settings["threads"].Integer(), settings["batch"].Integer(),
                  settings["window"].Integer(), settings["inputs"]["what"].Text(), root["machine"]["cpu"].Text()),
      {"subject", "median"},
      {}};
  const std::vector<JsonField> subjects = root["subjects"].Items();
  if (subjects.empty()) return;
  for (const JsonField& p : subjects.front()["summary"]["percentiles"].Items()) {
    if (p["p"].Number() != 50) table.header.push_back(fmt::format("p{:g}", p["p"].Number()));
  }
  table.header.insert(table.header.end(), {"steps/s", "times faster", "runs", "differs by"});
  const bool control = subjects.front()["summary"].Find("deadline").has_value();
  if (control) table.header.emplace_back("missed");
  table.header.emplace_back("verdict");
  for (const JsonField& subject : subjects) {
    const JsonField summary = subject["summary"];
    std::vector<Cell> row{SubjectName(subject), Milliseconds(summary["median_ns"].Number())};
    for (const JsonField& p : summary["percentiles"].Items()) {
      if (p["p"].Number() == 50) continue;
      row.emplace_back(PercentileText(p, summary["n"].Integer()));
    }
    row.insert(row.end(), {ThreeDigits(summary["throughput_per_s"].Number()), TimesFaster(root, subject["name"].Text()),
                           Grouped(summary["n"].Integer()), DifferenceText(subject)});
    if (const auto deadline = summary.Find("deadline")) {
      row.emplace_back(fmt::format("{} of {}", (*deadline)["missed"].Integer(), (*deadline)["of"].Integer()));
    }
    row.push_back(State(subject["verdict"]["state"].Text()));
    row.resize(table.header.size());
    table.rows.push_back(std::move(row));
  }
  draft.Add(Part::kMeasurements, std::move(table));
  draft.AddOnce(
      Part::kMeasurements,
      Paragraph{fmt::format("A step: {}. Times faster: than the first subject, median of the ratio within each "
                            "round, 95 % interval. Differs by: the largest difference of an action from the "
                            "first subject's on the same frames, or the mean absolute error on recorded episodes "
                            "({}). Percentiles: the nearest rank, and what it is at most by "
                            "MLPerf's early stopping.",
                            settings["span"].Text(), ActionsText(settings))});
}

void AddMemory(const Document& document, const JsonField& root, Draft& draft) {
  Bars size;
  size.axis = "MB";
  size.part_names = {"files it reads", "own memory while it runs"};
  size.stacked = false;
  Table table{"", {"subject", "files", "own memory", "resident", "most resident", "load", "first run"}, {}};
  for (const JsonField& subject : root["subjects"].Items()) {
    const double files = subject["size_bytes"].Number() / 1e6;
    const double own = subject["memory"]["own_bytes"].Number() / 1e6;
    size.bars.push_back({SubjectName(subject),
                         {files, own},
                         {},
                         BytesText(subject["size_bytes"]) + "; " + BytesText(subject["memory"]["own_bytes"])});
    table.rows.push_back({SubjectName(subject), BytesText(subject["size_bytes"]),
                          BytesText(subject["memory"]["own_bytes"]), BytesText(subject["memory"]["steady_bytes"]),
                          BytesText(subject["memory"]["peak_bytes"]), Milliseconds(subject["load_ns"].Number()),
                          Milliseconds(subject["first_run_ns"].Number())});
  }
  if (size.bars.empty()) return;
  draft.Add(Part::kSize, Figure{"Size and memory of each subject, " + document.name(),
                                "Files: weights and graphs that it reads, or the checkpoint. Own memory: what its "
                                "process has that is not mapped from files.",
                                std::move(size), std::move(table)});
}

void AddOperators(const Document& document, const JsonField& root, Draft& draft) {
  for (const JsonField& subject : root["subjects"].Items()) {
    const auto operators = subject.Find("operators");
    if (!operators) continue;
    Bars bars;
    bars.axis = "share of the time, %";
    Table table{"", {"operator", "arithmetic", "calls", "time", "share", "MACs"}, {}};
    for (const JsonField& op : operators->Items()) {
      const std::string name = op["op_type"].Text();
      const std::string precision = op["precision"].Text();
      const double share = 100 * op["share"].Number();
      if (bars.bars.size() < kOperators) {
        bars.bars.push_back(
            {precision.empty() ? name : name + ", " + precision, {share}, {}, fmt::format("{:.1f} %", share)});
      }
      table.rows.push_back({name, precision, Grouped(op["calls"].Integer()), Milliseconds(op["ns"].Number()),
                            fmt::format("{:.1f} %", share), ThreeDigits(op["macs"].Number())});
    }
    if (bars.bars.empty()) continue;
    draft.Add(
        Part::kLayers,
        Figure{fmt::format("Where a step of {} spends its time, {}", SubjectName(subject), document.name()),
               "By kind of operator and arithmetic, from the engine's own record.", std::move(bars), std::move(table)});
  }
}

void AddSettings(const Document& document, const JsonField& root, Draft& draft) {
  Table files{fmt::format("{}: what was measured", document.name()), {"subject", "file", "bytes", "SHA-256"}, {}, true};
  for (const JsonField& subject : root["subjects"].Items()) {
    for (const JsonField& file : subject["files"].Items()) {
      files.rows.push_back(
          {SubjectName(subject), file["name"].Text(), Grouped(file["bytes"].Integer()), file["sha256"].Text()});
    }
  }
  if (!files.rows.empty()) draft.Add(Part::kSettings, std::move(files));
  Table machine = SettingsTable(document.name() + ": the machine", root["machine"]);
  std::erase_if(machine.rows, [](const auto& row) { return row[0].text == "readings"; });  // one before every round
  AddReadings(root["machine"]["readings"], machine);
  machine.rows.push_back({"a call costs", ThreeDigits(root["harness"]["call_ns"].Number() / 1e3) + " us"});
  draft.Add(Part::kSettings, std::move(machine));
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": how it was measured", root["settings"]));
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": what measured it", root["made"]));
}

// "INVALID" if one of the two is: a ratio of it is none.
std::string WorseState(const std::string& a, const std::string& b) {
  return MoodRank(MoodOf(a)) >= MoodRank(MoodOf(b)) ? a : b;
}

// Where and when: "Xeon, 2 threads, 2026-11-29T01:02:03Z".
std::string Measured(const JsonField& root) {
  std::string text =
      fmt::format("{}, {} threads", root["machine"]["cpu"].Text(), root["settings"]["threads"].Integer());
  if (const auto when = root["made"].Find("time_utc")) {
    const std::string time = when->Text();  // "2026-11-29T01:02:03Z"
    constexpr size_t kDay = 10, kMinute = 16;
    text +=
        ", " + (time.size() > kMinute ? time.substr(0, kDay) + " " + time.substr(kDay + 1, kMinute - kDay - 1) + " UTC"
                                      : time);
  }
  return text;
}

// A unit of actions in a table: what vlaq calls a normalized action is one without a unit.
std::string Short(const std::string& unit) { return unit.empty() || unit == "normalized action" ? "normalized" : unit; }

// A bundle is known by its weights; another program or a checkpoint by its name.
PolicyKey MeasuredKey(const JsonField& subject) {
  PolicyKey key;
  const auto path = subject.Find("path");
  const auto kind = subject.Find("kind");
  // Results of an earlier vlaq called a bundle by the way it ran.
  bool bundle = !kind || kind->Text() == "bundle";
  for (const JsonField& file : subject["files"].Items()) bundle = bundle || file["name"].Text() == "weights.bin";
  key.path = bundle && path && !path->Text().empty() ? path->Text() : subject["name"].Text();
  for (const JsonField& file : subject["files"].Items()) {
    if (bundle && file["name"].Text() == "weights.bin") key.weights_sha = file["sha256"].Text();
  }
  return key;
}

// In the control period frames count: those without an action in time, by subject.
void AddMissed(const JsonField& subject, const std::string& name, const std::string& state, Policy& policy,
               Draft& draft) {
  const auto deadline = subject["summary"].Find("deadline");
  if (!deadline) return;
  const std::string missed = fmt::format("{} of {} frames{}", (*deadline)["missed"].Integer(),
                                         (*deadline)["of"].Integer(), state == "VALID" ? "" : ", " + state);
  policy.missed += fmt::format("{}{} ({})", policy.missed.empty() ? "" : "; ", missed, name);
  draft.Say({Claim::Of::kControl, Cell("missed " + missed, MoodOf(state)), name, "without an action in time"});
}

// What the measurement says of each policy. Times in the control period are counted in frames, not in ratios.
void AddMeasuredFacts(const JsonField& root, Draft& draft) {
  const std::vector<JsonField> subjects = root["subjects"].Items();
  if (subjects.empty()) return;
  const bool control = root["settings"]["protocol"].Text() == "control";
  const std::string first = SubjectName(subjects.front()), first_state = subjects.front()["verdict"]["state"].Text();
  std::string answer;
  std::optional<Claim> fastest;
  double least = 0;
  for (const JsonField& subject : subjects) {
    Policy& policy = draft.policies().Of(MeasuredKey(subject));
    if (policy.size.empty()) policy.size = BytesText(subject["size_bytes"]);
    policy.measured = Measured(root);
    if (const auto quality = subject.Find("quality"); quality && policy.error.empty()) {
      const auto unit = quality->Find("unit");
      policy.error = fmt::format("{:.4f} {}", (*quality)["mae"].Number(), Short(unit ? unit->Text() : ""));
    }
    const std::string name = SubjectName(subject), state = subject["verdict"]["state"].Text();
    if (control) {
      AddMissed(subject, name, state, policy, draft);
      continue;
    }
    const double median = subject["summary"]["median_ns"].Number();
    const auto mode = subject.Find("mode");
    Timing timing{name, mode ? mode->Text() : "", median, "", "", state};
    answer += fmt::format("{}{} {}", answer.empty() ? "" : ", ", name, Milliseconds(median));
    if (state != "VALID") answer += " (" + state + ")";
    if (const auto comparison = ComparisonOf(root, subject["name"].Text())) {
      const std::string against = ShortName((*comparison)["first"].Text());
      const std::string judged = WorseState(state, first_state);
      timing.ratio = fmt::format("{:.2g}", (*comparison)["ratio"]["median"].Number());
      timing.faster = fmt::format("{} times as fast as {}", RatioText((*comparison)["ratio"]), against);
      if (judged == "INVALID") timing.ratio = timing.faster = "not judged: INVALID";
      if (!fastest || median < least) {
        const std::string what =
            judged == "INVALID" ? "measured, but INVALID" : timing.ratio + " times as fast as " + against;
        fastest = Claim{Claim::Of::kMeasurement, Cell(what, MoodOf(judged)), name,
                        fmt::format("{} a step, {}", Milliseconds(median), judged)};
        least = median;
      }
    }
    policy.timings.push_back(std::move(timing));
  }
  if (answer.empty()) return;
  draft.Answer(Question::kTime, "What does a control step cost?", Cell(answer));
  if (!fastest) {
    fastest = Claim{Claim::Of::kMeasurement, Cell("measured", MoodOf(first_state)), first, first_state + ": " + answer};
    if (first_state == "INVALID") fastest->verdict.text = "measured, but INVALID";
  }
  draft.Say(*fastest);
}

}  // namespace

void AddResults(const Document& document, const JsonField& root, Draft& draft) {
  for (const JsonField& subject : root["subjects"].Items()) {
    const JsonField verdict = subject["verdict"];
    draft.AddVerdict(fmt::format("measurement of {} ({})", SubjectName(subject), document.name()),
                     State(verdict["state"].Text()), Why(verdict));
  }
  AddMeasuredFacts(root, draft);
  AddTable(document, root, draft);
  AddWhatRan(document, root, draft);
  AddTimings(document, root, draft);
  AddMemory(document, root, draft);
  AddOperators(document, root, draft);
  AddFindings(document, root, draft);
  AddSettings(document, root, draft);
}

}  // namespace vlaq::report
