#include "evaluate/open_loop_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/json.h"

namespace vlaq::evaluate {
namespace {

double Sum(const std::vector<double>& values, size_t axes) {
  const size_t count = std::min(axes, values.size());
  return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
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
    Json entry{{"mae", score.MaeOf(axis)},
               {"rmse", score.RmseOf(axis)},
               {"mae_raw", score.RawMaeOf(axis)},
               {"rmse_raw", score.RawRmseOf(axis)}};
    if (axis < space.units.size()) entry["unit"] = space.units[axis];
    per_axis[space.AxisName(axis)] = std::move(entry);
  }
  Json json{{"steps", score.steps},          {"mae", score.Mae(axes)},          {"rmse", score.Rmse(axes)},
            {"mae_raw", score.RawMae(axes)}, {"rmse_raw", score.RawRmse(axes)}, {"chunk_mae", score.ChunkMae()},
            {"axes", std::move(per_axis)}};
  if (space.traits->training_mae) json["original_mae"] = score.Mae(space.traits->training_mae->axes);
  if (space.traits->action_classes) json["direction_agreement"] = score.DirectionAgreement();
  return json;
}

Json ToJson(const OpenLoopPolicy& evaluated) {
  Json ablations = Json::array();
  for (const AblationScores& c : evaluated.ablations) {
    Json episodes = Json::array();
    for (const EpisodeScore& e : c.episodes) {
      Json entry = ScoreToJson(e.score, evaluated.space);
      entry["name"] = e.name;
      entry["sha256"] = e.hash;
      entry["instruction"] = e.instruction;
      episodes.push_back(std::move(entry));
    }
    const Score total = Total(c.episodes);
    Json summary = ScoreToJson(total, evaluated.space);
    if (evaluated.space.traits->action_classes) summary["direction_confusion"] = total.directions;
    Json entry{{"ablation", std::string(Name(c.ablation))}, {"summary", std::move(summary)}};
    if (c.ablation != Ablation::kNone) entry["moved"] = ToJson(Movement(evaluated.space, c.episodes));
    entry["episodes"] = std::move(episodes);
    ablations.push_back(std::move(entry));
  }
  Json json = ToJson(evaluated.subject);
  const ActionSpace& space = evaluated.space;
  json["action_scale"] = space.scale.size() == 1 ? Json(space.scale.front()) : Json(space.scale);
  if (!space.offset.empty()) json["action_offset"] = space.offset;
  json["chunk"] = space.chunk;
  json["ablations"] = std::move(ablations);
  return json;
}

// The difference of what `sum` adds up over an episode, per step and one of `parts` in it.
template <typename Sum>
Estimate PairedDifference(const std::vector<EpisodeScore>& a, const std::vector<EpisodeScore>& b, size_t parts,
                          const Sum& sum) {
  std::vector<Share> shares;
  for (size_t i = 0; i < a.size(); ++i) {
    shares.push_back(
        {sum(a[i].score) - sum(b[i].score), static_cast<double>(a[i].score.steps) * static_cast<double>(parts)});
  }
  return BootstrapMean(shares);
}

Json ToJson(const Differences& differences) {
  Json axes = Json::object();
  for (size_t axis = 0; axis < differences.axes.size(); ++axis) {
    axes[differences.axis_names[axis]] = ToJson(differences.axes[axis]);
  }
  Json json{{"mae_difference", ToJson(differences.mae)},
            {"mae_difference_by_axis", std::move(axes)},
            {"mae_raw_difference", ToJson(differences.mae_raw)}};
  if (differences.original) json["original_mae_difference"] = ToJson(*differences.original);
  if (differences.directions) json["direction_agreement_difference"] = ToJson(*differences.directions);
  return json;
}

}  // namespace

size_t AxesOf(const ActionSpace& space) { return static_cast<size_t>(space.action_dim); }

