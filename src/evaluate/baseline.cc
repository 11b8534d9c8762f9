#include "evaluate/baseline.h"

#include <algorithm>

namespace vlaq::evaluate {
namespace {

// By value; each episode is [steps, width].
std::vector<double> MedianOf(const std::vector<Tensor>& episodes, size_t width) {
  std::vector<double> median(width);
  for (size_t axis = 0; axis < width; ++axis) {
    std::vector<float> values;
    for (const Tensor& actions : episodes) {
      const auto all = actions.data<float>();
      for (size_t i = axis; i < all.size(); i += width) values.push_back(all[i]);
    }
    if (values.empty()) continue;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    median[axis] = static_cast<double>(*middle);
  }
  return median;
}

// An action as a policy's answer: all of its chunk alike, in the policy's normalization. Not clipped: a baseline may
// say what was recorded, whatever the scale.
Tensor AsAnswer(const ActionSpace& space, const std::vector<double>& action) {
  Tensor answer = Tensor::Make(DType::kF32, {space.chunk, space.action_dim});
  const auto values = answer.mutable_data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t axis = i % action.size();
    values[i] = static_cast<float>((action[axis] - space.OffsetOf(axis)) / space.ScaleOf(axis));
  }
  return answer;
}

EpisodeScore Scored(const ActionSpace& space, const Tensor& recorded, const std::vector<std::vector<double>>& answers) {
  std::vector<Tensor> predicted;
  for (const auto& answer : answers) predicted.push_back(AsAnswer(space, answer));
  EpisodeScore score;
  score.score = ScoreEpisode(space, predicted, recorded);
  return score;
}

std::vector<std::vector<double>> Before(const Tensor& recorded) {
  const auto width = static_cast<size_t>(recorded.shape()[1]);
  std::vector<std::vector<double>> answers(static_cast<size_t>(recorded.shape()[0]), std::vector<double>(width));
  const auto values = recorded.data<float>();
  for (size_t i = 0; i + width < values.size(); ++i) {
    answers[i / width + 1][i % width] = static_cast<double>(values[i]);
  }
  return answers;
}

}  // namespace

Result<Baselines> ScoreBaselines(const ActionSpace& space, const data::EpisodeSet& episodes) {
  std::vector<Tensor> recorded;
  for (size_t i = 0; i < episodes.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(i));
    VLAQ_ASSIGN_OR_RETURN(recorded.emplace_back(), RecordedActions(space, *episode));
  }
  Baselines baselines;
  baselines.constant_action = MedianOf(recorded, static_cast<size_t>(space.action_dim));
  for (const Tensor& actions : recorded) {
    const std::vector answers(static_cast<size_t>(actions.shape()[0]), baselines.constant_action);
    baselines.constant.push_back(Scored(space, actions, answers));
    baselines.repeat.push_back(Scored(space, actions, Before(actions)));
  }
  return baselines;
}

}  // namespace vlaq::evaluate
