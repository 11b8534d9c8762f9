#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <limits>

#include "base/parallel.h"
#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluation/process_driver.h"
#include "evaluation/sim_environment.h"
#include "evaluation/try_driver.h"

namespace vlaq::cli {
namespace {

using evaluation::Condition;
using evaluation::Contestant;
using evaluation::RolloutOptions;
using evaluation::SimEvaluation;

Result<uint64_t> ParseCount(const std::string& text) {
  uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value > 0 && value <= evaluation::kMostEpisodes) return value;
  return UsageError(fmt::format("--episodes '{}' is no number of episodes", text),
                    fmt::format("with --sim, say how many, 1 to {}: --episodes 100", evaluation::kMostEpisodes));
}

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
  VLAQ_ASSIGN_OR_RETURN(options.episodes, ParseCount(a.episodes));
  if (options.first_seed > std::numeric_limits<uint64_t>::max() - options.episodes) {
    return UsageError(fmt::format("--seed {} is too large for {} episodes to count up from", a.seed, options.episodes));
  }
  VLAQ_RETURN_IF_ERROR(ParseShard(a.shard, options));
  VLAQ_ASSIGN_OR_RETURN(options.world, a.world.Options());
  options.threads = a.backend.threads > 0 ? a.backend.threads : HardwareThreads();
  return options;
}

// One run of all episodes under the options' condition.
using EpisodesRun = std::function<Result<std::vector<evaluation::Outcome>>(const RolloutOptions&)>;

Result<Contestant> DriveContestant(const std::vector<Condition>& conditions, evaluation::Subject subject,
                                   RolloutOptions options, const EpisodesRun& run) {
  Contestant contestant{std::move(subject), {}};
  for (const Condition condition : conditions) {
    options.condition = condition;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, run(options));
    contestant.conditions.push_back({condition, std::move(outcomes)});
  }
  return contestant;
}

EpisodesRun With(const evaluation::DriverFactory& drivers, Log& log) {
  return [&](const RolloutOptions& options) { return evaluation::RollOut(drivers, options, log); };
}

EpisodesRun WithExpert(Log& log) {
  return [&](const RolloutOptions& options) { return evaluation::RollOutExpert(options, log); };
}

Result<OpenedPolicy> OpenContestant(const EvalArguments& a, const std::filesystem::path& path,
                                    const backend::OpenOptions& options, const backend::Backend& backend, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(OpenedPolicy opened, OpenPolicy(path, a.files, options, backend, log));
  VLAQ_RETURN_IF_ERROR(CheckFollowsInstructions(opened));
  return opened;
}

Result<Contestant> DrivePolicy(const EvalArguments& a, const std::filesystem::path& path, const OpenedPolicy& opened,
                               RolloutOptions options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(evaluation::Subject subject, opened.Describe(path));
  options.threads = evaluation::SideBySide(opened.bundle(), a.backend.threads, log);
  VLAQ_ASSIGN_OR_RETURN(const auto conditions, ConditionsOf(a, *opened.drivers->space().traits, log));
  return DriveContestant(conditions, std::move(subject), options, With(*opened.drivers, log));
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
                  .against = std::nullopt};
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  evaluation::ActionSpace space = evaluation::SimulatorSpace();  // of a program that drives against the expert
  std::optional<OpenedPolicy> first, second;
  if (!a.expert) {
    VLAQ_ASSIGN_OR_RETURN(first, OpenContestant(a, a.bundle, a.backend.Options(), *backend, log));
    space = first->drivers->space();
    space.chunk = 1;
  }
  // The second one is tried before the first drives for hours.
  const evaluation::ProcessDriverFactory program(a.against_driver, space);
  if (!a.against.empty()) {
    VLAQ_ASSIGN_OR_RETURN(second, OpenContestant(a, a.against, a.backend.Options().ForSource(), *backend, log));
    VLAQ_RETURN_IF_ERROR(evaluation::TryDriver(*second->drivers, evaluation::BlackFrame(options.world)));
  } else if (!a.against_driver.empty()) {
    VLAQ_RETURN_IF_ERROR(evaluation::TryDriver(program, evaluation::BlackFrame(options.world)));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto conditions, ConditionsOf(a, *space.traits, log));  // of whom no bundle is opened
  if (first) {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DrivePolicy(a, a.bundle, *first, options, log));
  } else {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DriveContestant(conditions, {"expert", "scripted, sees the true state", ""},
                                                    options, WithExpert(log)));
  }
  if (second) {
    VLAQ_ASSIGN_OR_RETURN(e.against, DrivePolicy(a, a.against, *second, options, log));
  } else if (!a.against_driver.empty()) {
    VLAQ_ASSIGN_OR_RETURN(e.against,
                          DriveContestant(conditions, {"program", a.against_driver, ""}, options, With(program, log)));
  }
  return e;
}

}  // namespace vlaq::cli
