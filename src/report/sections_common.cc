#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

// Units that stand in the names of numbers, and how such a number is written for people.
struct Unit {
  std::string_view suffix;
  std::string (*text)(double);
};
constexpr std::array kUnits{
    Unit{"_ns", DurationText},
    Unit{"_bytes", [](double bytes) { return BytesText(bytes); }},
};

const Unit* UnitOf(const std::string& name, const JsonField& value) {
  if (!value.IsNumber()) return nullptr;
  for (const Unit& unit : kUnits) {
    if (name.ends_with(unit.suffix)) return &unit;
  }
  // "warm_up": {"ns": 200000000}
  return name == "ns" ? &kUnits[0] : nullptr;
}

std::string Words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::string ValueText(const JsonField& value) {
  if (value.IsArray()) {
    std::string list;
    for (const JsonField& item : value.Items()) list += (list.empty() ? "" : ", ") + ValueText(item);
    return list.empty() ? "none" : list;
  }
  const Json& json = value.json();
  if (json.is_null()) return "not known";
  if (json.is_string()) return value.Text();
  if (json.is_boolean()) return value.Flag() ? "yes" : "no";
  return JsonString(json);
}

void AddRows(const std::string& prefix, const JsonField& settings, Table& table) {
  for (const auto& [name, value] : settings.Members()) {
    const std::string before = prefix.empty() ? "" : prefix + ", ";
    if (value.IsObject()) {
      AddRows(before + Words(name), value, table);
    } else if (const Unit* unit = UnitOf(name, value)) {
      const std::string bare =
          name.size() > unit->suffix.size() ? name.substr(0, name.size() - unit->suffix.size()) : "";
      table.rows.push_back({bare.empty() ? prefix : before + Words(bare), unit->text(value.Number())});
    } else {
      table.rows.push_back({before + Words(name), ValueText(value)});
    }
  }
}

}  // namespace

Severity MoodOf(std::string_view state) {
  if (state == "VALID" || state == "verified" || state == "ok" || state == "possible") return Severity::kGood;
  if (state == "UNSTABLE" || state == "NOT TESTABLE" || state.starts_with("verified")) return Severity::kWarning;
  return Severity::kBad;
}

Cell State(const std::string& state) { return {state, MoodOf(state)}; }

int MoodRank(Severity mood) { return mood == Severity::kBad ? 2 : mood == Severity::kWarning ? 1 : 0; }

Table SettingsTable(const std::string& caption, const JsonField& settings) {
  Table table{caption, {"setting", "value"}, {}, true};
  AddRows("", settings, table);
  return table;
}

std::string BytesText(const JsonField& number) { return BytesText(number.Number()); }

std::string BytesText(double bytes) {
  constexpr double kMost = 1e18;  // what a document claims may be more than any file has
  return HumanBytes(static_cast<uint64_t>(bytes > 0 ? std::min(bytes, kMost) : 0.0));
}

std::string SubjectName(const JsonField& subject) { return ShortName(subject["name"].Text()); }

Table Transposed(const Table& table) {
  Table turned{table.caption, {table.header.front()}, {}, table.folded};
  for (const auto& row : table.rows) turned.header.push_back(row.front().text);
  for (size_t column = 1; column < table.header.size(); ++column) {
    std::vector<Cell> row{table.header[column]};
    for (const auto& of : table.rows) row.push_back(of[column]);
    turned.rows.push_back(std::move(row));
  }
  return turned;
}

std::string DurationText(double ns) {
  if (ns >= 1e9) return ThreeDigits(ns / 1e9) + " s";
  return ns >= 1e5 ? ThreeDigits(ns / 1e6) + " ms" : ThreeDigits(ns / 1e3) + " us";
}

std::string RatioText(const JsonField& ratio) {
  const auto low = ratio.Find("low"), high = ratio.Find("high");
  const std::string middle = fmt::format("{:.3g}", ratio["median"].Number());
  return low && high ? fmt::format("{} ({:.3g} to {:.3g})", middle, low->Number(), high->Number()) : middle;
}

std::string Milliseconds(double ns) { return ThreeDigits(ns / 1e6) + " ms"; }

void AddUnit(const std::string& unit, std::vector<std::string>& units) {
  if (std::find(units.begin(), units.end(), unit) == units.end()) units.push_back(unit);
}

std::string JoinedUnits(const std::vector<std::string>& units) { return fmt::format("{}", fmt::join(units, ", ")); }

}  // namespace vlaq::report
