#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "cli/inspect_text.h"
#include "data/timing.h"

namespace vlaq::cli {
namespace {

constexpr size_t kMaxRows = 20;  // of a table that may grow with the data

// The first rows of a list, and how many more there are.
template <typename Row>
std::string Table(std::string_view title, std::vector<std::string> header, const Json& list, Row row) {
  if (list.empty()) return "";
  TextTable table(std::move(header));
  for (size_t i = 0; i < std::min(list.size(), kMaxRows); ++i) table.AddRow(row(list[i]));
  const std::string rest =
      list.size() > kMaxRows ? fmt::format("  and {} more (--json lists all)\n", list.size() - kMaxRows) : "";
  return Section(title, table) + rest;
}

// When steps were: "49.9 to 50.1".
std::string Rates(const Json& range) {
  if (range["lowest_hz"].is_null()) return "-";
  const std::string low = fmt::format("{:.4g}", range["lowest_hz"].get<double>());
  const std::string high = fmt::format("{:.4g}", range["highest_hz"].get<double>());
  return low == high ? low : fmt::format("{} to {}", low, high);
}

std::string Times(const Json& time) {
  TextTable table({"episodes", "time by", "steps a second"});
  const auto add = [&](const char* key, std::string_view name) {
    const Json& row = time[key];
    if (row["episodes"] != 0) {
      table.AddRow({JsonCount(row["episodes"]), std::string(name), row.contains("lowest_hz") ? Rates(row) : "-"});
    }
  };
  add("recorded", Name(data::TimeSource::kTimeStamps));
  add("stated", Name(data::TimeSource::kStatedRate));
  add("unknown", Name(data::TimeSource::kUnknown));
  std::string text = Section("Time", table);
  if (const Json& intervals = time["intervals"]; !intervals.is_null()) {
    text += fmt::format("  intervals: 99 % within {:.4g} ms, the longest {:.4g} ms ({}, step {}); gaps: {}\n",
                        intervals["p99_s"].get<double>() * 1e3, intervals["longest_s"].get<double>() * 1e3,
                        JsonText(intervals["longest_file"]), JsonCount(intervals["longest_step"]),
                        JsonCount(intervals["gaps"]));
  }
  return text;
}

std::string ErrorLines(std::string_view title, const Json& list) {
  std::string text = list.empty() ? "" : fmt::format("\n{}: {}\n", title, list.size());
  for (const Json& row : list) text += fmt::format("  {}\n", JsonText(row["error"]));
  return text;
}

std::string Axes(const Json& axes) {
  TextTable table({"axis", "mean", "std", "min", "max", "zero"});
  for (const Json& a : axes) {
    const auto number = [&](const char* key) { return fmt::format("{:.4f}", a[key].get<double>()); };
    table.AddRow({JsonText(a["name"]), number("mean"), number("standard_deviation"), number("min"), number("max"),
                  fmt::format("{:.1f} %", a["zero"].get<double>() * 100)});
  }
  std::vector<std::string> units;
  for (const Json& a : axes) {
    const std::string unit = JsonText(a["unit"]);
    if (!unit.empty() && std::find(units.begin(), units.end(), unit) == units.end()) units.push_back(unit);
  }
  return Section(units.empty() ? "Commands" : fmt::format("Commands ({})", fmt::join(units, ", ")), table);
}

// Bins without steps in a row are one line, so that a gap is seen for what it is.
std::string HistogramOf(const Json& axis) {
  const Json& h = axis["histogram"];
  const auto counts = h["steps"].get<std::vector<uint64_t>>();
  const auto low = h["low"].get<double>();
  const double width = (h["high"].get<double>() - low) / static_cast<double>(counts.size());
  const auto most = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
  TextTable table({"from", "to", "steps", ""});
  const auto edge = [&](size_t i) { return fmt::format("{:.3f}", low + width * static_cast<double>(i)); };
  for (size_t i = 0, next = 0; i < counts.size(); i = next) {
    next = i + 1;
    while (counts[i] == 0 && next < counts.size() && counts[next] == 0) ++next;
    const auto count = static_cast<double>(counts[i]);
    const auto bar = counts[i] == 0 ? 0 : static_cast<size_t>(std::max(1.0, count / most * kBarWidth));
    table.AddRow({edge(i), edge(next), Grouped(static_cast<int64_t>(counts[i])), std::string(bar, '#')});
  }
  return Section(JsonText(axis["name"]), table);
}

std::string Channels(const Json& c) {
  return fmt::format(
      "\nRed and blue (read as {}): {}\n  {}\n  frames looked at: {}, more orange: {}, more sky-blue: {}\n",
      c["read_as"] == "bgr" ? "BGR" : "RGB", JsonText(c["verdict"]), JsonText(c["explanation"]), JsonCount(c["frames"]),
      JsonCount(c["warm_frames"]), JsonCount(c["cool_frames"]));
}

}  // namespace

std::string EpisodesText(const Json& d) {
  const Json& lengths = d["lengths"];
  std::string text = fmt::format("{}: {}, {} steps\n", JsonText(d["path"]),
                                 Counted(d["episodes"].get<int64_t>(), "episode"), JsonCount(d["steps"]));
  text += fmt::format("{} to {} steps, mean {:.1f}\n", JsonCount(lengths["min"]), JsonCount(lengths["max"]),
                      lengths["mean"].get<double>());
  if (d["two_axis_episodes"] != 0) {
    const Json& axes = d["axes"];
    text += fmt::format("{} episodes store two axes ({}, {}); {} is 0 there\n", JsonCount(d["two_axis_episodes"]),
                        JsonText(axes[0]["name"]), JsonText(axes[1]["name"]), JsonText(axes[2]["name"]));
  }
  const auto pair = [](const char* name, const char* count) {
    return [name, count](const Json& row) {
      return std::vector<std::string>{JsonText(row[name]), JsonCount(row[count])};
    };
  };
  text += Table("Lengths", {"steps", "episodes"}, lengths["histogram"], pair("steps", "episodes"));
  text += Times(d["time"]);
  text += Table("Frames", {"size", "episodes"}, d["resolutions"], pair("size", "episodes"));
  text += Table("Instructions", {"episodes", "from", "text"}, d["instructions"], [](const Json& row) {
    return std::vector<std::string>{JsonCount(row["episodes"]), JsonText(row["source"]), JsonText(row["text"])};
  });
  text += Table("Layouts", {"layout", "episodes"}, d["layouts"], [](const Json& row) {
    const std::string name = JsonText(row["name"]);
    return std::vector<std::string>{name.empty() ? "(not said)" : name, JsonCount(row["episodes"])};
  });
  text += Table("Events", {"event", "steps"}, d["events"], pair("name", "steps"));
  text += Axes(d["axes"]);
  for (const Json& axis : d["axes"]) text += HistogramOf(axis);
  text += Channels(d["channels"]);
  if (d.contains("episode_list")) {
    TextTable table({"file", "SHA-256 of the content"});
    for (const Json& row : d["episode_list"]) table.AddRow({JsonText(row["file"]), JsonText(row["sha256"])});
    text += Section("Episodes", table);
  }
  return text + ErrorLines("Wrong time stamps", d["time"]["wrong"]) + ErrorLines("Broken files", d["bad"]);
}

}  // namespace vlaq::cli
