// Stage 3: are the camera's frames made pixels as in training? Weights do not show it, and a policy that gets the wrong
// colors or scale still drives, only worse: so it is asked again with other settings, and must not do better with them.
#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "data/episode_set.h"
#include "image/preprocess.h"
#include "verify/judged_policy.h"
#include "verify/report.h"

namespace vlaq::verify {

// The policy under other settings.
using WithPictures =
    std::function<Result<std::unique_ptr<evaluate::PolicyFactory>>(const image::PreprocessSpec& settings)>;

struct PicturesCheckOptions {
  // Part of its error that it must lose with other settings before they are called the right ones; noise and settings
  // that hardly differ move it by less.
  double least_gain = 0.1;
  size_t episodes = 8;  // at most, from the first on
  int threads = 1;      // episodes at a time
};

// With every other normalization it is further off, or with the other order of colors, that setting is shown
// (Shown::kNormalization, kChannelOrder); where others do as well, nothing shows which was meant.
//
// Adds the check "pictures": with no other normalization, and not with red and blue exchanged, is the policy nearer to
// what was recorded, by the 95 % interval of the paired difference. Errors: those of the policies and the episodes.
Status CheckPictures(const JudgedPolicy& policy, const image::PreprocessSpec& settings, const WithPictures& make,
                     const data::EpisodeSet& episodes, const PicturesCheckOptions& options, Log& log, Report& report);

}  // namespace vlaq::verify
