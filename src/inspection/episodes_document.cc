#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/names.h"
#include "data/content.h"
#include "data/statistics.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;
namespace {

using data::ChannelVerdict;
using data::EpisodeSet;
using data::InstructionSource;
using data::SetStatistics;

constexpr std::array<Named<InstructionSource>, 4> kSources{{{InstructionSource::kFile, "file"},
                                                            {InstructionSource::kFileName, "file name"},
                                                            {InstructionSource::kSetting, "setting"},
                                                            {InstructionSource::kNone, "none"}}};

constexpr std::array<Named<ChannelVerdict>, 3> kExplanations{{
    {ChannelVerdict::kAsLabeled, "most frames hold more orange than sky-blue, as indoors they should"},
    {ChannelVerdict::kSwapped,
     "most frames hold more sky-blue than orange, which is rare indoors: look at a frame, and change --channel-order "
     "if it is "
     "so"},
    {ChannelVerdict::kCannotTell, "too few frames are colored, or they disagree: look at a frame"},
}};

// {"18": 460} -> [{"steps": 18, "episodes": 460}], the most frequent first.
template <typename Map>
Json Counted(const Map& map, std::string_view key, std::string_view counted) {
  std::vector<std::pair<typename Map::key_type, int64_t>> rows(map.begin(), map.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  Json list = Json::array();
  for (const auto& [value, count] : rows) list.push_back({{key, value}, {counted, count}});
  return list;
}

Json Lengths(const SetStatistics& s) {
  return {{"min", s.lengths.begin()->first},
          {"mean", static_cast<double>(s.steps) / static_cast<double>(s.episodes)},
          {"max", s.lengths.rbegin()->first},
          {"histogram", Counted(s.lengths, "steps", "episodes")}};
}

Json Rates(const data::RateRange& range) {
  Json json{{"episodes", range.episodes}, {"lowest_hz", nullptr}, {"highest_hz", nullptr}};
  if (range.highest_hz > 0) {
    json["lowest_hz"] = range.lowest_hz;
    json["highest_hz"] = range.highest_hz;
  }
  return json;
}

Json ErrorList(const std::vector<data::BadEpisode>& episodes) {
  Json list = Json::array();
  for (const auto& each : episodes) {
    list.push_back({{"file", each.path.filename().string()}, {"error", each.error.ToString()}});
  }
  return list;
}

Json Times(const data::TimingStatistics& t) {
  Json json{{"recorded", Rates(t.recorded)},
            {"stated", Rates(t.stated)},
            {"unknown", {{"episodes", t.unknown}}},
            {"intervals", nullptr},
            {"wrong", ErrorList(t.wrong)}};
  if (t.longest_s > 0) {
    json["intervals"] = {{"p99_s", t.p99_s},
                         {"longest_s", t.longest_s},
                         {"longest_file", t.longest_file},
                         {"longest_step", t.longest_step},
                         {"gaps", t.gaps}};
  }
  return json;
}

Json Instructions(const SetStatistics& s) {
  Json list = Json::array();
  for (const auto& [key, count] : s.instructions) {
    list.push_back({{"text", key.first}, {"source", NameIn(kSources, key.second)}, {"episodes", count}});
  }
  std::stable_sort(list.begin(), list.end(), [](const Json& a, const Json& b) {
    return a["episodes"].get<int64_t>() > b["episodes"].get<int64_t>();
  });
  return list;
}

Json Axes(const SetStatistics& s) {
  Json list = Json::array();
  for (const auto& axis : s.axes) {
    list.push_back({{"name", axis.name},
                    {"unit", axis.unit},
                    {"mean", axis.mean},
                    {"standard_deviation", axis.standard_deviation},
                    {"min", axis.min},
                    {"max", axis.max},
                    {"zero", axis.zero},
                    {"histogram",
                     {{"low", axis.histogram.low}, {"high", axis.histogram.high}, {"steps", axis.histogram.counts}}}});
  }
  return list;
}

Json Channels(const SetStatistics& s, image::ChannelOrder read_as) {
  return {{"read_as", image::ChannelOrderName(read_as)},
          {"verdict", data::Name(s.channels.Verdict())},
          {"frames", s.channels.frames},
          {"warm_frames", s.channels.warm_frames},
          {"cool_frames", s.channels.cool_frames},
          {"explanation", NameIn(kExplanations, s.channels.Verdict())}};
}

// One row for each episode with its content hash. Those that fail go to `bad`.
Result<Json> Hashes(const EpisodeSet& set, std::vector<data::BadEpisode>& bad, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto content, HashAll(set, log));
  for (const auto& failed : content.bad) {
    const bool known = std::any_of(bad.begin(), bad.end(), [&](const auto& b) { return b.path == failed.path; });
    if (!known) bad.push_back(failed);
  }
  Json list = Json::array();
  for (const auto& member : content.episodes) list.push_back({{"file", member.name}, {"sha256", member.hash}});
  return list;
}

}  // namespace

Result<Json> InspectEpisodes(const fs::path& path, const InspectOptions& options, Log& log) {
  data::SetOptions set_options;
  set_options.skip_bad = options.skip_bad;
  set_options.read.channel_order = options.channel_order.value_or(image::ChannelOrder::kRgb);
  VLAQ_ASSIGN_OR_RETURN(const EpisodeSet set, EpisodeSet::Open({path}, set_options));
  VLAQ_ASSIGN_OR_RETURN(SetStatistics statistics, ComputeStatistics(set, {}, log));
  Json document = NewDocument("episodes", path);
  document["episodes"] = statistics.episodes;
  document["steps"] = statistics.steps;
  document["lengths"] = Lengths(statistics);
  document["time"] = Times(statistics.timing);
  document["resolutions"] = Counted(statistics.resolutions, "size", "episodes");
  document["instructions"] = Instructions(statistics);
  document["layouts"] = Counted(statistics.layouts, "name", "episodes");
  document["events"] = Counted(statistics.events, "name", "steps");
  document["axes"] = Axes(statistics);
  document["two_axis_episodes"] = statistics.two_axis_episodes;
  document["channels"] = Channels(statistics, set_options.read.channel_order);
  if (options.hash) {
    VLAQ_ASSIGN_OR_RETURN(document["episode_list"], Hashes(set, statistics.bad, log));
  }
  document["bad"] = ErrorList(statistics.bad);
  return document;
}

}  // namespace vlaq::inspection