Status CheckPairs(const ActionSpace& a, const ActionSpace& b) {
  const size_t axes = std::min(AxesOf(a), AxesOf(b));
  for (size_t axis = 0; axis < axes; ++axis) {
    if (a.AxisName(axis) == b.AxisName(axis)) continue;
    return UsageError(fmt::format("value {} of one policy's action is {}, of the other's {}: they do not compare", axis,
                                  a.AxisName(axis), b.AxisName(axis)));
  }
  return {};
}

Differences Compare(const OpenLoopPolicy& a, const OpenLoopPolicy& b, size_t ablation) {
  const auto& first = a.ablations[ablation].episodes;
  const auto& second = b.ablations[ablation].episodes;
  const size_t axes = std::min(AxesOf(a.space), AxesOf(b.space));
  Differences d;
  d.mae = MaeDifference(a, b, ablation);
  for (size_t axis = 0; axis < axes; ++axis) {
    d.axis_names.push_back(a.space.AxisName(axis));
    d.axes.push_back(PairedDifference(first, second, 1, [axis](const Score& s) { return s.absolute[axis]; }));
  }
  d.mae_raw = RawMaeDifference(a.space, first, second);
  if (const auto& training = a.space.traits->training_mae; training && a.space.traits == b.space.traits) {
    const size_t count = training->axes;
    d.original = PairedDifference(first, second, count, [count](const Score& s) { return Sum(s.absolute, count); });
  }
  if (a.space.traits->action_classes && a.space.traits == b.space.traits) {
    d.directions =
        PairedDifference(first, second, 1, [](const Score& s) { return static_cast<double>(s.AgreeingDirections()); });
  }
  return d;
}

Estimate MaeDifference(const OpenLoopPolicy& a, const OpenLoopPolicy& b, size_t ablation) {
  const size_t axes = std::min(AxesOf(a.space), AxesOf(b.space));
  return PairedDifference(a.ablations[ablation].episodes, b.ablations[ablation].episodes, axes,
                          [axes](const Score& s) { return Sum(s.absolute, axes); });
}

Estimate RawMaeDifference(const ActionSpace& space, const std::vector<EpisodeScore>& a,
                          const std::vector<EpisodeScore>& b) {
  const size_t axes = AxesOf(space);
  return PairedDifference(a, b, axes, [axes](const Score& s) { return Sum(s.absolute_raw, axes); });
}

Estimate DirectionsAboveChance(const std::vector<EpisodeScore>& episodes) {
  const Score total = Total(episodes);
  const auto steps = static_cast<double>(total.steps);
  double chance = 0;
  for (size_t k = 0; k < total.directions.size() && total.steps > 0; ++k) {
    double recorded = 0, predicted = 0;
    for (size_t j = 0; j < total.directions.size(); ++j) {
      recorded += static_cast<double>(total.directions[k][j]);
      predicted += static_cast<double>(total.directions[j][k]);
    }
    chance += recorded / steps * predicted / steps;
  }
  std::vector<Share> shares;
  for (const EpisodeScore& e : episodes) {
    const auto count = static_cast<double>(e.score.steps);
    shares.push_back({static_cast<double>(e.score.AgreeingDirections()) - chance * count, count});
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
  Json document{{"schema", "vlaq.eval/2"},
                {"mode", "open_loop"},
                {"vlaq_version", evaluation.vlaq_version},
                {"channel_order", std::string(image::ChannelOrderName(evaluation.channel_order))},
                {"skipped", evaluation.skipped},
                {"policy", ToJson(evaluation.policy)}};
  if (const auto& classes = evaluation.policy.space.traits->action_classes) document["directions"] = classes->names;
  if (!evaluation.reference) return document;
  document["reference"] = ToJson(*evaluation.reference);
  Json comparison = Json::array();
  for (size_t i = 0; i < evaluation.policy.ablations.size(); ++i) {
    Json entry = ToJson(Compare(evaluation.policy, *evaluation.reference, i));
    entry["ablation"] = std::string(Name(evaluation.policy.ablations[i].ablation));
    comparison.push_back(std::move(entry));
  }
  document["comparison"] = std::move(comparison);
  return document;
}

}  // namespace vlaq::evaluate
