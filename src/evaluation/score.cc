#include "evaluation/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vlaq::evaluation {
namespace {

constexpr double kBeyond = 1.02;

double Ratio(double sum, double count) { return count == 0 ? 0 : sum / count; }

double Total(const std::array<double, kMaxAxes>& sums, size_t axes) {
  return std::accumulate(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(axes), 0.0);
}

double Target(float recorded, double scale) { return std::clamp(static_cast<double>(recorded) / scale, -1.0, 1.0); }

size_t Axes(const ActionSpace& space) { return std::min(kMaxAxes, static_cast<size_t>(space.action_dim)); }

void AddFirst(const ActionSpace& space, std::span<const float> predicted, const std::array<float, kMaxAxes>& recorded,
              Score& score) {
  std::array<double, kMaxAxes> a{};
  std::array<double, kMaxAxes> wanted{};
  for (size_t axis = 0; axis < Axes(space); ++axis) {
    a[axis] = static_cast<double>(predicted[axis]);
    wanted[axis] = Target(recorded[axis], space.scale);
    const double error = a[axis] - wanted[axis];
    const double raw = space.scale * a[axis] - static_cast<double>(recorded[axis]);
    score.absolute[axis] += std::abs(error);
    score.squared[axis] += error * error;
    score.absolute_raw[axis] += std::abs(raw);
    score.squared_raw[axis] += raw * raw;
    const auto was = static_cast<double>(recorded[axis]);
    score.product[axis] += a[axis] * was;
    score.predicted_squared[axis] += a[axis] * a[axis];
    score.recorded_squared[axis] += was * was;
    score.recorded_most = std::max(score.recorded_most, std::abs(was));
    score.beyond_scale += std::abs(was) > kBeyond * std::abs(space.scale) ? 1 : 0;
  }
  const auto row = static_cast<size_t>(DirectionOf(wanted[0], wanted[1]));
  ++score.directions[row][static_cast<size_t>(DirectionOf(a[0], a[1]))];
  ++score.steps;
}

}  // namespace

void Score::Add(const Score& other) {
  steps += other.steps;
  for (size_t axis = 0; axis < kMaxAxes; ++axis) {
    absolute[axis] += other.absolute[axis];
    squared[axis] += other.squared[axis];
    absolute_raw[axis] += other.absolute_raw[axis];
    squared_raw[axis] += other.squared_raw[axis];
    product[axis] += other.product[axis];
    predicted_squared[axis] += other.predicted_squared[axis];
    recorded_squared[axis] += other.recorded_squared[axis];
  }
  for (size_t i = 0; i < directions.size(); ++i) {
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
double Score::MaeOf(size_t axis) const { return Ratio(absolute[axis], static_cast<double>(steps)); }
double Score::RmseOf(size_t axis) const { return std::sqrt(Ratio(squared[axis], static_cast<double>(steps))); }
double Score::RawMaeOf(size_t axis) const { return Ratio(absolute_raw[axis], static_cast<double>(steps)); }
double Score::RawRmseOf(size_t axis) const { return std::sqrt(Ratio(squared_raw[axis], static_cast<double>(steps))); }
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

Score ScoreEpisode(const ActionSpace& space, const std::vector<Tensor>& predicted,
                   const std::vector<std::array<float, kMaxAxes>>& recorded) {
  Score score;
  const auto width = static_cast<size_t>(space.action_dim);
  for (size_t t = 0; t < predicted.size(); ++t) {
    const auto values = predicted[t].data<float>();
    AddFirst(space, values, recorded[t], score);
    const size_t reach = std::min(static_cast<size_t>(space.chunk), predicted.size() - t);
    for (size_t ahead = 0; ahead < reach; ++ahead) {
      for (size_t axis = 0; axis < Axes(space); ++axis) {
        const double a = static_cast<double>(values[ahead * width + axis]);
        score.chunk_absolute += std::abs(a - Target(recorded[t + ahead][axis], space.scale));
        ++score.chunk_values;
      }
    }
  }
  return score;
}

Score ScoreDifference(const ActionSpace& space, const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  const ActionSpace unit{.chunk = 1, .action_dim = space.action_dim, .scale = 1, .window = space.window};
  std::vector<std::array<float, kMaxAxes>> recorded;
  for (const Tensor& actions : b) {
    std::array<float, kMaxAxes> row{};
    std::copy_n(actions.data<float>().begin(), Axes(space), row.begin());
    recorded.push_back(row);
  }
  return ScoreEpisode(unit, a, recorded);
}

}  // namespace vlaq::evaluation
