// Rung 1 against a source bundle: both see the same steps, and every stage, every value between graphs and every output
// of one is held against the other's. Not aware of: weights, plans.
#pragma once

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "episode/episode_set.h"
#include "verification/difference_check.h"
#include "verification/report.h"

namespace vlaq::verification {

struct ReferenceNumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  // Every frame of every one, with whole windows as a control loop has them; null: some frames of seeded noise.
  const episode::EpisodeSet* episodes = nullptr;
  Tolerance tolerance = {};
};

// Adds a check "NAME against the source" over all frames for each value that a graph of the default schedule makes, by
// the name that golden files have for it ("features", "actions"), and for each stage that both bundles name
// ("vision_last_hidden") over the first ones, since stages are large. The two are run one after the other. Errors:
// kInput if they do not take the same frames; those of the episodes; kBackend.
Status CheckReferenceNumbers(const bundle::Bundle& bundle, const bundle::Bundle& reference,
                             const ReferenceNumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verification
