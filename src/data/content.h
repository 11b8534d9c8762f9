// Episodes by their content: what each one's hash is, and which files a split means. Both read every frame.
#pragma once

#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "data/episode_set.h"
#include "data/split.h"

namespace vlaq::data {

struct SetContent {
  std::vector<SplitMember> episodes;  // in the set's order
  std::vector<size_t> indices;        // of each in the set
  std::vector<BadEpisode> bad;        // frames that could not be read, beside the set's own
};

// Errors: kInput naming file and dataset, unless the set skips bad episodes.
Result<SetContent> HashAll(const EpisodeSet& set, Log& log);

// The episodes of `set` that `list` names by hash, in the set's order, each content once. Errors: kInput naming those
// that the set lacks.
Result<EpisodeSet> Select(const EpisodeSet& set, const EpisodeList& list, Log& log);

}  // namespace vlaq::data
