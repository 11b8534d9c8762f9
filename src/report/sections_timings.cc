// The times of `bench` as plots: distributions, ratios, the machine's limit, sweeps, the control period.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/statistics.h"
#include "base/text.h"
#include "report/scale.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

constexpr size_t kQuantiles = 120;  // points of a distribution's curve, besides the slowest
constexpr size_t kSlowest = 40;
constexpr double kLoaded = 0.1;   // of the machine, as bench's own limit
constexpr double kWideRange = 8;  // from which times are drawn on a logarithmic axis

// Share of steps that took no longer, from a few hundred points: evenly in rank, and all of the slowest.
Curves::Series Distribution(const std::string& name, const std::vector<double>& ns) {  // in order
  Curves::Series series{name, {}};
  const size_t every = std::max<size_t>(1, ns.size() / kQuantiles);
  for (size_t i = 0; i < ns.size(); ++i) {
    if (i % every != 0 && i + kSlowest < ns.size()) continue;
    series.points.push_back({ns[i] / 1e6, 100 * static_cast<double>(i + 1) / static_cast<double>(ns.size())});
  }
  return series;
}

// States that the document gives its subjects.
std::map<std::string, std::string> StatesOf(const JsonField& root) {
  std::map<std::string, std::string> states;
  for (const JsonField& subject : root["subjects"].Items()) {
    states[subject["name"].Text()] = subject["verdict"]["state"].Text();
  }
  return states;
}

void AddDistributions(const Document& document, const JsonField& root, Draft& draft) {
  Curves curves{"step, ms", "steps that took no longer, %", {}};
  Table table{"", {"subject", "least", "median", "mean", "middle half", "most", "runs"}, {}};
  double shortest = kInfinity;
  double longest = 0;
  for (const JsonField& subject : root["subjects"].Items()) {
    std::vector<double> ns = subject["samples"]["wall_ns"].Numbers();
    if (ns.empty()) continue;
    std::sort(ns.begin(), ns.end());
    curves.series.push_back(Distribution(SubjectName(subject), ns));
    shortest = std::min(shortest, ns.front());
    longest = std::max(longest, ns.back());
    table.rows.push_back({SubjectName(subject), Milliseconds(ns.front()), Milliseconds(Quantile(ns, 0.5)),
                          Milliseconds(subject["summary"]["mean_ns"].Number()),
                          fmt::format("{} to {}", Milliseconds(Quantile(ns, 0.25)), Milliseconds(Quantile(ns, 0.75))),
                          Milliseconds(ns.back()), Grouped(static_cast<int64_t>(ns.size()))});
  }
  if (curves.series.empty()) return;
  curves.logarithmic_x = shortest > 0 && longest > kWideRange * shortest;
  draft.Add(Part::kLatency, Figure{"Distribution of the step's time, " + document.name(),
                                   "Each curve climbs from the fastest step to the slowest; steep is steady, a flat "
                                   "top end is a tail of slow steps. These are the steps that were seen: what may be "
                                   "claimed of others stands under percentiles.",
                                   std::move(curves), std::move(table)});
}

void AddRatios(const Document& document, const JsonField& root, Draft& draft) {
  Bars bars;
  bars.axis = "times faster";
  bars.line = 1;
  bars.line_label = "as fast";
  Table table{"", {"compared", "times faster", "rounds", "noise", "verdict"}, {}};
  const auto states = StatesOf(root);
  const auto invalid = [&states](const std::string& name) {
    const auto found = states.find(name);
    return found != states.end() && found->second == "INVALID";
  };
  for (const JsonField& comparison : root["comparisons"].Items()) {
    const JsonField ratio = comparison["ratio"];
    const std::string second = comparison["second"].Text(), first = comparison["first"].Text();
    const std::string name = fmt::format("{} than {}", ShortName(second), ShortName(first));
    // Documents of older versions judged these all the same.
    const bool judged = !invalid(first) && !invalid(second);
    const std::string verdict = comparison["verdict"].Text();
    Bars::Bar bar{name, {ratio["median"].Number()}};
    const auto low = ratio.Find("low"), high = ratio.Find("high");
    if (low && high) bar.interval = Range{low->Number(), high->Number()};
    bar.value = RatioText(ratio);
    table.rows.push_back({name, bar.value, Grouped(comparison["rounds"].Integer()),
                          fmt::format("{:.1f} %", 100 * comparison["noise_floor"].Number()),
                          judged ? Cell(verdict) : Cell("not judged: INVALID", Severity::kBad)});
    bars.bars.push_back(std::move(bar));
  }
  if (bars.bars.empty()) return;
  const bool intervals = std::ranges::any_of(bars.bars, [](const auto& bar) { return bar.interval.has_value(); });
  draft.Add(Part::kLatency, Figure{"How many times faster, " + document.name(),
                                   intervals ? "Ratio of times within each round: the median, and its 95 % interval."
                                             : "Ratio of times; too few rounds for an interval.",
                                   std::move(bars), std::move(table)});
}

