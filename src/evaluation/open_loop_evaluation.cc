#include "evaluation/open_loop_evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/json.h"

namespace vlaq::evaluation {
namespace {

double Sum(const std::array<double, kMaxAxes>& values, size_t axes) {
  return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(axes), 0.0);
}

Json ToJson(const Estimate& estimate) {
  Json interval = Json::array();
  for (const double bound : {estimate.interval.low, estimate.interval.high}) {
    interval.push_back(std::isfinite(bound) ? Json(bound) : Json());
  }
  return {{"value", estimate.value}, {"bootstrap_95", std::move(interval)}};
}

Json ScoreToJson(const Score& score, const ActionSpace& space) {
  const size_t axes = AxesOf(space);
  Json per_axis = Json::object();
  for (size_t axis = 0; axis < axes; ++axis) {
    per_axis[std::string(kAxisNames[axis])] = {
        {"mae", score.MaeOf(axis)},
        {"rmse", score.RmseOf(axis)},
        {"mae_raw", score.absolute_raw[axis] / static_cast<double>(score.steps)}};
  }
  return {{"steps", score.steps},
          {"mae", score.Mae(axes)},
          {"rmse", score.Rmse(axes)},
          {"mae_raw", score.RawMae(axes)},
          {"rmse_raw", score.RawRmse(axes)},
          {"original_mae", OriginalMae(score)},
          {"chunk_mae", score.ChunkMae()},
          {"direction_agreement", score.DirectionAgreement()},
          {"axes", std::move(per_axis)}};
}

Json ToJson(const OpenLoopContestant& contestant) {
  Json conditions = Json::array();
  for (const ConditionScores& c : contestant.conditions) {
    Json episodes = Json::array();
    for (const EpisodeScore& e : c.episodes) {
      Json entry = ScoreToJson(e.score, contestant.space);
      entry["name"] = e.name;
      entry["sha256"] = e.hash;
      entry["instruction"] = e.instruction;
      episodes.push_back(std::move(entry));
    }
    const Score total = Total(c.episodes);
    Json summary = ScoreToJson(total, contestant.space);
    summary["direction_confusion"] = total.directions;
    Json entry{{"condition", std::string(Name(c.condition))}, {"summary", std::move(summary)}};
    if (c.condition != Condition::kNormal) entry["moved"] = ToJson(Movement(contestant.space, c.episodes));
    entry["episodes"] = std::move(episodes);
    conditions.push_back(std::move(entry));
  }
  const Subject& subject = contestant.subject;
  return {{"kind", subject.kind},
          {"name", subject.name},
          {"sha256", subject.sha256},
          {"action_scale", contestant.space.scale},
          {"chunk", contestant.space.chunk},
          {"conditions", std::move(conditions)}};
}

}  // namespace

size_t AxesOf(const ActionSpace& space) { return std::min(kMaxAxes, static_cast<size_t>(space.action_dim)); }

double OriginalMae(const Score& score) { return score.Mae(2); }

Estimate MaeDifference(const OpenLoopContestant& a, const OpenLoopContestant& b, size_t condition) {
  const auto& first = a.conditions[condition].episodes;
  const auto& second = b.conditions[condition].episodes;
  const size_t axes = std::min(AxesOf(a.space), AxesOf(b.space));
  std::vector<Share> shares;
  for (size_t i = 0; i < first.size(); ++i) {
    shares.push_back({Sum(first[i].score.absolute, axes) - Sum(second[i].score.absolute, axes),
                      static_cast<double>(first[i].score.steps) * static_cast<double>(axes)});
  }
  return BootstrapMean(shares);
}

Estimate Movement(const ActionSpace& space, const std::vector<EpisodeScore>& episodes) {
  const size_t axes = AxesOf(space);
  std::vector<Share> shares;
  for (const EpisodeScore& e : episodes) {
    shares.push_back({Sum(e.moved.absolute, axes), static_cast<double>(e.moved.steps) * static_cast<double>(axes)});
  }
  return BootstrapMean(shares);
}

Json ToJson(const OpenLoopEvaluation& evaluation) {
  Json document{{"schema", "vlaq.eval/1"},
                {"mode", "open_loop"},
                {"skipped", evaluation.skipped},
                {"policy", ToJson(evaluation.policy)}};
  if (!evaluation.against) return document;
  document["against"] = ToJson(*evaluation.against);
  Json comparison = Json::array();
  for (size_t i = 0; i < evaluation.policy.conditions.size(); ++i) {
    comparison.push_back({{"condition", std::string(Name(evaluation.policy.conditions[i].condition))},
                          {"mae_difference", ToJson(MaeDifference(evaluation.policy, *evaluation.against, i))}});
  }
  document["comparison"] = std::move(comparison);
  return document;
}

}  // namespace vlaq::evaluation
