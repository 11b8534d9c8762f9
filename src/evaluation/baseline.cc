#include "evaluation/baseline.h"

#include <algorithm>

namespace vlaq::evaluation {
namespace {

using Command = std::array<float, kMaxAxes>;

std::array<double, kMaxAxes> MedianOf(const std::vector<std::vector<Command>>& episodes) {
  std::array<double, kMaxAxes> median{};
  for (size_t axis = 0; axis < kMaxAxes; ++axis) {
    std::vector<float> values;
    for (const auto& commands : episodes) {
      for (const Command& command : commands) values.push_back(command[axis]);
    }
    if (values.empty()) continue;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    median[axis] = static_cast<double>(*middle);
  }
  return median;
}

// A command as a policy's answer: all actions of its chunk alike, in the policy's units. Not clipped: a baseline may
// say what was recorded, whatever the scale.
Tensor AsAnswer(const ActionSpace& space, const std::array<double, kMaxAxes>& command) {
  Tensor answer = Tensor::Make(DType::kF32, {space.chunk, space.action_dim});
  const auto values = answer.mutable_data<float>();
  const auto width = static_cast<size_t>(space.action_dim);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % width < kMaxAxes) values[i] = static_cast<float>(command[i % width] / space.scale);
  }
  return answer;
}

EpisodeScore Scored(const ActionSpace& space, const std::vector<Command>& commands,
                    const std::vector<std::array<double, kMaxAxes>>& answers) {
  std::vector<Tensor> predicted;
  for (const auto& answer : answers) predicted.push_back(AsAnswer(space, answer));
  EpisodeScore score;
  score.score = ScoreEpisode(space, predicted, commands);
  return score;
}

std::vector<std::array<double, kMaxAxes>> Before(const std::vector<Command>& commands) {
  std::vector<std::array<double, kMaxAxes>> answers(commands.size());
  for (size_t t = 1; t < commands.size(); ++t) {
    std::copy(commands[t - 1].begin(), commands[t - 1].end(), answers[t].begin());
  }
  return answers;
}

}  // namespace

Result<Baselines> ScoreBaselines(const ActionSpace& space, const episode::EpisodeSet& episodes) {
  std::vector<std::vector<Command>> recorded;
  for (size_t i = 0; i < episodes.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes.OpenEpisode(i));
    VLAQ_ASSIGN_OR_RETURN(recorded.emplace_back(), CommandsOf(*episode));
  }
  Baselines baselines;
  baselines.constant_action = MedianOf(recorded);
  for (const auto& commands : recorded) {
    const std::vector answers(commands.size(), baselines.constant_action);
    baselines.constant.push_back(Scored(space, commands, answers));
    baselines.repeat.push_back(Scored(space, commands, Before(commands)));
  }
  return baselines;
}

}  // namespace vlaq::evaluation
