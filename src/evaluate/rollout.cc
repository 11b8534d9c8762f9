#include "evaluate/rollout.h"

#include "evaluate/sim_environment.h"

namespace vlaq::evaluate {
namespace {

std::optional<sim::Side> SideIn(const EpisodeResult& result, std::string_view metric) {
  const auto found = result.metrics.find(std::string(metric));
  if (found == result.metrics.end()) return std::nullopt;
  return found->second > 0 ? sim::Side::kLeft : sim::Side::kRight;
}

double ValueIn(const EpisodeResult& result, std::string_view metric) { return result.metrics.at(std::string(metric)); }

Result<std::vector<Outcome>> AsOutcomes(const Result<std::vector<EpisodeResult>>& results) {
  if (!results.ok()) return results.error();
  std::vector<Outcome> outcomes;
  for (const EpisodeResult& result : *results) {
    outcomes.push_back({.seed = result.seed,
                        .layout = result.kind,
                        .told = SideIn(result, kTold).value_or(sim::Side::kLeft),
                        .first_passed = SideIn(result, kFirstPassed),
                        .succeeded = result.succeeded,
                        .reached = ValueIn(result, kReached) > 0,
                        .collided = ValueIn(result, kCollided) > 0,
                        .timed_out = ValueIn(result, kTimedOut) > 0,
                        .steps = result.steps,
                        .path_length = ValueIn(result, kPathLength)});
  }
  return outcomes;
}

ClosedLoopOptions LoopOf(const RolloutOptions& options) {
  ClosedLoopOptions loop{{}, options.ablation, options.threads};
  for (uint64_t k = options.shard; k < options.episodes; k += options.shards) {
    loop.seeds.push_back(options.first_seed + k);
  }
  return loop;
}

EnvironmentFactory SimulatorsOf(const RolloutOptions& options) {
  return [world = options.world] { return OpenSimulator(world); };
}

}  // namespace

Result<std::vector<Outcome>> RollOut(const PolicyFactory& policies, const RolloutOptions& options, Log& log) {
  return AsOutcomes(RunEpisodes(policies, SimulatorsOf(options), LoopOf(options), log));
}

Result<std::vector<Outcome>> RollOutExpert(const RolloutOptions& options, Log& log) {
  return AsOutcomes(RunExpert(SimulatorsOf(options), LoopOf(options), log));
}

}  // namespace vlaq::evaluate
