// The receipt of `verify`: every check, the figures of single stages, and what it all speaks about.
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

constexpr std::array<std::string_view, 6> kRungs{"identity",  "numbers",   "reality",
                                                 "open loop", "eyes open", "closed loop"};

std::string RungName(int64_t rung) {
  const bool known = rung >= 0 && rung < static_cast<int64_t>(kRungs.size());
  return known ? fmt::format("{} {}", rung, kRungs[static_cast<size_t>(rung)]) : std::to_string(rung);
}

void AddChecks(const Field& root, const std::string& bundle, Draft& draft) {
  Table table{"Checks of " + bundle, {"check", "rung", "verdict", "what was found"}, {}};
  for (const Field& check : root["checks"].Items()) {
    table.rows.push_back({check["name"].Text(), RungName(check["rung"].Integer()),
                          State(check["passed"].Flag() ? "ok" : "FAILED"), check["detail"].Text()});
  }
  for (const Field& check : root["untestable"].Items()) {
    table.rows.push_back(
        {check["name"].Text(), RungName(check["rung"].Integer()), State("NOT TESTABLE"), check["reason"].Text()});
  }
  draft.Add(Part::kVerdicts, std::move(table));
}

// Rung 1: how far each stage is from what it was held against.
void AddStages(const Field& root, const std::string& bundle, Draft& draft) {
  Bars bars;
  bars.axis = "largest difference";
  bars.logarithmic = true;
  Table table{"", {"stage", "largest difference", "limit", "verdict"}, {}};
  for (const Field& check : root["checks"].Items()) {
    const auto most = check["figures"].Find("max_absolute");
    if (check["rung"].Integer() != 1 || !most) continue;
    const auto limit = check["figures"].Find("limit");
    const std::string name = check["name"].Text();
    if (most->Number() > 0) bars.bars.push_back({name, {most->Number()}, {}, fmt::format("{:.1e}", most->Number())});
    table.rows.push_back({name, fmt::format("{:.2e}", most->Number()),
                          limit ? fmt::format("{:.2e}", limit->Number()) : "",
                          State(check["passed"].Flag() ? "ok" : "FAILED")});
  }
  if (bars.bars.empty()) return;
  draft.Add(Part::kLayers, Figure{"Difference of each stage, " + bundle,
                                  "Largest difference of any number of the stage from what it was held against; "
                                  "logarithmic.",
                                  std::move(bars), std::move(table)});
}

// Rung 2: in which arithmetic the multiplications ran, by the engine's own record.
void AddArithmetic(const Field& root, const std::string& bundle, Draft& draft) {
  constexpr std::string_view kPrefix = "macs_";
  for (const Field& check : root["checks"].Items()) {
    if (check["rung"].Integer() != 2) continue;
    Bars bars;
    bars.axis = "%";
    bars.part_names = {"of the multiplications"};
    Table table{"", {"arithmetic", "of the multiplications", "of the time"}, {}};
    for (const auto& [name, value] : check["figures"].Members()) {
      if (!name.starts_with(kPrefix)) continue;
      const std::string arithmetic = name.substr(kPrefix.size());
      const auto time = check["figures"].Find("time_" + arithmetic);
      const double share = 100 * value.Number();
      bars.bars.push_back({arithmetic, {share}, {}, fmt::format("{:.1f} %", share)});
      table.rows.push_back(
          {arithmetic, fmt::format("{:.2f} %", share), time ? fmt::format("{:.2f} %", 100 * time->Number()) : ""});
    }
    if (bars.bars.empty()) continue;
    draft.Add(Part::kLayers, Figure{fmt::format("Arithmetic that really ran, {}", bundle),
                                    fmt::format("{}: from the engine's profile.", check["name"].Text()),
                                    std::move(bars), std::move(table)});
  }
}

}  // namespace

void AddReceipt(const Document& document, const Field& root, Draft& draft) {
  const std::string bundle = root["bundle"].Text();
  const bool passed = root["passed"].Flag();
  const size_t open = root["untestable"].Items().size();
  const std::string verdict = !passed    ? "NOT VERIFIED"
                              : open > 0 ? "verified, except for what is not testable"
                                         : "verified";
  const auto failure = root.Find("first_failure");
  const double reached = 100 * root["reached_fraction"].Number();
  const std::string why =
      failure ? "first failure: " + failure->Text()
              : fmt::format("{} checks passed; {:.4g} % of {} parameters reach the actions",
                            root["checks"].Items().size(), reached, Grouped(root["parameters"].Integer()));
  draft.AddVerdict(fmt::format("{} is the policy ({})", bundle, document.name()), State(verdict), why);
  AddChecks(root, bundle, draft);
  AddStages(root, bundle, draft);
  AddArithmetic(root, bundle, draft);
  const Field evidence = root["evidence"];
  draft.Add(Part::kSettings, SettingsTable(document.name() + ": what was judged", evidence["bundle"]));
  Table limits{document.name() + ": limits", {"limit", "value", "reason"}, {}};
  for (const Field& limit : evidence["limits"].Items()) {
    limits.rows.push_back({limit["name"].Text(), ThreeDigits(limit["value"].Number()), limit["reason"].Text()});
  }
  if (!limits.rows.empty()) draft.Add(Part::kSettings, std::move(limits));
}

}  // namespace vlaq::report
