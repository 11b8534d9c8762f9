// A closed-loop evaluation as a document: who drove, under which ablations, on which seeds, and what became of each.
//
// In scope: JSON both ways ("vlaq.eval/2", mode "simulation"), and joining the parts that shards wrote. Summaries are
// computed from the outcomes, never read. Plain data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/version.h"
#include "evaluate/policy_identity.h"
#include "evaluate/rollout.h"

namespace vlaq::evaluate {

struct AblationOutcomes {
  Ablation ablation = Ablation::kNone;
  std::vector<Outcome> outcomes;  // in the order of their seeds
};

struct EvaluatedPolicy {
  PolicyIdentity subject;
  std::vector<AblationOutcomes> ablations;
};

struct SimEvaluation {
  uint64_t first_seed = 0;
  uint64_t episodes = 0;  // of all shards together
  uint64_t shard = 0, shards = 1;
  sim::WorldOptions world;
  std::string vlaq_version{kVersion};
  EvaluatedPolicy policy;
  std::optional<EvaluatedPolicy> reference;
};

Json ToJson(const SimEvaluation& evaluation);
// Errors: kInput naming `where` and the key.
Result<SimEvaluation> SimEvaluationFromJson(const Json& json, const std::string& where);

// Joins what the shards of one evaluation wrote; `names` are their files, for messages. The result is, byte for byte as
// a document, what one run over all seeds gives; only "name" (a path, which may differ between machines) is that of the
// first part. Errors: kInput if they belong to different evaluations (seeds, world, ablations, policies, tokenizers,
// back ends, versions of vlaq), overlap, or one is missing (it is named).
Result<SimEvaluation> Merge(const std::vector<SimEvaluation>& parts, const std::vector<std::string>& names);

}  // namespace vlaq::evaluate
