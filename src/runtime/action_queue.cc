#include "runtime/action_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vlaq::runtime {

ActionQueue::ActionQueue(const policy::Control& control)
    : n_action_steps_(static_cast<size_t>(std::max<int64_t>(control.n_action_steps, 1))),
      coefficient_(control.temporal_ensemble_coeff) {}

bool ActionQueue::NeedsChunk() const { return next_ == end_; }

Status ActionQueue::Push(const Tensor& chunk) {
  const Shape& shape = chunk.shape();
  if (chunk.dtype() != DType::kF32 || shape.size() != 2 || chunk.size() == 0) {
    return UsageError(fmt::format("a chunk of actions is {} {}, not float32 [chunk, dim]", DTypeName(chunk.dtype()),
                                  ShapeText(shape)));
  }
  if (!coefficient_) {
    chunk_ = chunk;
    next_ = 0;
    end_ = std::min(n_action_steps_, static_cast<size_t>(shape[0]));
    return {};
  }
  if (!NeedsChunk()) return UsageError("a temporal ensemble got two chunks for one step", "pop the action in between");
  if (!weights_.empty() && shape != chunk_.shape()) {
    return UsageError(fmt::format("a chunk of actions is {}, and those before it are {}", ShapeText(shape),
                                  ShapeText(chunk_.shape())));
  }
  Ensemble(chunk);
  return {};
}

// LeRobot's ACTTemporalEnsembler: means are updated one prediction at a time, in float32; sums of weights are added in
// double and rounded, as PyTorch's cumsum does on a CPU. The oldest prediction has the weight exp(0).
void ActionQueue::Ensemble(const Tensor& chunk) {
  const auto rows = static_cast<size_t>(chunk.shape()[0]);
  const auto dim = static_cast<size_t>(chunk.shape()[1]);
  const std::span<const float> fresh = chunk.data<float>();
  if (weights_.empty()) {
    double sum = 0;
    for (size_t i = 0; i < rows; ++i) {
      weights_.push_back(std::exp(static_cast<float>(-*coefficient_) * static_cast<float>(i)));
      sum += static_cast<double>(weights_.back());
      sums_.push_back(static_cast<float>(sum));
    }
    means_.assign(fresh.begin(), fresh.end());
    counts_.assign(rows, 1);
  } else {
    // Pop() has taken the first of `rows` times, so that the last of the chunk has no prediction yet.
    for (size_t row = 0; row + 1 < rows; ++row) {
      const size_t count = counts_[row];
      for (size_t i = row * dim; i < (row + 1) * dim; ++i) {
        float mean = means_[i] * sums_[count - 1];
        mean += fresh[i] * weights_[count];
        means_[i] = mean / sums_[count];
      }
      counts_[row] = std::min(count + 1, rows);
    }
    means_.insert(means_.end(), fresh.end() - static_cast<std::ptrdiff_t>(dim), fresh.end());
    counts_.push_back(1);
  }
  chunk_ = chunk;
  next_ = 0;
  end_ = 1;
}

Tensor ActionQueue::Pop() {
  assert(!NeedsChunk());
  const auto dim = static_cast<size_t>(chunk_.shape()[1]);
  const std::span<const float> row =
      coefficient_ ? std::span<const float>(means_).first(dim) : chunk_.data<float>().subspan(next_ * dim, dim);
  Tensor action = Tensor::From<float>({static_cast<int64_t>(dim)}, row);
  ++next_;
  if (coefficient_) {
    means_.erase(means_.begin(), means_.begin() + static_cast<std::ptrdiff_t>(dim));
    counts_.erase(counts_.begin());
  }
  return action;
}

void ActionQueue::Reset() {
  next_ = end_ = 0;
  means_.clear();
  counts_.clear();
  weights_.clear();
  sums_.clear();
}

}  // namespace vlaq::runtime
