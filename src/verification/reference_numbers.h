// Rung 1 of a quantised bundle: both bundles see the same frames, and every stage, the features and the actions of one
// are held against the other's. Not aware of: weights, plans, where the frames come from.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "episode/episode_set.h"
#include "verification/report.h"

namespace vlaq::verification {

struct ReferenceNumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  // [3, S, S] each, one after the other as a camera gives them; empty: seeded noise.
  std::vector<Tensor> pixels = {};
};

// Frames of the first episode for ReferenceNumberOptions: a window and some more. Errors: those of reading.
Result<std::vector<Tensor>> RecordedPixels(const episode::EpisodeSet& episodes, const policy::PolicySpec& spec);

// Adds a check for each stage that both bundles name ("vision_last_hidden against the source" ...), for the features
// and for the actions. The two are run one after the other. Errors: kInput if they are not the same policy; kBackend.
Status CheckReferenceNumbers(const bundle::Bundle& bundle, const bundle::Bundle& reference,
                             const ReferenceNumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verification
