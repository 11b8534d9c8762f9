#include "data/content.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace vlaq::data {

Result<SetContent> HashAll(const EpisodeSet& set, Log& log) {
  SetContent content;
  for (size_t i = 0; i < set.size(); ++i) {
    log.Progress("hashing episodes", i, set.size());
    VLAQ_ASSIGN_OR_RETURN(const auto episode, set.OpenEpisode(i));
    auto hash = episode->ContentHash();
    if (hash.ok()) {
      content.episodes.push_back({std::move(*hash), set.name(i)});
      content.indices.push_back(i);
    } else if (set.options().skip_bad) {
      content.bad.push_back({set.path(i), hash.error()});
    } else {
      return WithSkipAdvice(hash.error());
    }
  }
  log.Progress("hashing episodes", set.size(), set.size());
  return content;
}

Result<EpisodeSet> Select(const EpisodeSet& set, const EpisodeList& list, Log& log) {
  std::map<std::string, std::string> wanted;  // hash -> name
  for (const SplitMember& member : list.episodes) wanted.emplace(member.hash, member.name);
  VLAQ_ASSIGN_OR_RETURN(const SetContent content, HashAll(set, log));
  std::vector<size_t> chosen;
  for (size_t i = 0; i < content.episodes.size(); ++i) {
    if (wanted.erase(content.episodes[i].hash) > 0) chosen.push_back(content.indices[i]);
  }
  if (!wanted.empty()) {
    const auto& [hash, name] = *wanted.begin();
    return InputError(list.name, fmt::format("{} of its {} episodes are not among the files given, such as {} ({}...)",
                                             wanted.size(), list.episodes.size(), name, hash.substr(0, 12)));
  }
  return set.Subset(chosen);
}

}  // namespace vlaq::data
