#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

void AddRows(const std::string& prefix, const Field& settings, Table& table) {
  for (const auto& [name, value] : settings.Members()) {
    const std::string full = prefix.empty() ? name : prefix + "." + name;
    if (value.IsObject()) {
      AddRows(full, value, table);
      continue;
    }
    std::string text = value.Dump();
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    table.rows.push_back({full, text == "null" ? "not known" : text});
  }
}

}  // namespace

Mood MoodOf(std::string_view state) {
  if (state == "VALID" || state == "verified" || state == "ok" || state == "possible") return Mood::kGood;
  if (state == "UNSTABLE" || state == "NOT TESTABLE" || state.starts_with("verified")) return Mood::kWarning;
  return Mood::kBad;
}

Cell State(const std::string& state) { return {state, MoodOf(state)}; }

Table SettingsTable(const std::string& caption, const Field& settings) {
  Table table{caption, {"setting", "value"}, {}};
  AddRows("", settings, table);
  return table;
}

std::string BytesText(const Field& number) {
  constexpr double kMost = 1e18;  // what a document claims may be more than any file has
  return HumanBytes(static_cast<uint64_t>(std::clamp(number.Number(), 0.0, kMost)));
}

std::string RatioText(const Field& ratio) {
  const auto low = ratio.Find("low"), high = ratio.Find("high");
  const std::string middle = fmt::format("{:.3g}", ratio["median"].Number());
  return low && high ? fmt::format("{} ({:.3g} to {:.3g})", middle, low->Number(), high->Number()) : middle;
}

std::string Milliseconds(double ns) { return ThreeDigits(ns / 1e6) + " ms"; }

}  // namespace vlaq::report
