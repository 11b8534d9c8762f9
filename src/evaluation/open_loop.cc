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
  VLAQ_RETURN_IF_ERROR(driver.Begin(episode.instruction()));
  std::vector<Tensor> actions;
  for (const int64_t t : FrameOrder(episode.length(), condition)) {
    VLAQ_ASSIGN_OR_RETURN(const image::Image frame, episode.ReadFrame(t));
    VLAQ_ASSIGN_OR_RETURN(Tensor action, driver.Act(frame));
    actions.push_back(std::move(action));
  }
  return actions;
}

// One thread's drivers: as it is meant to be, and under the condition.
struct Drivers {
  std::unique_ptr<Driver> normal;
  std::unique_ptr<Driver> deprived;  // null for kNormal

  static Result<Drivers> Make(const DriverFactory& factory, Condition condition) {
    Drivers drivers;
    VLAQ_ASSIGN_OR_RETURN(drivers.normal, factory.Make());
    if (condition == Condition::kNormal) return drivers;
    VLAQ_ASSIGN_OR_RETURN(auto inner, factory.Make());
    drivers.deprived = Under(condition, std::move(inner));
    return drivers;
  }
};

Result<EpisodeScore> ScoreOne(const Drivers& drivers, const episode::Episode& episode, Condition condition) {
  EpisodeScore result;
  result.name = episode.path().filename().string();
  result.instruction = episode.instruction();
  VLAQ_ASSIGN_OR_RETURN(result.hash, episode.ContentHash());
  VLAQ_ASSIGN_OR_RETURN(const auto normal, PredictWith(*drivers.normal, episode, Condition::kNormal));
  const ActionSpace& space = drivers.normal->space();
  if (drivers.deprived == nullptr) {
    result.score = ScoreEpisode(space, normal, episode.commands());
    return result;
  }
  VLAQ_ASSIGN_OR_RETURN(const auto deprived, PredictWith(*drivers.deprived, episode, condition));
  result.score = ScoreEpisode(space, deprived, episode.commands());
  result.moved = ScoreDifference(space, deprived, normal);
  return result;
}

}  // namespace

Result<std::vector<Tensor>> Predict(std::unique_ptr<Driver> driver, const episode::Episode& episode,
                                    Condition condition) {
  const auto wrapped = Under(condition, std::move(driver));
  return PredictWith(*wrapped, episode, condition);
}

Result<std::vector<EpisodeScore>> ScoreEpisodes(const DriverFactory& drivers, const episode::EpisodeSet& episodes,
                                                const OpenLoopOptions& options, Log& log) {
  std::vector<EpisodeScore> scores(episodes.size());
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(Drivers made, Drivers::Make(drivers, options.condition));
    const auto own = std::make_shared<const Drivers>(std::move(made));
    return ItemWorker([&, own](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(i));
      auto score = ScoreOne(*own, *episode, options.condition);
      if (!score.ok()) return Within(episodes.name(i), score.error());
      scores[i] = *std::move(score);
      return {};
    });
  };
  const std::string what = fmt::format("episodes, {}", Name(options.condition));
  VLAQ_RETURN_IF_ERROR(RunItems(episodes.size(), options.threads, what, log, start));
  return scores;
}

Score Total(const std::vector<EpisodeScore>& episodes) {
  Score total;
  for (const EpisodeScore& episode : episodes) total.Add(episode.score);
  return total;
}

}  // namespace vlaq::evaluation
