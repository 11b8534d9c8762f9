#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <limits>

#include "base/parallel.h"
#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluate/program_policy.h"
#include "evaluate/sim_environment.h"
#include "evaluate/try_policy.h"

namespace vlaq::cli {
namespace {

using evaluate::Ablation;
using evaluate::EvaluatedPolicy;
using evaluate::RolloutOptions;
using evaluate::SimEvaluation;

// "1/4" -> shard 1 of 4.
Status ParseShard(const std::string& text, RolloutOptions& options) {
  const char* end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, options.shard);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, options.shards) : index;
  const bool fits = slash && count.ec == std::errc() && count.ptr == end && options.shard < options.shards;
  if (fits && options.shards <= options.episodes) return {};
  return UsageError(fmt::format("--shard '{}' is no part of {} episodes", text, options.episodes),
                    "give i/n with i from 0 to n - 1, and n at most the number of episodes");
}

Result<RolloutOptions> RolloutOptionsOf(const EvalArguments& a) {
  RolloutOptions options;
  options.first_seed = a.seed;
  options.episodes = a.rollouts;
  if (options.first_seed > std::numeric_limits<uint64_t>::max() - options.episodes) {
    return UsageError(fmt::format("--seed {} is too large for {} episodes to count up from", a.seed, options.episodes));
  }
  VLAQ_RETURN_IF_ERROR(ParseShard(a.shard, options));
  VLAQ_ASSIGN_OR_RETURN(options.world, a.world.Options());
  options.threads = a.backend.threads > 0 ? a.backend.threads : HardwareThreads();
  return options;
}

// One run of all episodes under the options' ablation.
using EpisodesRun = std::function<Result<std::vector<evaluate::Outcome>>(const RolloutOptions&)>;

Result<EvaluatedPolicy> DrivePolicy(const std::vector<Ablation>& ablations, evaluate::PolicyIdentity subject,
                                    RolloutOptions options, const EpisodesRun& run) {
  EvaluatedPolicy evaluated{std::move(subject), {}};
  for (const Ablation ablation : ablations) {
    options.ablation = ablation;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, run(options));
    evaluated.ablations.push_back({ablation, std::move(outcomes)});
  }
  return evaluated;
}

EpisodesRun With(const evaluate::PolicyFactory& policies, Log& log) {
  return [&](const RolloutOptions& options) { return evaluate::RollOut(policies, options, log); };
}

EpisodesRun WithExpert(Log& log) {
  return [&](const RolloutOptions& options) { return evaluate::RollOutExpert(options, log); };
}

Result<OpenedPolicy> OpenDriven(const EvalArguments& a, const std::filesystem::path& path,
                                const backend::OpenOptions& options, const backend::Backend& backend, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(OpenedPolicy opened, OpenPolicy(path, a.files, options, backend, log));
  VLAQ_RETURN_IF_ERROR(CheckFollowsInstructions(opened));
  return opened;
}

Result<EvaluatedPolicy> DrivePolicy(const EvalArguments& a, const std::filesystem::path& path,
                                    const OpenedPolicy& opened, RolloutOptions options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(evaluate::PolicyIdentity subject, opened.Describe(path));
  options.threads = evaluate::ChooseParallelism(opened.bundle(), a.backend.threads, log);
  VLAQ_ASSIGN_OR_RETURN(const auto ablations, AblationsOf(a, *opened.policies->space().traits, log));
  return DrivePolicy(ablations, std::move(subject), options, With(*opened.policies, log));
}

}  // namespace

Result<SimEvaluation> EvaluateInSimulation(const EvalArguments& a, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const RolloutOptions options, RolloutOptionsOf(a));
  SimEvaluation e{.first_seed = options.first_seed,
                  .episodes = options.episodes,
                  .shard = options.shard,
                  .shards = options.shards,
                  .world = options.world,
                  .policy = {},
                  .reference = std::nullopt};
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  evaluate::ActionSpace space = evaluate::SimulatorSpace();  // of a program that drives against the expert
  std::optional<OpenedPolicy> first, second;
  if (!a.expert) {
    VLAQ_ASSIGN_OR_RETURN(first, OpenDriven(a, a.bundle, a.backend.Options(), *backend, log));
    space = first->policies->space();
    space.chunk = 1;
  }
  // The second one is tried before the first drives for hours.
  const evaluate::ProgramPolicyFactory program(a.reference_program, space);
  if (!a.reference.empty()) {
    VLAQ_ASSIGN_OR_RETURN(second, OpenDriven(a, a.reference, a.backend.Options().ForSource(), *backend, log));
    VLAQ_RETURN_IF_ERROR(evaluate::TryPolicy(*second->policies, evaluate::BlackFrame(options.world)));
  } else if (!a.reference_program.empty()) {
    VLAQ_RETURN_IF_ERROR(evaluate::TryPolicy(program, evaluate::BlackFrame(options.world)));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto ablations, AblationsOf(a, *space.traits, log));  // of whom no bundle is opened
  if (first) {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DrivePolicy(a, a.bundle, *first, options, log));
  } else {
    VLAQ_ASSIGN_OR_RETURN(
        e.policy, DrivePolicy(ablations, {"expert", "scripted, sees the true state", ""}, options, WithExpert(log)));
  }
  if (second) {
    VLAQ_ASSIGN_OR_RETURN(e.reference, DrivePolicy(a, a.reference, *second, options, log));
  } else if (!a.reference_program.empty()) {
    VLAQ_ASSIGN_OR_RETURN(e.reference,
                          DrivePolicy(ablations, {"program", a.reference_program, ""}, options, With(program, log)));
  }
  return e;
}

}  // namespace vlaq::cli
