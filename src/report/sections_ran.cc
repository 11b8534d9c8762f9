// What `bench` says of how each subject ran, beside its times: back end, precision, threads, CPU time, energy; and what
// the machine's sensors said meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

struct Column {
  std::string title;
  std::function<std::string(const JsonField& subject)> text;  // empty: not known
};

std::string TextOf(const JsonField& subject, std::string_view key) {
  const auto field = subject.Find(key);
  return field ? field->Text() : "";
}

// As many as were asked for, or both numbers.
std::string Threads(const JsonField& subject, const JsonField& settings) {
  const auto effective = subject.Find("effective");
  const auto used = effective ? effective->Find("threads") : std::nullopt;
  if (!used) return "";
  const auto asked = settings.Find("threads");
  if (!asked || asked->Integer() == used->Integer()) return Grouped(used->Integer());
  return fmt::format("{} of {} asked for", Grouped(used->Integer()), Grouped(asked->Integer()));
}

// How many processors a step keeps busy.
std::string Busy(const JsonField& subject) {
  const auto cpu = subject["summary"].Find("cpu_ns_per_run");
  const double wall = subject["summary"]["mean_ns"].Number();
  return cpu && wall > 0 ? ThreeDigits(cpu->Number() / wall) : "";
}

std::vector<Column> Columns(const JsonField& settings) {
  const auto of_summary = [](const char* key, const std::function<std::string(double)>& text) {
    return [key, text](const JsonField& subject) {
      const auto value = subject["summary"].Find(key);
      return value ? text(value->Number()) : std::string();
    };
  };
  return {
      {"ran on", [](const JsonField& s) { return TextOf(s, "runs_on"); }},
      {"precision", [](const JsonField& s) { return TextOf(s, "precision"); }},
      {"mode", [](const JsonField& s) { return TextOf(s, "mode"); }},
      {"threads", [settings](const JsonField& s) { return Threads(s, settings); }},
      {"CPU time a step", of_summary("cpu_ns_per_run", Milliseconds)},
      {"processors busy (CPU time over time)", Busy},
      {"energy a step", of_summary("energy_j_per_run", [](double j) { return ThreeDigits(j) + " J"; })},
      {"parameters",
       [](const JsonField& s) {
         const auto count = s.Find("parameters");
         return count ? Grouped(count->Integer()) : "";
       }},
      {"identity (parameters its outputs need, of the first's)",
       [](const JsonField& s) {
         const auto share = s.Find("identity");
         return share ? fmt::format("{:.4g} %", 100 * share->Number()) : "";
       }},
      {"warm-up",
       [](const JsonField& s) {
         const auto warm = s.Find("warm_up");
         if (!warm) return std::string();
         return fmt::format("{} runs, {}", Grouped((*warm)["runs"].Integer()), Milliseconds((*warm)["ns"].Number()));
       }},
  };
}

// The value of `key` in each reading that has it.
std::vector<double> Said(const std::vector<JsonField>& readings, std::string_view key) {
  std::vector<double> values;
  for (const JsonField& reading : readings) {
    if (const auto value = reading.Find(key)) values.push_back(value->Number());
  }
  return values;
}

}  // namespace

void AddWhatRan(const Document& document, const JsonField& root, Draft& draft) {
  const std::vector<JsonField> subjects = root["subjects"].Items();
  Table table{document.name() + ": what ran", {"subject"}, {}, true};
  for (const JsonField& subject : subjects) table.rows.push_back({SubjectName(subject)});
  for (const Column& column : Columns(root["settings"])) {
    std::vector<std::string> texts;
    for (const JsonField& subject : subjects) texts.push_back(column.text(subject));
    if (std::ranges::all_of(texts, &std::string::empty)) continue;  // of no subject: not in this document
    table.header.push_back(column.title);
    for (size_t i = 0; i < texts.size(); ++i) table.rows[i].emplace_back(texts[i].empty() ? "not known" : texts[i]);
  }
  if (table.header.size() < 2) return;
  // Many properties of few subjects: a column for each subject is what fits a page.
  draft.Add(Part::kMeasurements, subjects.size() < table.header.size() ? Transposed(table) : std::move(table));
}

void AddReadings(const JsonField& readings, Table& machine) {
  const std::vector<JsonField> items = readings.Items();
  const auto add = [&](std::string_view key, const std::string& title, const std::string& unit) {
    const std::vector<double> values = Said(items, key);
    if (values.empty()) return;
    const auto [least, most] = std::ranges::minmax(values);
    machine.rows.push_back(
        {title, fmt::format("{} {} at the start, {} to {} in {} readings", ThreeDigits(values.front()), unit,
                            ThreeDigits(least), ThreeDigits(most), Grouped(static_cast<int64_t>(values.size())))});
  };
  add("clock_mhz", "fastest core's clock", "MHz");
  add("temperature_c", "hottest sensor", "degrees C");
  add("power_w", "power of the board", "W");
  add("load", "load average", "running");
  const auto grown = [&](std::string_view key, const std::string& title) {
    const std::vector<double> values = Said(items, key);
    if (values.size() > 1) machine.rows.push_back({title, ThreeDigits(values.back() - values.front())});
  };
  grown("energy_j", "energy of the run, J");
  grown("throttles", "times throttled, processor");
  grown("quota_stops", "times stopped, quota");
}

}  // namespace vlaq::report
