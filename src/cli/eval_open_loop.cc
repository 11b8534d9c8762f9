#include <fmt/format.h>

#include <algorithm>

#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluation/try_driver.h"

namespace vlaq::cli {
namespace {

using evaluation::OpenLoopContestant;
using evaluation::OpenLoopEvaluation;

// What the policy's actions are beside those recorded.
Result<evaluation::ActionSpace> SpaceOn(const evaluation::PolicyDriverFactory& drivers,
                                        const episode::EpisodeSet& episodes) {
  VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(0));
  auto space = evaluation::CompletedBy(drivers.space(), episode->action());
  if (!space.ok()) return Within(episodes.path(0).string(), space.error());
  return space;
}

Result<OpenLoopContestant> Score(const EvalArguments& a, const std::filesystem::path& path, const OpenedPolicy& opened,
                                 const episode::EpisodeSet& episodes, Log& log) {
  if (opened.drivers->reads_instructions() && !opened.drivers->follows_instructions()) {
    log.Warning(
        fmt::format("{} holds no tokeniser: it gets the prompt of its export at every episode, whatever its "
                    "instruction; --tokenizer changes that",
                    path.string()));
  }
  OpenLoopContestant contestant;
  VLAQ_ASSIGN_OR_RETURN(contestant.subject, opened.Describe(path));
  VLAQ_ASSIGN_OR_RETURN(contestant.space, SpaceOn(*opened.drivers, episodes));
  const int threads = evaluation::SideBySide(opened.bundle(), a.backend.threads, log);
  VLAQ_ASSIGN_OR_RETURN(const auto conditions, ConditionsOf(a, *contestant.space.traits, log));
  VLAQ_ASSIGN_OR_RETURN(contestant.conditions,
                        evaluation::ScoreConditions(*opened.drivers, episodes, conditions, threads, log));
  const auto& scores = contestant.conditions.front().episodes;
  if (std::ranges::all_of(scores, &evaluation::EpisodeScore::still)) {
    log.Warning(fmt::format("{} gives the same actions at every frame of an episode: it does not see", path.string()));
  }
  return contestant;
}

}  // namespace

Result<OpenLoopEvaluation> EvaluateOpenLoop(const EvalArguments& a, Log& log) {
  EpisodeChoice choice = a.recorded;
  choice.place = a.episodes;
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, choice.Open(log));
  for (const auto& path : {a.bundle, a.against}) {
    if (path.empty() || !bundle::IsBundle(path)) continue;
    VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
    VLAQ_RETURN_IF_ERROR(CheckNotUsed(bundle, episodes, choice.allow_overlap, log));
  }
  OpenLoopEvaluation evaluation;
  evaluation.channel_order = episodes.options().read.channel_order;
  for (const episode::BadEpisode& bad : episodes.bad()) evaluation.skipped.push_back(bad.error.ToString());
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy first, OpenPolicy(a.bundle, a.files, a.backend.Options(), *backend, log));
  std::optional<OpenedPolicy> second;  // tried before the first is scored for long
  if (!a.against.empty()) {
    VLAQ_ASSIGN_OR_RETURN(second, OpenPolicy(a.against, a.files, a.backend.Options().ForSource(), *backend, log));
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(0));
    VLAQ_ASSIGN_OR_RETURN(const evaluation::Observation observation, episode->ReadObservation(0));
    VLAQ_RETURN_IF_ERROR(evaluation::TryDriver(*second->drivers, observation));
    VLAQ_ASSIGN_OR_RETURN(const auto space, SpaceOn(*first.drivers, episodes));
    VLAQ_ASSIGN_OR_RETURN(const auto other, SpaceOn(*second->drivers, episodes));
    VLAQ_RETURN_IF_ERROR(evaluation::CheckPairs(space, other));
  }
  VLAQ_ASSIGN_OR_RETURN(evaluation.policy, Score(a, a.bundle, first, episodes, log));
  if (second) {
    VLAQ_ASSIGN_OR_RETURN(evaluation.against, Score(a, a.against, *second, episodes, log));
  }
  return evaluation;
}

}  // namespace vlaq::cli
