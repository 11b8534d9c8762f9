// Measures plans by what the policy does: quantizes, drives recorded episodes, compares the actions with those of the
// float32 policy on the same frames.
//
// In scope: ActionComparison, which knows policies only, and BundleEvaluator, which makes bundles and policies of
// plans. Not aware of: which plan is tried next (accuracy.h). One thread at a time; episodes run side by side inside.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "bundle/bundle.h"
#include "data/episode_set.h"
#include "evaluate/policy_under_test.h"
#include "evaluate/score.h"
#include "quantize/numerics/statistics.h"
#include "quantize/plan/accuracy.h"

namespace vlaq::plan {

// Recorded episodes and what the float32 policy does on them, kept in memory (the actions, not the frames).
class ActionComparison {
 public:
  // `episodes` must outlive it. For rankings the first episodes are used that have `ranking_steps` together.
  // Errors: those of the policy and the episodes, naming the episode.
  static Result<ActionComparison> Make(const evaluate::PolicyFactory& reference, evaluate::ActionSpace space,
                                       const data::EpisodeSet& episodes, int threads, int64_t ranking_steps, Log& log);

  Result<ActionError> Compare(const evaluate::PolicyFactory& policies, SensitivityEvaluator::Scope scope) const;
  size_t ranking_episodes() const { return ranking_episodes_; }

 private:
  explicit ActionComparison(const data::EpisodeSet& episodes) : episodes_(episodes) {}

  // What was said at every step, and how far it is from the record.
  struct Driven {
    std::vector<Tensor> actions;
    evaluate::Score score;
  };
  Result<std::vector<Driven>> Drive(const evaluate::PolicyFactory& policies, size_t count, Log& log) const;

  const data::EpisodeSet& episodes_;
  evaluate::ActionSpace space_;
  int threads_ = 1;
  size_t ranking_episodes_ = 0;
  std::vector<Driven> reference_;
};

struct BundleMeterOptions {
  backend::OpenOptions open;
  std::filesystem::path tokenizer;  // empty: the bundle's own
  std::filesystem::path work;       // a folder for the bundle that is being tried; made, and removed at the end
  int threads = 0;                  // episodes at a time; 0: as many as cores and memory allow
  int64_t ranking_steps = 300;
};

// Errors: kInput, kBackend; kUsage if `work` exists. All arguments must outlive the evaluator. `statistics` may be
// null.
Result<std::unique_ptr<SensitivityEvaluator>> OpenBundleEvaluator(const bundle::Bundle& source,
                                                                  const backend::Backend& backend,
                                                                  const data::EpisodeSet& episodes,
                                                                  const numerics::ActivationStatistics* statistics,
                                                                  const BundleMeterOptions& options, Log& log);

// Errors: kInput naming the episodes that were calibrated on: what a plan is chosen by must be unseen.
Status CheckNotCalibratedOn(const numerics::ActivationStatistics& statistics, const data::EpisodeSet& episodes,
                            Log& log);

}  // namespace vlaq::plan
