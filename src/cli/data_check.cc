#include "cli/data_check.h"

#include <fmt/format.h>

#include "base/text.h"
#include "data/episode_set.h"
#include "data/timing.h"

namespace vlaq::cli {
namespace {

std::string InMilliseconds(double seconds) { return fmt::format("{:.4g} ms", seconds * 1e3); }

std::vector<std::string> TimingRow(const std::string& name, const data::Episode& episode) {
  const data::Timing& timing = episode.timing();
  const auto intervals = IntervalsOf(timing);
  std::vector<std::string> row{Printable(name), fmt::format("{}", episode.length()), std::string(Name(timing.source))};
  if (intervals) {
    row.insert(row.end(), {fmt::format("{:.4g}", 1 / intervals->median), InMilliseconds(intervals->p99),
                           fmt::format("{} (step {})", InMilliseconds(intervals->longest), intervals->longest_step),
                           fmt::format("{}", intervals->gaps)});
    return row;
  }
  const bool stated = timing.source == data::TimeSource::kStatedRate;
  row.insert(row.end(), {stated ? fmt::format("{:.4g}", *timing.stated_hz) : "-", "-", "-", "-"});
  return row;
}

}  // namespace

Status CheckEpisodes(const std::vector<std::filesystem::path>& paths, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const auto set, data::EpisodeSet::Open(paths, {{}, true}));
  TextTable table({"file", "steps", "time by", "steps a second", "99 % within", "longest interval", "gaps"});
  std::vector<Error> wrong;
  for (const auto& bad : set.bad()) wrong.push_back(bad.error);
  for (size_t i = 0; i < set.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, set.OpenEpisode(i));  // was there a moment ago
    table.AddRow(TimingRow(set.name(i), *episode));
    if (episode->timing().wrong) wrong.push_back(*episode->timing().wrong);
  }
  context.out << fmt::format("{}\n{}", Counted(set.size(), "episode"), table.ToString(2));
  if (wrong.empty()) return {};
  context.out << fmt::format("wrong: {}\n", wrong.size());
  for (const Error& error : wrong) context.out << fmt::format("  {}\n", error.ToString());
  return Error{
      ErrorCode::kVerification,
      fmt::format("something is wrong with {} of {}", wrong.size(), Counted(set.size() + set.bad().size(), "episode")),
      "", "each says above what to do"};
}

}  // namespace vlaq::cli
