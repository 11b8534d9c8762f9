#include "cli/episode_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/content.h"
#include "quantize/numerics/plan_file.h"

namespace vlaq::cli {
namespace {

using data::EpisodeList;
using data::EpisodeSet;

Result<std::vector<EpisodeList>> ReadLists(const std::vector<std::string>& places) {
  std::vector<EpisodeList> lists;
  for (const std::string& place : places) {
    VLAQ_ASSIGN_OR_RETURN(lists.emplace_back(), data::ReadEpisodeList(place));
  }
  return lists;
}

}  // namespace

CLI::Option* EpisodeChoice::AddTo(CLI::App& app, const std::string& help, const std::string& group) {
  CLI::Option* episodes = app.add_option("--episodes", place, help)->type_name("DIR")->group(group);
  const auto finish = [&](CLI::Option* option) { option->needs(episodes)->group(group); };
  const auto list = [&](const char* name, std::vector<std::string>& to, const char* what) {
    finish(app.add_option(name, to, what)->allow_extra_args(false)->type_name("split.json:PART"));
  };
  list("--only", only, "Take only the episodes of this part of a split; may be repeated");
  list("--exclude", exclude, "Refuse episodes that are in this part of a split; may be repeated");
  finish(
      OneOf(app.add_option("--channel-order", channel_order, "Channel order of the recorded frames, whatever they say"),
            image::ChannelOrderNames()));
  return episodes;
}

void EpisodeChoice::AddSkipBadTo(CLI::App& app, CLI::Option* episodes, const std::string& group) {
  auto* option = app.add_flag("--skip-bad", skip_bad, "Leave files out that cannot be read as episodes, and list them");
  option->needs(episodes)->group(group);
}

void EpisodeChoice::AddOverlapTo(CLI::App& app, CLI::Option* episodes, const std::string& group) {
  auto* option = app.add_flag("--allow-overlap", allow_overlap,
                              "Take episodes that the bundle was calibrated on, with a warning: figures on them are "
                              "better than on others");
  option->needs(episodes)->group(group);
}

Result<EpisodeSet> EpisodeChoice::Open(Log& log) const {
  data::SetOptions options;
  options.skip_bad = skip_bad;
  if (!channel_order.empty()) options.read.channel_order = *image::FindChannelOrder(channel_order);
  VLAQ_ASSIGN_OR_RETURN(EpisodeSet set, EpisodeSet::Open({place}, options));
  for (const data::BadEpisode& bad : set.bad()) log.Warning("left out: " + bad.error.ToString());
  if (!only.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const auto lists, ReadLists(only));
    EpisodeList wanted;
    for (const EpisodeList& list : lists) {
      wanted.name += (wanted.name.empty() ? "" : ", ") + list.name;
      wanted.episodes.insert(wanted.episodes.end(), list.episodes.begin(), list.episodes.end());
    }
    VLAQ_ASSIGN_OR_RETURN(set, data::Select(set, wanted, log));
  }
  if (const std::string complaint = set.InstructionComplaint(); !complaint.empty()) log.Warning(complaint);
  if (exclude.empty()) return set;
  VLAQ_ASSIGN_OR_RETURN(const auto lists, ReadLists(exclude));
  VLAQ_ASSIGN_OR_RETURN(data::SetContent content, data::HashAll(set, log));
  const EpisodeList own{place.string(), std::move(content.episodes)};
  for (const EpisodeList& list : lists) VLAQ_RETURN_IF_ERROR(data::CheckDisjoint(list, own));
  return set;
}

std::vector<numerics::UsedEpisode> UsedBy(const bundle::Bundle& bundle, const numerics::Plan* plan) {
  std::vector<numerics::UsedEpisode> used;
  for (const bundle::UsedEpisode& episode : bundle.provenance.used) {
    used.push_back({episode.use, episode.name, episode.sha256});
  }
  if (plan == nullptr) return used;
  for (const numerics::UsedEpisode& episode : plan->used) {
    const bool known = std::any_of(used.begin(), used.end(), [&](const auto& u) { return u.hash == episode.hash; });
    if (!known) used.push_back(episode);
  }
  return used;
}

Result<std::vector<std::string>> CheckNotUsed(const bundle::Bundle& bundle, const EpisodeSet& set, bool allow_overlap,
                                              Log& log) {
  std::optional<numerics::Plan> plan;
  if (bundle.plan) {
    auto read = numerics::ReadPlan(bundle.path / bundle.plan->file);
    if (read.ok()) plan = *std::move(read);  // `verify` says of a plan that cannot be read
  }
  const auto used = UsedBy(bundle, plan ? &*plan : nullptr);
  if (used.empty()) return std::vector<std::string>();
  VLAQ_ASSIGN_OR_RETURN(const data::SetContent content, data::HashAll(set, log));
  std::vector<std::string> common;
  std::string uses;
  for (const data::SplitMember& member : content.episodes) {
    const auto found = std::find_if(used.begin(), used.end(), [&](const auto& u) { return u.hash == member.hash; });
    if (found == used.end()) continue;
    common.push_back(member.name);
    uses = found->use;
  }
  if (common.empty()) return common;
  const std::string what = fmt::format("{} of {} episodes were used to make {} ({}), such as {}", common.size(),
                                       content.episodes.size(), bundle.path.string(), uses, common.front());
  if (!allow_overlap) {
    return InputError("--episodes", what,
                      "give others (vlaq data split, then --only split.json:test), or --allow-overlap");
  }
  log.Warning(what + ": figures on them are better than on others");
  return common;
}

}  // namespace vlaq::cli
