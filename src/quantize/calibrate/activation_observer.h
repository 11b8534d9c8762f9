// Takes the tensors of one run apart into samples and adds them to the stats of their values. Memory does not grow
// with samples. Not aware of: running graphs, files.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "quantize/calibrate/observed.h"
#include "quantize/calibrate/running_stats.h"
#include "tensor/tensor.h"

namespace vlaq::calibrate {

// Where one item of a batch comes from.
struct BatchSample {
  int half = 0;
  std::string name;  // for messages: "step 4 of e0.h5"
};

// One run of a graph on a batch.
struct ObservedRun {
  const std::map<std::string, Tensor>& inputs;
  const std::map<std::string, Tensor>& outputs;
  std::vector<BatchSample> items;
  std::vector<int64_t> mask;  // of the prompt that all items share: 0 for padding; empty: none
};

using Halves = std::array<RunningStats, 2>;
using RunningStatsByValue = std::map<std::string, Halves, std::less<>>;

class ActivationObserver {
 public:
  // `stats`: what an interrupted run had. `threads` count values side by side.
  ActivationObserver(int threads, RunningStatsByValue stats) : threads_(threads), stats_(std::move(stats)) {}

  // The first extent that each value has for one item, from a run on one item: in a batch, values whose first extent
  // grows with it hold the items one after the other; others belong to each item alike.
  void LearnShapes(const std::vector<ObservedValue>& values, const ObservedRun& run);
  // The same, as another has learned it.
  void LearnExtents(const ActivationObserver& other) { first_extents_ = other.first_extents_; }
  // In a batch of more than one, the shapes must have been learned. Errors: kInput naming value and item if a number is
  // NaN or infinite; kInternal for a value that is missing from the run or has another type.
  Status Add(const std::vector<ObservedValue>& values, const ObservedRun& run);

  const RunningStatsByValue& stats() const { return stats_; }

 private:
  int threads_;
  RunningStatsByValue stats_;
  std::map<std::string, int64_t, std::less<>> first_extents_;
};

}  // namespace vlaq::calibrate
