#include "evaluate/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vlaq::evaluate {
namespace {

constexpr double kBeyond = 1.02;

double Ratio(double sum, double count) { return count == 0 ? 0 : sum / count; }

double At(const std::vector<double>& sums, size_t axis) { return axis < sums.size() ? sums[axis] : 0.0; }

double Total(const std::vector<double>& sums, size_t axes) {
  const size_t count = std::min(axes, sums.size());
  return std::accumulate(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

void AddTo(std::vector<double>& sums, const std::vector<double>& more) {
  sums.resize(std::max(sums.size(), more.size()));
  for (size_t i = 0; i < more.size(); ++i) sums[i] += more[i];
}

// With places for each value of an action, and for the classes that there are.
Score EmptyScore(const ActionSpace& space) {
  const auto width = static_cast<size_t>(space.action_dim);
  Score score;
  for (auto* sums : {&score.absolute, &score.squared, &score.absolute_raw, &score.squared_raw, &score.product,
                     &score.predicted_squared, &score.recorded_squared}) {
    sums->resize(width);
  }
  if (const auto& classes = space.traits->action_classes) {
    score.directions.assign(classes->names.size(), std::vector<int64_t>(classes->names.size()));
  }
  return score;
}

void AddFirst(const ActionSpace& space, std::span<const float> predicted, std::span<const float> recorded,
              Score& score) {
  const auto width = static_cast<size_t>(space.action_dim);
  std::vector<double> a(width);
  std::vector<double> wanted(width);
  for (size_t axis = 0; axis < width; ++axis) {
    const auto was = static_cast<double>(recorded[axis]);
    a[axis] = static_cast<double>(predicted[axis]);
    wanted[axis] = space.Normalized(axis, was);
    const double error = a[axis] - wanted[axis];
    const double raw = space.InUnits(axis, a[axis]) - was;
    score.absolute[axis] += std::abs(error);
    score.squared[axis] += error * error;
    score.absolute_raw[axis] += std::abs(raw);
    score.squared_raw[axis] += raw * raw;
    const double shifted = was - space.OffsetOf(axis);
    score.product[axis] += a[axis] * shifted;
    score.predicted_squared[axis] += a[axis] * a[axis];
    score.recorded_squared[axis] += shifted * shifted;
    score.recorded_most = std::max(score.recorded_most, std::abs(was));
    score.beyond_scale += std::abs(shifted) > kBeyond * std::abs(space.ScaleOf(axis)) ? 1 : 0;
  }
  if (const auto& classes = space.traits->action_classes) {
    ++score.directions[classes->classify(wanted)][classes->classify(a)];
  }
  ++score.steps;
}

}  // namespace

void Score::Add(const Score& other) {
  steps += other.steps;
  AddTo(absolute, other.absolute);
  AddTo(squared, other.squared);
  AddTo(absolute_raw, other.absolute_raw);
  AddTo(squared_raw, other.squared_raw);
  AddTo(product, other.product);
  AddTo(predicted_squared, other.predicted_squared);
  AddTo(recorded_squared, other.recorded_squared);
  if (directions.empty()) directions.assign(other.directions.size(), std::vector<int64_t>(other.directions.size()));
  for (size_t i = 0; i < other.directions.size(); ++i) {
    for (size_t j = 0; j < directions.size(); ++j) directions[i][j] += other.directions[i][j];
  }
  recorded_most = std::max(recorded_most, other.recorded_most);
  beyond_scale += other.beyond_scale;
  chunk_absolute += other.chunk_absolute;
  chunk_values += other.chunk_values;
}

double Score::Mae(size_t axes) const {
  return Ratio(Total(absolute, axes), static_cast<double>(steps) * static_cast<double>(axes));
}
double Score::Rmse(size_t axes) const {
  return std::sqrt(Ratio(Total(squared, axes), static_cast<double>(steps) * static_cast<double>(axes)));
}
double Score::MaeOf(size_t axis) const { return Ratio(At(absolute, axis), static_cast<double>(steps)); }
double Score::RmseOf(size_t axis) const { return std::sqrt(Ratio(At(squared, axis), static_cast<double>(steps))); }
double Score::RawMaeOf(size_t axis) const { return Ratio(At(absolute_raw, axis), static_cast<double>(steps)); }
double Score::RawRmseOf(size_t axis) const {
  return std::sqrt(Ratio(At(squared_raw, axis), static_cast<double>(steps)));
}
double Score::RawMae(size_t axes) const {
  return Ratio(Total(absolute_raw, axes), static_cast<double>(steps) * static_cast<double>(axes));
}
double Score::RawRmse(size_t axes) const {
  return std::sqrt(Ratio(Total(squared_raw, axes), static_cast<double>(steps) * static_cast<double>(axes)));
}
double Score::FittedScale(size_t axes) const { return Ratio(Total(product, axes), Total(predicted_squared, axes)); }
double Score::Cosine(size_t axes) const {
  return Ratio(Total(product, axes), std::sqrt(Total(predicted_squared, axes) * Total(recorded_squared, axes)));
}
double Score::ChunkMae() const { return Ratio(chunk_absolute, static_cast<double>(chunk_values)); }

int64_t Score::AgreeingDirections() const {
  int64_t same = 0;
  for (size_t i = 0; i < directions.size(); ++i) same += directions[i][i];
  return same;
}

double Score::DirectionAgreement() const {
  return Ratio(static_cast<double>(AgreeingDirections()), static_cast<double>(steps));
}

Score ScoreEpisode(const ActionSpace& space, const std::vector<Tensor>& predicted, const Tensor& recorded) {
  Score score = EmptyScore(space);
  const auto width = static_cast<size_t>(space.action_dim);
  const auto rows = recorded.data<float>();
  for (size_t t = 0; t < predicted.size(); ++t) {
    const auto values = predicted[t].data<float>();
    AddFirst(space, values, rows.subspan(t * width, width), score);
    const size_t reach = std::min(static_cast<size_t>(space.chunk), predicted.size() - t);
    for (size_t i = 0; i < reach * width; ++i) {
      const double wanted = space.Normalized(i % width, static_cast<double>(rows[t * width + i]));
      score.chunk_absolute += std::abs(static_cast<double>(values[i]) - wanted);
      ++score.chunk_values;
    }
  }
  return score;
}

Score ScoreDifference(const ActionSpace& space, const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ActionSpace unit = space;
  unit.chunk = 1;
  unit.scale = {1.0};
  unit.offset.clear();
  const auto width = static_cast<size_t>(space.action_dim);
  Tensor recorded = Tensor::Make(DType::kF32, {static_cast<int64_t>(b.size()), space.action_dim});
  auto rows = recorded.mutable_data<float>();
  for (size_t t = 0; t < b.size(); ++t) {
    std::copy_n(b[t].data<float>().begin(), width, rows.begin() + static_cast<std::ptrdiff_t>(t * width));
  }
  return ScoreEpisode(unit, a, recorded);
}

}  // namespace vlaq::evaluate