void AddTimeline(const Document& document, const JsonField& root, Draft& draft) {
  const auto period = root["settings"].Find("period_ns");
  if (!period) return;
  // By frame, not by the clock: subjects take turns, and gaps between one's turns are none of its own.
  Curves curves{"frame", "from frame to action, ms", {}};
  curves.joined = false;
  curves.line = period->Number() / 1e6;
  curves.line_label = "the next frame comes";
  Table table{"", {"subject", "missed", "never looked at", "latest", "jitter"}, {}};
  for (const JsonField& subject : root["subjects"].Items()) {
    const auto deadline = subject["summary"].Find("deadline");
    const std::vector<double> wall = subject["samples"]["wall_ns"].Numbers();
    if (!deadline || wall.empty()) continue;
    const auto dropped = deadline->Find("dropped");
    Curves::Series series{SubjectName(subject), {}};
    const auto numbered = subject["samples"].Find("frame");
    const std::vector<double> frames = numbered ? numbered->Numbers() : std::vector<double>();
    if (numbered && frames.size() != wall.size()) {
      subject["samples"].Fail("frame and wall_ns are of different lengths");
      return;
    }
    for (size_t i = 0; i < wall.size(); ++i) {
      const double frame = frames.empty() ? static_cast<double>(i) : frames[i];
      series.points.push_back({frame, wall[i] / 1e6, wall[i] > period->Number()});
    }
    curves.series.push_back(std::move(series));
    table.rows.push_back(
        {SubjectName(subject), fmt::format("{} of {}", (*deadline)["missed"].Integer(), (*deadline)["of"].Integer()),
         dropped ? std::to_string(dropped->Integer()) : "",  // earlier documents counted steps only
         Milliseconds((*deadline)["late_most_ns"].Number()), Milliseconds((*deadline)["jitter_ns"].Number())});
  }
  if (curves.series.empty()) return;
  draft.Add(Part::kTimeline,
            Figure{"Action latency, frame by frame, " + document.name(),
                   "A dot per control step; a cross was not over when the next frame came. Missed: frames "
                   "without an action in time, those that no step looked at among them. Jitter: how "
                   "long after its frame a step began, p99.",
                   std::move(curves), std::move(table)});
}

void AddRooflines(const Document& document, const JsonField& root, Draft& draft) {
  Bars bars;
  bars.axis = "share of the machine's limit, %";
  Table table{"", {"subject", "MACs a step", "bytes a step", "at the limit", "bound by", "reached"}, {}};
  for (const JsonField& subject : root["subjects"].Items()) {
    const auto roofline = subject.Find("roofline");
    if (!roofline) continue;
    const double reached = 100 * (*roofline)["fraction_of_limit"].Number();
    const std::string name = SubjectName(subject);
    bars.bars.push_back({name, {reached}, {}, fmt::format("{:.0f} %", reached)});
    table.rows.push_back({name, ThreeDigits((*roofline)["macs"].Number()), BytesText((*roofline)["bytes"]),
                          Milliseconds((*roofline)["limit_ns"].Number()), (*roofline)["bound"].Text(),
                          fmt::format("{:.0f} %", reached)});
  }
  if (bars.bars.empty()) return;
  std::string what =
      "The limit: multiplications over the measured peak, or bytes over the measured bandwidth, whichever takes "
      "longer.";
  const auto peaks = root.Find("peaks");
  const auto load = peaks ? peaks->Find("other_load") : std::nullopt;
  if (load && load->Number() > kLoaded) {
    what += fmt::format(" Others took {:.0f} % of the machine while its peaks were measured: the true ones are higher.",
                        100 * load->Number());
  }
  draft.Add(Part::kLatency, Figure{"How much of the machine's limit a step reaches, " + document.name(),
                                   std::move(what), std::move(bars), std::move(table)});
}

void AddSweeps(const Document& document, const JsonField& root, Draft& draft) {
  for (const JsonField& sweep : root["sweeps"].Items()) {
    const std::string axis = sweep["axis"].Text();
    const std::string subject = ShortName(sweep["subject"].Text());
    Curves curves{axis, "ms an item", {{subject, {}}}};
    Table table{"", {axis, "median", "an item", "runs", "verdict"}, {}};
    for (const JsonField& point : sweep["points"].Items()) {
      curves.series.front().points.push_back({point["value"].Number(), point["per_item_ns"].Number() / 1e6});
      table.rows.push_back({ThreeDigits(point["value"].Number()), Milliseconds(point["median_ns"].Number()),
                            Milliseconds(point["per_item_ns"].Number()), Grouped(point["n"].Integer()),
                            State(point["state"].Text())});
    }
    draft.Add(Part::kLatency, Figure{fmt::format("{} over {}, {}", subject, axis, document.name()),
                                     "Time of a step over the items in it.", std::move(curves), std::move(table)});
  }
}

}  // namespace

void AddTimings(const Document& document, const JsonField& root, Draft& draft) {
  AddDistributions(document, root, draft);
  AddRatios(document, root, draft);
  AddRooflines(document, root, draft);
  AddSweeps(document, root, draft);
  AddTimeline(document, root, draft);
}

}  // namespace vlaq::report
