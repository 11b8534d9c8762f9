#include "evaluation/open_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"

namespace vlaq::evaluation {
namespace {

// The order in which frames are shown: theirs, or shuffled (Fisher and Yates).
std::vector<int64_t> FrameOrder(int64_t length, Condition condition) {
  std::vector<int64_t> order(static_cast<size_t>(length));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (condition != Condition::kShuffled) return order;
  Random random(static_cast<uint64_t>(length), 0x5F);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

Result<std::vector<Tensor>> PredictWith(Driver& driver, const episode::Episode& episode, Condition condition) {
  VLAQ_RETURN_IF_ERROR(driver.Begin(episode.task()));
  std::vector<Tensor> actions;
  for (const int64_t t : FrameOrder(episode.length(), condition)) {
    VLAQ_ASSIGN_OR_RETURN(const image::Image frame, episode.ReadFrame(t));
    VLAQ_ASSIGN_OR_RETURN(Tensor action, driver.Act(frame));
    actions.push_back(std::move(action));
  }
  return actions;
}

bool AllAlike(const std::vector<Tensor>& actions) {
  return actions.size() > 1 && std::all_of(actions.begin(), actions.end(), [&](const Tensor& action) {
           return std::ranges::equal(action.bytes(), actions.front().bytes());
         });
}

// One episode under every condition.
Result<std::vector<EpisodeScore>> ScoreOne(Driver& driver, const episode::Episode& episode,
                                           const std::vector<Condition>& conditions) {
  EpisodeScore blank;
  blank.name = episode.path().filename().string();
  blank.instruction = episode.task();
  VLAQ_ASSIGN_OR_RETURN(blank.hash, episode.ContentHash());
  VLAQ_ASSIGN_OR_RETURN(const auto normal, PredictWith(driver, episode, Condition::kNormal));
  blank.still = AllAlike(normal);
  const ActionSpace& space = driver.space();
  VLAQ_ASSIGN_OR_RETURN(const auto commands, CommandsOf(episode));
  std::vector<EpisodeScore> scores;
  for (const Condition condition : conditions) {
    EpisodeScore& result = scores.emplace_back(blank);
    if (condition == Condition::kNormal) {
      result.score = ScoreEpisode(space, normal, commands);
      continue;
    }
    const auto wrapped = Under(condition, driver);
    VLAQ_ASSIGN_OR_RETURN(const auto deprived, PredictWith(*wrapped, episode, condition));
    result.score = ScoreEpisode(space, deprived, commands);
    result.moved = ScoreDifference(space, deprived, normal);
  }
  return scores;
}

}  // namespace

Result<std::vector<Tensor>> Predict(std::unique_ptr<Driver> driver, const episode::Episode& episode,
                                    Condition condition) {
  const auto wrapped = Under(condition, std::move(driver));
  return PredictWith(*wrapped, episode, condition);
}

Result<std::vector<ConditionScores>> ScoreConditions(const DriverFactory& drivers, const episode::EpisodeSet& episodes,
                                                     const std::vector<Condition>& conditions, int threads, Log& log) {
  std::vector<ConditionScores> results;
  for (const Condition condition : conditions) results.push_back({condition, {}});
  for (ConditionScores& result : results) result.episodes.resize(episodes.size());
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Driver> driver, drivers.Make());
    return ItemWorker([&, driver](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(i));
      auto scores = ScoreOne(*driver, *episode, conditions);
      if (!scores.ok()) return Within(episodes.name(i), scores.error());
      for (size_t c = 0; c < results.size(); ++c) results[c].episodes[i] = std::move((*scores)[c]);
      return {};
    });
  };
  std::vector<std::string_view> names;
  for (const Condition condition : conditions) names.push_back(Name(condition));
  const std::string what = fmt::format("episodes, {}", fmt::join(names, ", "));
  VLAQ_RETURN_IF_ERROR(RunItems(episodes.size(), threads, what, log, start));
  return results;
}

Result<std::vector<EpisodeScore>> ScoreEpisodes(const DriverFactory& drivers, const episode::EpisodeSet& episodes,
                                                const OpenLoopOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(auto scores, ScoreConditions(drivers, episodes, {options.condition}, options.threads, log));
  return std::move(scores.front().episodes);
}

Result<std::vector<std::array<float, kMaxAxes>>> CommandsOf(const episode::Episode& episode) {
  VLAQ_ASSIGN_OR_RETURN(const Tensor all, episode.ReadAll(episode::kAction));
  const auto values = all.data<float>();
  std::vector<std::array<float, kMaxAxes>> commands(static_cast<size_t>(episode.length()));
  if (values.size() != commands.size() * kMaxAxes) {
    return InputError(episode.path().string(), "does not hold velocities of a base");
  }
  for (size_t i = 0; i < values.size(); ++i) commands[i / kMaxAxes][i % kMaxAxes] = values[i];
  return commands;
}

Score Total(const std::vector<EpisodeScore>& episodes) {
  Score total;
  for (const EpisodeScore& episode : episodes) total.Add(episode.score);
  return total;
}

}  // namespace vlaq::evaluation
