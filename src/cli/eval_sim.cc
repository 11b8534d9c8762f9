#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/parallel.h"
#include "cli/eval_arguments.h"
#include "cli/policy_choice.h"
#include "evaluation/process_driver.h"

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

Result<RolloutOptions> Options(const EvalArguments& a) {
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

Result<Contestant> Drive(const evaluation::DriverFactory& drivers, evaluation::Subject subject, const EvalArguments& a,
                         RolloutOptions options, Log& log) {
  Contestant contestant{std::move(subject), {}};
  for (const Condition condition : ConditionsOf(a)) {
    options.condition = condition;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, evaluation::RollOut(drivers, options, log));
    contestant.conditions.push_back({condition, std::move(outcomes)});
  }
  return contestant;
}

Result<Contestant> DriveBundle(const EvalArguments& a, const std::filesystem::path& path,
                               const backend::Backend& backend, RolloutOptions options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy opened, OpenPolicy(path, a.files, a.backend, backend, log));
  VLAQ_RETURN_IF_ERROR(CheckFollowsInstructions(opened));
  VLAQ_ASSIGN_OR_RETURN(evaluation::Subject subject,
                        opened.drivers->Describe(opened.temporary ? "checkpoint" : "bundle", path.string()));
  options.threads = evaluation::SideBySide(opened.bundle(), a.backend.threads, log);
  return Drive(*opened.drivers, std::move(subject), a, options, log);
}

Result<Contestant> DriveExpert(const EvalArguments& a, RolloutOptions options, Log& log) {
  Contestant contestant{{"expert", "scripted, sees the true state", ""}, {}};
  for (const Condition condition : ConditionsOf(a)) {
    options.condition = condition;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, evaluation::RollOutExpert(options, log));
    contestant.conditions.push_back({condition, std::move(outcomes)});
  }
  return contestant;
}

}  // namespace

Result<SimEvaluation> EvaluateInSimulation(const EvalArguments& a, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const RolloutOptions options, Options(a));
  SimEvaluation e{.first_seed = options.first_seed,
                  .episodes = options.episodes,
                  .shard = options.shard,
                  .shards = options.shards,
                  .world = options.world,
                  .policy = {},
                  .against = std::nullopt};
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  if (a.expert) {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DriveExpert(a, options, log));
  } else {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DriveBundle(a, a.bundle, *backend, options, log));
  }
  if (!a.against.empty()) {
    VLAQ_ASSIGN_OR_RETURN(e.against, DriveBundle(a, a.against, *backend, options, log));
  } else if (!a.against_driver.empty()) {
    evaluation::ActionSpace space{.scale = sim::kMaxSpeed};
    if (!a.expert) {
      VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy opened, OpenPolicy(a.bundle, a.files, a.backend, *backend, log));
      space.scale = opened.bundle().spec.action_scale;
      space.action_dim = opened.bundle().spec.action_dim;
    }
    const evaluation::ProcessDriverFactory factory(a.against_driver, space);
    VLAQ_ASSIGN_OR_RETURN(e.against, Drive(factory, {"program", a.against_driver, ""}, a, options, log));
  }
  return e;
}

}  // namespace vlaq::cli
