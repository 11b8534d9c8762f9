#include "report/policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

bool Same(const PolicyKey& a, const PolicyKey& b) {
  if (!a.policy_sha.empty() && !b.policy_sha.empty()) return a.policy_sha == b.policy_sha;
  if (!a.weights_sha.empty() && !b.weights_sha.empty()) return a.weights_sha == b.weights_sha;
  return ShortName(a.path) == ShortName(b.path);
}

void Complete(PolicyKey& key, const PolicyKey& more) {
  if (key.policy_sha.empty()) key.policy_sha = more.policy_sha;
  if (key.weights_sha.empty()) key.weights_sha = more.weights_sha;
}

Cell StepOf(const Timing& timing) {
  std::string text = Milliseconds(timing.median_ns);
  if (timing.state != "VALID") text += ", " + timing.state;
  return {text, timing.state == "VALID" ? Severity::kPlain : MoodOf(timing.state)};
}

const Timing* Fastest(const Policy& policy) {
  const auto fastest = std::ranges::min_element(policy.timings, {}, &Timing::median_ns);
  return fastest == policy.timings.end() ? nullptr : &*fastest;
}

Cell VerdictOf(const Policy& policy) {
  return policy.verdict.value_or(Cell("not verified: no receipt", Severity::kWarning));
}

// Several policies of one name are told apart by their folders.
std::string Unique(const std::vector<Policy>& all, const std::string& path) {
  const std::string name = ShortName(path);
  return std::ranges::any_of(all, [&](const Policy& p) { return p.name == name; }) ? path : name;
}

struct ComparedColumn {
  const char* title;
  Cell (*cell)(const Policy&);
};
constexpr std::array kCompared{
    ComparedColumn{"size",
                   [](const Policy& p) { return Cell(p.of_source.empty() ? p.size : p.size + ", " + p.of_source); }},
    ComparedColumn{"actions differ by", [](const Policy& p) { return Cell(p.differs); }},
    ComparedColumn{"error", [](const Policy& p) { return Cell(p.error); }},
    ComparedColumn{"its change", [](const Policy& p) { return Cell(p.error_change); }},
    ComparedColumn{"fastest step",
                   [](const Policy& p) { return Fastest(p) == nullptr ? Cell() : StepOf(*Fastest(p)); }},
    ComparedColumn{"times faster",
                   [](const Policy& p) { return Cell(Fastest(p) == nullptr ? "" : Fastest(p)->ratio); }},
    ComparedColumn{"success", [](const Policy& p) { return Cell(p.success); }},
    ComparedColumn{"arithmetic", [](const Policy& p) { return Cell(p.arithmetic); }},
};

}  // namespace

std::string ShortName(const std::string& path) {
  const bool is_path = path.starts_with('/') || path.starts_with('.');
  if (!is_path && path.find_first_of(" \t\r\n") != std::string::npos) return path;
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path;
  const size_t begin = path.find_last_of('/', end);
  return begin == std::string::npos ? path.substr(0, end + 1) : path.substr(begin + 1, end - begin);
}

Policy& Policies::Of(const PolicyKey& key) {
  auto found = std::ranges::find_if(list_, [&key](const Policy& policy) { return Same(policy.key, key); });
  if (found == list_.end()) {
    Policy policy;
    policy.key = key;
    policy.name = Unique(list_, key.path);
    found = list_.insert(found, std::move(policy));
  }
  Complete(found->key, key);
  return *found;
}

Cards Policies::AsCards() const {
  Cards cards;
  for (const Policy& p : list_) {
    Card card{p.name, VerdictOf(p), {}};
    const auto add = [&card](const char* what, Cell cell) {
      if (!cell.text.empty()) card.facts.emplace_back(what, std::move(cell));
    };
    add("size", p.of_source.empty() ? p.size : p.size + ", " + p.of_source + " of its source");
    for (const Timing& timing : p.timings) {
      const bool valid = timing.state == "VALID";
      const std::string text = fmt::format(
          "{} a step ({}){}{}", Milliseconds(timing.median_ns), timing.subject == p.name ? timing.mode : timing.subject,
          valid ? "" : ", " + timing.state, timing.faster.empty() ? "" : ": " + timing.faster);
      add("time", {text, valid ? Severity::kPlain : MoodOf(timing.state)});
    }
    add("missed", p.missed);
    add("error", p.error_change.empty() ? p.error : fmt::format("{} ({} to its source)", p.error, p.error_change));
    add("actions", p.differs.empty() ? "" : "differ from its source's by " + p.differs + " at most");
    add("success", p.success);
    add("arithmetic", p.arithmetic);
    add("not proven", Cell(p.unproven, Severity::kWarning));
    add("measured", p.measured);
    cards.list.push_back(std::move(card));
  }
  return cards;
}

Table Policies::Comparison() const {
  Table table{"Beside each other", {"policy", "verdict"}, {}};
  if (list_.size() < 2) return table;
  for (const Policy& p : list_) table.rows.push_back({p.name, VerdictOf(p)});
  for (const ComparedColumn& column : kCompared) {
    std::vector<Cell> cells;
    for (const Policy& p : list_) cells.push_back(column.cell(p));
    if (std::ranges::all_of(cells, [](const Cell& cell) { return cell.text.empty(); })) continue;
    table.header.emplace_back(column.title);
    for (size_t i = 0; i < cells.size(); ++i) {
      table.rows[i].push_back(cells[i].text.empty() ? Cell("-") : std::move(cells[i]));
    }
  }
  return table;
}

}  // namespace vlaq::report
