// Which recorded episodes a command reads: a folder or a file, parts of a split, and none that were seen before.
#pragma once

#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "cli/command.h"
#include "data/episode_set.h"
#include "quantize/numerics/plan.h"

namespace vlaq::cli {

struct EpisodeChoice {
  std::filesystem::path place;             // a folder of .h5 files, or one of them; empty: none
  std::vector<std::string> only, exclude;  // "split.json:PART"
  std::string channel_order;               // "rgb", "bgr"; empty: as the recording says
  bool skip_bad = false;
  bool allow_overlap = false;

  // --episodes DIR with `help`, --only, --exclude, --channel-order. Returns --episodes.
  CLI::Option* AddTo(CLI::App& app, const std::string& help, const std::string& group);
  // --skip-bad
  void AddSkipBadTo(CLI::App& app, CLI::Option* episodes, const std::string& group);
  // --allow-overlap
  void AddOverlapTo(CLI::App& app, CLI::Option* episodes, const std::string& group);

  bool given() const { return !place.empty(); }
  // Those of `place` that are in --only, if it was given. Broken files that are left out are warned of. Errors: kInput
  // naming the broken file, or episodes of --only that are not there; those of --exclude that are.
  Result<data::EpisodeSet> Open(Log& log) const;
};

// Episodes that had a part in making a bundle. `plan` may be null.
std::vector<numerics::UsedEpisode> UsedBy(const bundle::Bundle& bundle, const numerics::Plan* plan);

// Errors: kInput naming the episodes of `set` that were used to make `bundle`, which `--allow-overlap` turns into a
// warning; then their names are returned.
Result<std::vector<std::string>> CheckNotUsed(const bundle::Bundle& bundle, const data::EpisodeSet& set,
                                              bool allow_overlap, Log& log);

}  // namespace vlaq::cli
