// What `bench` measured: verdicts, the table, memory, operators, settings. Times are drawn in sections_timings.cc.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

constexpr size_t kOperators = 8;

std::string Why(const Field& verdict) {
  std::string why;
  for (const Field& finding : verdict["findings"].Items()) {
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", finding["check"].Text(), finding["advice"].Text());
  }
  return why;
}

// Quality if it was measured, else how far the actions are from the first subject's.
std::string DifferenceText(const Field& subject) {
  if (const auto quality = subject.Find("quality")) return fmt::format("MAE {:.4f}", (*quality)["mae"].Number());
  if (const auto outputs = subject.Find("outputs")) {
    const auto largest = outputs->Find("largest");
    return largest ? fmt::format("{:.1e}", largest->Number()) : "no number";
  }
  return "-";
}

std::string TimesFaster(const Field& root, const std::string& name) {
  for (const Field& comparison : root["comparisons"].Items()) {
    if (comparison["second"].Text() == name) return RatioText(comparison["ratio"]);
  }
  return "1";
}

// The plain percentile is shown only where the runs allow a claim about it.
std::string PercentileText(const Field& p, int64_t runs) {
  const auto safe = p.Find("safe_ns");
  if (!safe) return fmt::format("no claim from {} runs", Grouped(runs));
  return fmt::format("{} (at most {})", Milliseconds(p["ns"].Number()), Milliseconds(safe->Number()));
}

void AddTable(const Document& document, const Field& root, Draft& draft) {
  const Field settings = root["settings"];
  Table table{
      fmt::format("{}: {} protocol, {} threads, batch {}, window {}; {}; {}", document.name(),
                  settings["protocol"].Text(), settings["threads"].Integer(), settings["batch"].Integer(),
                  settings["window"].Integer(), settings["inputs"]["what"].Text(), root["machine"]["cpu"].Text()),
      {"subject", "median", "mean"},
      {}};
  const std::vector<Field> subjects = root["subjects"].Items();
  if (subjects.empty()) return;
  for (const Field& p : subjects.front()["summary"]["percentiles"].Items()) {
    if (p["p"].Number() != 50) table.header.push_back(fmt::format("p{:g}", p["p"].Number()));
  }
  table.header.insert(table.header.end(), {"steps/s", "times faster", "runs", "size", "own memory", "differs by"});
  const bool control = subjects.front()["summary"].Find("deadline").has_value();
  if (control) table.header.emplace_back("missed");
  table.header.emplace_back("verdict");
  for (const Field& subject : subjects) {
    const Field summary = subject["summary"];
    const std::string name = subject["name"].Text();
    std::vector<Cell> row{name, Milliseconds(summary["median_ns"].Number()), Milliseconds(summary["mean_ns"].Number())};
    for (const Field& p : summary["percentiles"].Items()) {
      if (p["p"].Number() == 50) continue;
      row.emplace_back(PercentileText(p, summary["n"].Integer()));
    }
    row.insert(row.end(), {ThreeDigits(summary["throughput_per_s"].Number()), TimesFaster(root, name),
                           Grouped(summary["n"].Integer()), BytesText(subject["size_bytes"]),
                           BytesText(subject["memory"]["own_bytes"]), DifferenceText(subject)});
    if (const auto deadline = summary.Find("deadline")) {
      row.emplace_back(fmt::format("{} of {}", (*deadline)["missed"].Integer(), (*deadline)["of"].Integer()));
    }
    row.push_back(State(subject["verdict"]["state"].Text()));
    row.resize(table.header.size());
    table.rows.push_back(std::move(row));
  }
  draft.Add(Part::kMeasurements, std::move(table));
  draft.Add(Part::kMeasurements,
            Paragraph{fmt::format("A step: {}. Times faster: than the first subject, median of the ratio within each "
                                  "round, 95 % interval. Differs by: the largest difference of an action from the "
                                  "first subject's on the same frames, or the mean absolute error on recorded episodes "
                                  "(normalised actions). Percentiles: the nearest rank, and what it is at most by "
                                  "MLPerf's early stopping.",
                                  settings["span"].Text())});
}

void AddMemory(const Document& document, const Field& root, Draft& draft) {
  Bars size;
  size.axis = "MB";
  size.part_names = {"files it reads", "own memory while it runs"};
  Table table{"", {"subject", "files", "own memory", "resident", "most resident", "load", "first run"}, {}};
  for (const Field& subject : root["subjects"].Items()) {
    const double files = subject["size_bytes"].Number() / 1e6;
    const double own = subject["memory"]["own_bytes"].Number() / 1e6;
    size.bars.push_back({subject["name"].Text(),
                         {files, own},
                         {},
                         BytesText(subject["size_bytes"]) + " + " + BytesText(subject["memory"]["own_bytes"])});
    table.rows.push_back({subject["name"].Text(), BytesText(subject["size_bytes"]),
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

void AddOperators(const Document& document, const Field& root, Draft& draft) {
  for (const Field& subject : root["subjects"].Items()) {
    const auto operators = subject.Find("operators");
    if (!operators) continue;
    Bars bars;
    bars.axis = "share of the time, %";
    Table table{"", {"operator", "arithmetic", "calls", "time", "share", "MACs"}, {}};
    for (const Field& op : operators->Items()) {
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
        Figure{fmt::format("Where a step of {} spends its time, {}", subject["name"].Text(), document.name()),
               "By kind of operator and arithmetic, from the engine's own record.", std::move(bars), std::move(table)});
  }
}

void AddSettings(const Document& document, const Field& root, Draft& draft) {
  Table files{fmt::format("{}: what was measured", document.name()), {"subject", "file", "bytes", "SHA-256"}, {}};
  for (const Field& subject : root["subjects"].Items()) {
    for (const Field& file : subject["files"].Items()) {
      files.rows.push_back(
          {subject["name"].Text(), file["name"].Text(), Grouped(file["bytes"].Integer()), file["sha256"].Text()});
    }
  }
  if (!files.rows.empty()) draft.Add(Part::kSettings, std::move(files));
  Table machine{fmt::format("{}: the machine", document.name()), {"property", "value"}, {}};
  for (const auto& [name, value] : root["machine"].Members()) {
    if (name == "readings") continue;  // one before every round
    const std::string text = value.Dump();
    machine.rows.push_back({name, text == "null" ? "not known" : text});
  }
  AddReadings(root["machine"]["readings"], machine);
  machine.rows.push_back({"a call costs", ThreeDigits(root["harness"]["call_ns"].Number() / 1e3) + " us"});
  draft.Add(Part::kSettings, std::move(machine));
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": how it was measured", root["settings"]));
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": what measured it", root["made"]));
}

}  // namespace

void AddResults(const Document& document, const Field& root, Draft& draft) {
  for (const Field& subject : root["subjects"].Items()) {
    const Field verdict = subject["verdict"];
    draft.AddVerdict(fmt::format("measurement of {} ({})", subject["name"].Text(), document.name()),
                     State(verdict["state"].Text()), Why(verdict));
  }
  AddTable(document, root, draft);
  AddWhatRan(document, root, draft);
  AddTimings(document, root, draft);
  AddMemory(document, root, draft);
  AddOperators(document, root, draft);
  AddSettings(document, root, draft);
}

}  // namespace vlaq::report
