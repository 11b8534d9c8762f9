#include "evaluate/open_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"

namespace vlaq::evaluate {
namespace {

// Whose pictures are shown at each step: its own, or shuffled (Fisher and Yates).
std::vector<int64_t> FrameOrder(int64_t length, Ablation ablation) {
  std::vector<int64_t> order(static_cast<size_t>(length));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (ablation != Ablation::kShuffledImages) return order;
  Random random(static_cast<uint64_t>(length), 0x5F);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

// What is felt at step `t` and seen at step `seen`.
Result<Observation> ObservationAt(const data::Episode& episode, int64_t t, int64_t seen) {
  Observation observation;
  for (const data::Stream& stream : episode.streams()) {
    if (!stream.is_observation()) continue;
    VLAQ_ASSIGN_OR_RETURN(Tensor value, episode.Read(stream.name, stream.is_image() ? seen : t));
    observation.emplace(stream.name, std::move(value));
  }
  return observation;
}

bool AllAlike(const std::vector<Tensor>& actions) {
  return actions.size() > 1 && std::all_of(actions.begin(), actions.end(), [&](const Tensor& action) {
           return std::ranges::equal(action.bytes(), actions.front().bytes());
         });
}

// One episode under every ablation.
Result<std::vector<EpisodeScore>> ScoreOne(PolicyUnderTest& tested, const data::Episode& episode,
                                           const std::vector<Ablation>& ablations) {
  EpisodeScore blank;
  blank.name = episode.path().filename().string();
  blank.instruction = episode.task();
  VLAQ_ASSIGN_OR_RETURN(blank.hash, episode.ContentHash());
  VLAQ_ASSIGN_OR_RETURN(const Tensor recorded, RecordedActions(tested.space(), episode));
  VLAQ_ASSIGN_OR_RETURN(const auto normal, Predict(tested, episode, Ablation::kNone));
  blank.still = AllAlike(normal);
  const ActionSpace& space = tested.space();
  std::vector<EpisodeScore> scores;
  for (const Ablation ablation : ablations) {
    EpisodeScore& result = scores.emplace_back(blank);
    if (ablation == Ablation::kNone) {
      result.score = ScoreEpisode(space, normal, recorded);
      continue;
    }
    const auto wrapped = Under(ablation, tested);
    VLAQ_ASSIGN_OR_RETURN(const auto deprived, Predict(*wrapped, episode, ablation));
    result.score = ScoreEpisode(space, deprived, recorded);
    result.moved = ScoreDifference(space, deprived, normal);
  }
  return scores;
}

}  // namespace

Result<Tensor> RecordedActions(const ActionSpace& space, const data::Episode& episode) {
  auto columns = RecordedColumns(space, episode.action());
  if (!columns.ok()) return Within(episode.path().string(), columns.error());
  VLAQ_ASSIGN_OR_RETURN(const Tensor all, episode.ReadAll(data::kAction));
  const auto from = all.data<float>();
  const size_t width = from.size() / static_cast<size_t>(episode.length());
  Tensor chosen = Tensor::Make(DType::kF32, {episode.length(), space.action_dim});
  auto to = chosen.mutable_data<float>().begin();
  for (size_t row = 0; row < from.size(); row += width) {
    for (const size_t column : *columns) *to++ = from[row + column];
  }
  return chosen;
}

Result<std::vector<Tensor>> Predict(PolicyUnderTest& tested, const data::Episode& episode, Ablation ablation) {
  VLAQ_RETURN_IF_ERROR(tested.Begin(episode.task()));
  const std::vector<int64_t> order = FrameOrder(episode.length(), ablation);
  std::vector<Tensor> actions;
  for (int64_t t = 0; t < episode.length(); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const Observation observation, ObservationAt(episode, t, order[static_cast<size_t>(t)]));
    VLAQ_ASSIGN_OR_RETURN(Tensor action, tested.Act(observation));
    actions.push_back(std::move(action));
  }
  return actions;
}

Result<std::vector<Tensor>> Predict(std::unique_ptr<PolicyUnderTest> tested, const data::Episode& episode,
                                    Ablation ablation) {
  const auto wrapped = Under(ablation, std::move(tested));
  return Predict(*wrapped, episode, ablation);
}

Result<std::vector<AblationScores>> ScoreAblations(const PolicyFactory& policies, const data::EpisodeSet& episodes,
                                                   const std::vector<Ablation>& ablations, int threads, Log& log) {
  std::vector<AblationScores> results;
  for (const Ablation ablation : ablations) results.push_back({ablation, {}});
  for (AblationScores& result : results) result.episodes.resize(episodes.size());
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<PolicyUnderTest> tested, policies.Make());
    return ItemWorker([&, tested](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(i));
      auto scores = ScoreOne(*tested, *episode, ablations);
      if (!scores.ok()) return Within(episodes.name(i), scores.error());
      for (size_t c = 0; c < results.size(); ++c) results[c].episodes[i] = std::move((*scores)[c]);
      return {};
    });
  };
  std::vector<std::string_view> names;
  for (const Ablation ablation : ablations) names.push_back(Name(ablation));
  const std::string what = fmt::format("episodes, {}", fmt::join(names, ", "));
  VLAQ_RETURN_IF_ERROR(RunItems(episodes.size(), threads, what, log, start));
  return results;
}

Result<std::vector<EpisodeScore>> ScoreEpisodes(const PolicyFactory& policies, const data::EpisodeSet& episodes,
                                                const OpenLoopOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(auto scores, ScoreAblations(policies, episodes, {options.ablation}, options.threads, log));
  return std::move(scores.front().episodes);
}

Score Total(const std::vector<EpisodeScore>& episodes) {
  Score total;
  for (const EpisodeScore& episode : episodes) total.Add(episode.score);
  return total;
}

}  // namespace vlaq::evaluate
