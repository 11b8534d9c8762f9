#include "cli/cost_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "cli/inspect_text.h"
#include "cost/roofline.h"

namespace vlaq::cli {
namespace {

using cost::Device;
using cost::ModelCost;
using cost::PowerMode;
using cost::PrecisionRow;
using cost::Scenario;

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
    const auto limit = cost::LimitOf(cost, scenario, device, mode, precision);
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

std::string LimitsText(const ModelCost& cost, const cost::Board& board) {
  std::vector<std::string> header{"power", "precision", "peak"};
  for (const Scenario& scenario : cost.scenarios) {
    const bool share = scenario.is_step && cost.period_s;
    header.insert(header.end(),
                  {scenario.name, share ? fmt::format("of {:g} s", *cost.period_s) : "at most", "bound by"});
  }
  TextTable table(header);
  bool any = false;
  for (const PowerMode& mode : board.modes) {
    for (const PrecisionRow& precision : cost::kPrecisions) {
      std::vector<std::string> row = LimitCells(cost, board.device, mode, precision);
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
                          Printable(board.device.title),
                          board.device.bytes_per_s ? BandwidthText(*board.device.bytes_per_s) : "of unknown bandwidth"),
              table);
  for (const PowerMode& mode : board.modes) {
    if (mode.bytes_per_s)
      text += fmt::format("  {}: memory {}\n", Printable(mode.name), BandwidthText(*mode.bytes_per_s));
  }
  for (const Scenario& scenario : cost.scenarios) text += fmt::format("  {}: {}\n", scenario.name, scenario.title);
  if (std::ranges::any_of(board.modes, [](const PowerMode& mode) { return !mode.confirmed; })) {
    text += "  * clocks of this mode are not confirmed: compare with nvpmodel -q --verbose on the board\n";
  }
  return text;
}

}  // namespace vlaq::cli
