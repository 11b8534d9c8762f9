#include <fmt/format.h>

#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluation/try_driver.h"

namespace vlaq::cli {
namespace {

using evaluation::OpenLoopContestant;
using evaluation::OpenLoopEvaluation;

Result<OpenLoopContestant> Score(const EvalArguments& a, const std::filesystem::path& path, const OpenedPolicy& opened,
                                 const episode::EpisodeSet& episodes, Log& log) {
  if (!opened.drivers->follows_instructions()) {
    log.Warning(
        fmt::format("{} holds no tokeniser: it gets the prompt of its export at every episode, whatever its "
                    "instruction; --tokenizer changes that",
                    path.string()));
  }
  OpenLoopContestant contestant;
  VLAQ_ASSIGN_OR_RETURN(contestant.subject, opened.Describe(path));
  contestant.space = opened.drivers->space();
  const int threads = evaluation::SideBySide(opened.bundle(), a.backend.threads, log);
  VLAQ_ASSIGN_OR_RETURN(contestant.conditions,
                        evaluation::ScoreConditions(*opened.drivers, episodes, ConditionsOf(a), threads, log));
  return contestant;
}

}  // namespace

Result<OpenLoopEvaluation> EvaluateOpenLoop(const EvalArguments& a, Log& log) {
  episode::SetOptions set;
  set.skip_bad = a.skip_bad;
  if (a.bgr) set.read.channel_order = image::ChannelOrder::kBgr;
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, episode::EpisodeSet::Open({a.episodes}, set));
  OpenLoopEvaluation evaluation;
  evaluation.channel_order = set.read.channel_order;
  if (const std::string complaint = episodes.InstructionComplaint(); !complaint.empty()) log.Warning(complaint);
  for (const episode::BadEpisode& bad : episodes.bad()) evaluation.skipped.push_back(bad.error.ToString());
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy first, OpenPolicy(a.bundle, a.files, a.backend.Options(), *backend, log));
  std::optional<OpenedPolicy> second;  // tried before the first is scored for long
  if (!a.against.empty()) {
    constexpr int kFrame = 64;  // pixels; a policy takes any
    VLAQ_ASSIGN_OR_RETURN(second, OpenPolicy(a.against, a.files, a.backend.Options().ForSource(), *backend, log));
    VLAQ_RETURN_IF_ERROR(evaluation::TryDriver(*second->drivers, kFrame, kFrame));
  }
  VLAQ_ASSIGN_OR_RETURN(evaluation.policy, Score(a, a.bundle, first, episodes, log));
  if (second) {
    VLAQ_ASSIGN_OR_RETURN(evaluation.against, Score(a, a.against, *second, episodes, log));
  }
  return evaluation;
}

}  // namespace vlaq::cli
