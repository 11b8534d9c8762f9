#include <fmt/format.h>

#include <algorithm>

#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluate/try_policy.h"

namespace vlaq::cli {
namespace {

using evaluate::OpenLoopEvaluation;
using evaluate::OpenLoopPolicy;

// What the policy's actions are beside those recorded.
Result<evaluate::ActionSpace> SpaceOn(const evaluate::BundlePolicyFactory& policies, const data::EpisodeSet& episodes) {
  VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(0));
  auto space = evaluate::CompletedBy(policies.space(), episode->action());
  if (!space.ok()) return Within(episodes.path(0).string(), space.error());
  return space;
}

Result<OpenLoopPolicy> Score(const EvalArguments& a, const std::filesystem::path& path, const OpenedPolicy& opened,
                             const data::EpisodeSet& episodes, Log& log) {
  if (opened.policies->reads_instructions() && !opened.policies->follows_instructions()) {
    log.Warning(
        fmt::format("{} holds no tokenizer: it gets the prompt of its export at every episode, whatever its "
                    "instruction; --tokenizer changes that",
                    path.string()));
  }
  OpenLoopPolicy evaluated;
  VLAQ_ASSIGN_OR_RETURN(evaluated.subject, opened.Describe(path));
  VLAQ_ASSIGN_OR_RETURN(evaluated.space, SpaceOn(*opened.policies, episodes));
  const int threads = evaluate::ChooseParallelism(opened.bundle(), a.backend.threads, log);
  VLAQ_ASSIGN_OR_RETURN(const auto ablations, AblationsOf(a, *evaluated.space.traits, log));
  VLAQ_ASSIGN_OR_RETURN(evaluated.ablations,
                        evaluate::ScoreAblations(*opened.policies, episodes, ablations, threads, log));
  const auto& scores = evaluated.ablations.front().episodes;
  if (std::ranges::all_of(scores, &evaluate::EpisodeScore::still)) {
    log.Warning(fmt::format("{} gives the same actions at every frame of an episode: it does not see", path.string()));
  }
  return evaluated;
}

}  // namespace

Result<OpenLoopEvaluation> EvaluateOpenLoop(const EvalArguments& a, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, a.recorded.Open(log));
  for (const auto& path : {a.bundle, a.reference}) {
    if (path.empty() || !bundle::IsBundle(path)) continue;
    VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
    VLAQ_RETURN_IF_ERROR(CheckNotUsed(bundle, episodes, a.recorded.allow_overlap, log));
  }
  OpenLoopEvaluation evaluation;
  evaluation.channel_order = episodes.options().read.channel_order;
  for (const data::BadEpisode& bad : episodes.bad()) evaluation.skipped.push_back(bad.error.ToString());
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy first, OpenPolicy(a.bundle, a.files, a.backend.Options(), *backend, log));
  std::optional<OpenedPolicy> second;  // tried before the first is scored for long
  if (!a.reference.empty()) {
    VLAQ_ASSIGN_OR_RETURN(second, OpenPolicy(a.reference, a.files, a.backend.Options().ForSource(), *backend, log));
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(0));
    VLAQ_ASSIGN_OR_RETURN(const evaluate::Observation observation, episode->ReadObservation(0));
    VLAQ_RETURN_IF_ERROR(evaluate::TryPolicy(*second->policies, observation));
    VLAQ_ASSIGN_OR_RETURN(const auto space, SpaceOn(*first.policies, episodes));
    VLAQ_ASSIGN_OR_RETURN(const auto other, SpaceOn(*second->policies, episodes));
    VLAQ_RETURN_IF_ERROR(evaluate::CheckPairs(space, other));
  }
  VLAQ_ASSIGN_OR_RETURN(evaluation.policy, Score(a, a.bundle, first, episodes, log));
  if (second) {
    VLAQ_ASSIGN_OR_RETURN(evaluation.reference, Score(a, a.reference, *second, episodes, log));
  }
  return evaluation;
}

}  // namespace vlaq::cli
