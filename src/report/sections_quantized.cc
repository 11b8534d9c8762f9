// What quantization does to each layer: the plan's sensitivity, what each weight lost, and what the bytes are.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

constexpr size_t kMaxBars = 12;

struct Loss {
  std::string weight, number;
  double decibel = 0, worst = 0;
};

}  // namespace

void AddPlan(const Document& document, const JsonField& root, Draft& draft) {
  draft.Add(
      Part::kSettings,
      Table{document.name() + ": the plan",
            {"bundle", "weights before", "after, about"},
            {{ShortName(root["bundle"].Text()), BytesText(root["bytes_before"]), BytesText(root["bytes_after_about"])}},
            true});
  const auto accuracy = root.Find("accuracy");
  if (!accuracy) return;
  Bars bars;
  bars.axis = "actions moved, RMS, normalized";
  bars.logarithmic = true;
  Table table{"", {"group", "format", "moved RMS", "moved at most", "MAE"}, {}};
  for (const JsonField& row : (*accuracy)["sensitivity"].Items()) {
    const JsonField effect = row["effect"];
    const auto moved = effect.Find("moved_rms"), most = effect.Find("moved_most"), mae = effect.Find("mae_increase");
    const std::string name = row["group"].Text();
    if (moved && moved->Number() > 0 && bars.bars.size() < kMaxBars) {
      bars.bars.push_back({name, {moved->Number()}, {}, fmt::format("{:.5f}", moved->Number())});
    }
    table.rows.push_back({name, row["format"].Text(), moved ? fmt::format("{:.5f}", moved->Number()) : "no number",
                          most ? fmt::format("{:.4f}", most->Number()) : "no number",
                          mae ? fmt::format("{:+.5f}", mae->Number()) : "no number"});
  }
  if (bars.bars.empty()) return;
  draft.Add(Part::kLayers, Figure{"Sensitivity of each group, " + document.name(),
                                  "How far the actions move when this group alone is quantized; logarithmic, the worst "
                                  "first.",
                                  std::move(bars), std::move(table)});
}

void AddQuantized(const Document& document, const JsonField& root, Draft& draft) {
  std::vector<Loss> losses;
  for (const JsonField& weight : root["weights"].Items()) {
    losses.push_back({weight["weight"].Text(), weight["number"].Text(), weight["signal_to_noise_db"].Number(),
                      weight["worst_scale_db"].Number()});
  }
  if (losses.empty()) return;
  std::stable_sort(losses.begin(), losses.end(), [](const Loss& a, const Loss& b) { return a.decibel < b.decibel; });
  Bars bars;
  bars.axis = "signal to noise, dB";
  Table table{"", {"weight", "format", "signal to noise", "of its worst channel"}, {}};
  for (const Loss& loss : losses) {
    if (bars.bars.size() < kMaxBars) {
      bars.bars.push_back({loss.weight, {loss.decibel}, {}, fmt::format("{:.1f} dB", loss.decibel)});
    }
    table.rows.push_back(
        {loss.weight, loss.number, fmt::format("{:.1f} dB", loss.decibel), fmt::format("{:.1f} dB", loss.worst)});
  }
  draft.Add(
      Part::kLayers,
      Figure{fmt::format("What rounding cost the weights of {}", ShortName(root["bundle"].Text())),
             fmt::format("Signal to noise of each quantized weight, the {} that lost most of {} ({}); 6 dB are a bit.",
                         bars.bars.size(), losses.size(), document.name()),
             std::move(bars), std::move(table)});
}

void AddInspection(const Document& document, const JsonField& root, Draft& draft) {
  const auto parts = root.Find("parts");
  if (!parts) {
    root.Fail("is no inspection of a bundle: 'parts' is missing");
    return;
  }
  // A stack per part of the policy, a color per type; colors in the order of the bytes they stand for.
  std::map<std::string, double> by_type;
  for (const JsonField& part : parts->Items()) by_type[part["dtype"].Text()] += part["bytes"].Number();
  std::vector<std::string> types;
  for (const auto& [type, bytes] : by_type) types.push_back(type);
  std::stable_sort(types.begin(), types.end(), [&](const auto& a, const auto& b) { return by_type[a] > by_type[b]; });
  Bars bars;
  bars.axis = "MB";
  bars.part_names = types;
  Table table{"", {"part", "type", "bytes", "parameters"}, {}};
  for (const JsonField& part : parts->Items()) {
    const std::string name = part["part"].Text();
    const std::string type = part["dtype"].Text();
    const double bytes = part["bytes"].Number();
    if (bars.bars.empty() || bars.bars.back().label != name) {
      bars.bars.push_back({name, std::vector<double>(types.size(), 0)});
    }
    const auto at = static_cast<size_t>(std::find(types.begin(), types.end(), type) - types.begin());
    bars.bars.back().parts[at] += bytes / 1e6;
    table.rows.push_back({name, type, Grouped(part["bytes"].Integer()), Grouped(part["parameters"].Integer())});
  }
  draft.Add(Part::kSize, Figure{fmt::format("Weights of {} by part and type", ShortName(root["path"].Text())),
                                fmt::format("Bytes of the tensors in its weights file ({}).", document.name()),
                                std::move(bars), std::move(table)});
}

}  // namespace vlaq::report
