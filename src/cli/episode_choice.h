// Which recorded episodes a command reads: a folder or a file, parts of a split, and none that were seen before.
#pragma once

#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "cli/verb.h"
#include "episode/episode_set.h"
#include "quantization/plan.h"

namespace vlaq::cli {

struct EpisodeChoice {
  std::filesystem::path place;            // a folder of .h5 files, or one of them; empty: none
  std::vector<std::string> only, not_in;  // "split.json:PART"
  bool bgr = false;
  bool skip_bad = false;
  bool allow_overlap = false;

  // --episodes DIR with `help`, --only, --not-in, --bgr. Returns --episodes.
  CLI::Option* AddTo(CLI::App& app, const std::string& help, const std::string& group);
  // The same without --episodes, for commands that read it in their own way; `episodes` may be null.
  void AddPartsTo(CLI::App& app, CLI::Option* episodes, const std::string& group);
  // --skip-bad
  void AddSkipBadTo(CLI::App& app, CLI::Option* episodes, const std::string& group);
  // --allow-overlap
  void AddOverlapTo(CLI::App& app, CLI::Option* episodes, const std::string& group);

  bool given() const { return !place.empty(); }
  // Those of `place` that are in --only, if it was given. Broken files that are left out are warned of. Errors: kInput
  // naming the broken file, or episodes of --only that are not there; those of --not-in that are.
  Result<episode::EpisodeSet> Open(Log& log) const;
};

// Episodes that had a part in making a bundle. `plan` may be null.
std::vector<quantization::UsedEpisode> UsedBy(const bundle::Bundle& bundle, const quantization::Plan* plan);

// Errors: kInput naming the episodes of `set` that were used to make `bundle`, which `--allow-overlap` turns into a
// warning; then their names are returned.
Result<std::vector<std::string>> CheckNotUsed(const bundle::Bundle& bundle, const episode::EpisodeSet& set,
                                              bool allow_overlap, Log& log);

}  // namespace vlaq::cli
