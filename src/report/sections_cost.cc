// The arithmetic of `plan cost` and `plan device`: how small a policy can be, and how fast a device could run it.
#include <fmt/format.h>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

void AddSmallest(const Document& document, const JsonField& root, const std::string& path, Draft& draft) {
  Bars bars;
  bars.axis = "MB";
  Table table{"", {"format", "bytes at least"}, {}};
  for (const auto& [format, bytes] : root["smallest_bytes"].Members()) {
    bars.bars.push_back({format, {bytes.Number() / 1e6}, {}, BytesText(bytes)});
    table.rows.push_back({format, Grouped(bytes.Integer())});
  }
  if (bars.bars.empty()) return;
  draft.Add(Part::kSize, Figure{"How small " + path + " can be",
                                fmt::format("Parameters times bits, scales not counted ({}).", document.name()),
                                std::move(bars), std::move(table)});
}

void AddLimits(const std::string& title, const JsonField& limits, Draft& draft) {
  Table table{title, {"power, precision", "of what", "at least", "a second, at most", "bound by"}, {}};
  for (const JsonField& limit : limits.Items()) {
    table.rows.push_back({fmt::format("{}{}, {}", limit["power"].Text(),
                                      limit["confirmed"].Flag() ? "" : " (not confirmed)", limit["precision"].Text()),
                          limit["scenario"].Text(), Milliseconds(1e9 * limit["seconds_at_least"].Number()),
                          ThreeDigits(limit["per_second_at_most"].Number()), limit["bound_by"].Text()});
  }
  if (!table.rows.empty()) draft.Add(Part::kLatency, std::move(table));
}

}  // namespace

void AddCost(const Document& document, const JsonField& root, Draft& draft) {
  const std::string path = ShortName(root["model"]["path"].Text());
  AddSmallest(document, root, path, draft);
  if (const auto estimate = root.Find("estimate")) {
    AddLimits(fmt::format("Estimate for {} on {}: the roofline, which nothing beats ({})", path,
                          (*estimate)["device"]["title"].Text(), document.name()),
              (*estimate)["limits"], draft);
  }
  for (const char* claim : {"claim_size", "claim_fps"}) {
    const auto judged = root.Find(claim);
    if (!judged) continue;
    const bool size = std::string_view(claim) == "claim_size";
    const std::string what =
        size ? BytesText((*judged)["bytes"]) : ThreeDigits((*judged)["per_second"].Number()) + " frames/s";
    draft.AddVerdict(fmt::format("{} could be {}", path, what),
                     (*judged)["possible"].Flag() ? State("possible") : State("impossible"),
                     "by arithmetic: " + document.name());
    draft.Say({Claim::Of::kArithmetic, State((*judged)["possible"].Flag() ? "possible" : "impossible"),
               fmt::format("{} as {}", what, path), "by arithmetic"});
  }
}

void AddDevice(const Document& document, const JsonField& root, Draft& draft) {
  const std::string path = ShortName(root["model"]["path"].Text());
  const std::string device = root["device"]["title"].Text();
  Table table{fmt::format("Estimate: {} on {}, {} left for engines ({})", path, device,
                          BytesText(root["memory"]["available_bytes"]), document.name()),
              {"precision", "engines", "while it runs", "while it loads", "fits"},
              {}};
  for (const JsonField& fit : root["fit"].Items()) {
    for (const JsonField& run : fit["running"].Items()) {
      std::string engines;
      for (const std::string& engine : run["engines"].Texts()) engines += (engines.empty() ? "" : " + ") + engine;
      table.rows.push_back(
          {fit["precision"].Text(), engines, BytesText(run["running_bytes"]), BytesText(run["loading_bytes"]),
           Cell(run["fits"].Flag() ? "yes" : "no", run["fits"].Flag() ? Severity::kGood : Severity::kBad)});
    }
  }
  draft.Add(Part::kSize, std::move(table));
  AddLimits(fmt::format("Estimate for {} on {}: the roofline, which nothing beats ({})", path, device, document.name()),
            root["limits"], draft);
}

}  // namespace vlaq::report
