#include "cli/cost_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "cli/inspect_text.h"

namespace vlaq::cli {
namespace {

using planning::Limit;
using planning::ModelCost;
using planning::Scenario;
using target::Device;
using target::PowerMode;
using target::PrecisionRow;

struct Unit {
  double factor;
  const char* name;
};

// The largest unit that leaves at least 1.
template <size_t n>
std::string InUnits(double value, const std::array<Unit, n>& units) {
  const Unit* unit = &units.back();
  for (const Unit& candidate : units) {
    if (value >= candidate.factor) {
      unit = &candidate;
      break;
    }
  }
  return fmt::format("{} {}", HumanNumber(value / unit->factor), unit->name);
}

// Time, rate or share of the period, and what bounds it, for each scenario; nothing if the peak is not known.
std::vector<std::string> LimitCells(const ModelCost& cost, const Device& device, const PowerMode& mode,
                                    const PrecisionRow& precision) {
  std::vector<std::string> cells;
  for (const Scenario& scenario : cost.scenarios) {
    const auto limit = planning::LimitOf(cost, scenario, device, mode, precision);
    if (!limit) return {};
    const bool share = scenario.is_step && cost.period_s;
    cells.insert(cells.end(), {HumanSeconds(limit->seconds),
                               share ? fmt::format("{:.1f} %", 100 * limit->seconds / *cost.period_s)
                                     : HumanNumber(limit->per_second()) + "/s",
                               std::string(BoundName(limit->bound))});
  }
  return cells;
}

std::string BandwidthText(double bytes_per_s) { return fmt::format("{:.1f} GB/s", bytes_per_s / 1e9); }

Json LimitJson(const ModelCost& cost, const Scenario& scenario, const PowerMode& mode, const Limit& limit) {
  Json row{{"power", mode.name},
           {"confirmed", mode.confirmed},
           {"precision", limit.precision->name},
           {"scenario", scenario.id},
           {"seconds_at_least", limit.seconds},
           {"per_second_at_most", limit.per_second()},
           {"compute_seconds", limit.compute_s}};
  if (limit.memory_s) row["memory_seconds"] = *limit.memory_s;
  if (scenario.is_step && cost.period_s) row["share_of_period"] = limit.seconds / *cost.period_s;
  row["bound_by"] = BoundName(limit.bound);
  return row;
}

}  // namespace

std::string HumanNumber(double value) {
  if (std::fabs(value) >= 1000) return Grouped(std::llround(value));
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  if (value >= 1 || value == 0) return fmt::format("{:.{}f}", value, digits);
  return fmt::format("{:.2g}", value);
}

std::string HumanMacs(double macs) {
  constexpr std::array kUnits = {Unit{1e12, "TMAC"}, Unit{1e9, "GMAC"}, Unit{1e6, "MMAC"}, Unit{1e3, "kMAC"},
                                 Unit{1, "MAC"}};
  return InUnits(macs, kUnits);
}

std::string HumanSeconds(double seconds) {
  constexpr std::array kUnits = {Unit{1, "s"}, Unit{1e-3, "ms"}, Unit{1e-6, "us"}, Unit{1e-9, "ns"}};
  return InUnits(seconds, kUnits);
}

std::string TitleText(const ModelCost& cost) {
  std::string text =
      fmt::format("{}: {}, {} parameters", cost.path.string(),
                  cost.is_bundle ? "bundle, " + Printable(cost.precision) : "ONNX model", Grouped(cost.parameters));
  if (cost.computed > 0) text += fmt::format(" (and {} numbers that export computed)", Grouped(cost.computed));
  text += fmt::format(", {} of weights; batch 1", HumanBytes(cost.weights_bytes));
  if (cost.window) text += fmt::format(", window {}", *cost.window);
  if (cost.tokens) text += fmt::format(", prompt of {} tokens", *cost.tokens);
  return text + "\n";
}

std::string ScenariosText(const ModelCost& cost) {
  TextTable table({"", "MACs", cost.scenarios.front().id == "frame" ? "times a frame" : "", "what"});
  const auto first = static_cast<double>(cost.MacsOf(cost.scenarios.front()));
  for (const Scenario& scenario : cost.scenarios) {
    const auto macs = static_cast<double>(cost.MacsOf(scenario));
    table.AddRow(
        {scenario.name, HumanMacs(macs), first > 0 ? fmt::format("{:.2f}", macs / first) : "", scenario.title});
  }
  return Section("Multiply-accumulates", table);
}

std::string LimitsText(const ModelCost& cost, const Device& device, std::span<const PowerMode> modes) {
  std::vector<std::string> header{"power", "precision", "peak"};
  for (const Scenario& scenario : cost.scenarios) {
    const bool share = scenario.is_step && cost.period_s;
    header.insert(header.end(),
                  {scenario.name, share ? fmt::format("of {:g} s", *cost.period_s) : "at most", "bound by"});
  }
  TextTable table(header);
  bool any = false;
  for (const PowerMode& mode : modes) {
    for (const PrecisionRow& precision : target::kPrecisions) {
      std::vector<std::string> row = LimitCells(cost, device, mode, precision);
      if (row.empty()) continue;
      any = true;
      row.insert(row.begin(), {mode.name + (mode.confirmed ? "" : " *"), std::string(precision.name),
                               HumanMacs(*(mode.macs_per_s.*precision.peak)) + "/s"});
      table.AddRow(std::move(row));
    }
  }
  if (!any) return "\nNo peak of this device is known, so nothing can be said about time.\n";
  std::string text =
      Section(fmt::format("Estimate for {}, memory {}: the roofline, at which every step takes at least so long",
                          Printable(device.title),
                          device.bytes_per_s ? BandwidthText(*device.bytes_per_s) : "of unknown bandwidth"),
              table);
  for (const PowerMode& mode : modes) {
    if (mode.bytes_per_s)
      text += fmt::format("  {}: memory {}\n", Printable(mode.name), BandwidthText(*mode.bytes_per_s));
  }
  for (const Scenario& scenario : cost.scenarios) text += fmt::format("  {}: {}\n", scenario.name, scenario.title);
  if (std::ranges::any_of(modes, [](const PowerMode& mode) { return !mode.confirmed; })) {
    text += "  * clocks of this mode are not confirmed: compare with nvpmodel -q --verbose on the board\n";
  }
  return text;
}

Json ModelJson(const ModelCost& cost) {
  Json json{{"path", cost.path.string()}, {"kind", cost.is_bundle ? "bundle" : "onnx"}, {"parameters", cost.parameters},
            {"computed", cost.computed},  {"weights_bytes", cost.weights_bytes},        {"batch", 1}};
  if (cost.is_bundle) json["precision"] = cost.precision;
  if (cost.window) json["window"] = *cost.window;
  if (cost.tokens) json["prompt_tokens"] = *cost.tokens;
  if (cost.period_s) json["control_period_s"] = *cost.period_s;
  return json;
}

Json ScenariosJson(const ModelCost& cost) {
  Json list = Json::array();
  for (const Scenario& scenario : cost.scenarios) {
    Json graphs = Json::array();
    for (const size_t graph : scenario.graphs) graphs.push_back(cost.graphs[graph].name);
    list.push_back(
        {{"id", scenario.id}, {"title", scenario.title}, {"graphs", graphs}, {"macs", cost.MacsOf(scenario)}});
  }
  return list;
}

Json LimitsJson(const ModelCost& cost, const Device& device, std::span<const PowerMode> modes) {
  Json list = Json::array();
  for (const PowerMode& mode : modes) {
    for (const Scenario& scenario : cost.scenarios) {
      for (const PrecisionRow& precision : target::kPrecisions) {
        const auto limit = planning::LimitOf(cost, scenario, device, mode, precision);
        if (limit) list.push_back(LimitJson(cost, scenario, mode, *limit));
      }
    }
  }
  return list;
}

Json RateJson(const planning::RateVerdict& rate) {
  Json needs = Json::array();
  for (const planning::RateNeed& need : rate.needs) {
    Json row{{"precision", need.limit.precision->name},
             {"macs_per_s", need.macs_per_s},
             {"times_peak", need.times_peak},
             {"bytes_per_s", need.bytes_per_s}};
    if (need.times_bandwidth) row["times_bandwidth"] = *need.times_bandwidth;
    row["per_second_at_most"] = need.limit.per_second();
    needs.push_back(std::move(row));
  }
  return {{"per_second", rate.claimed},
          {"scenario", rate.scenario},
          {"power", rate.mode},
          {"needs", std::move(needs)},
          {"possible", rate.possible}};
}

}  // namespace vlaq::cli
