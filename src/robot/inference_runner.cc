#include "robot/inference_runner.h"

#include <algorithm>
#include <utility>

#include "robot/safety.h"

namespace vlaq::robot {
namespace {

// A policy remembers a window of steps; when observations stayed away for longer than this many of its periods, what it
// remembers is not what it was trained on.
constexpr Time kLongestGap = 5;

}  // namespace

InferenceRunner::InferenceRunner(const Settings& settings, ActionMap map, Inference& inference)
    : settings_(settings), map_(std::move(map)), inference_(inference) {}

Status InferenceRunner::WarmUp(const std::string& task) {
  task_ = task;
  VLAQ_RETURN_IF_ERROR(inference_.Reset(task));
  Chunk unused;
  VLAQ_ASSIGN_OR_RETURN(const Tensor actions, inference_.WarmUp());
  VLAQ_RETURN_IF_ERROR(map_.Fill(actions, unused));
  ++completed_;
  forget_ = true;
  return {};
}

// A window must not hold the same frame twice.
bool InferenceRunner::HasNewFrames(const Sighting& newest) const {
  bool any_image = false;
  for (size_t i = 0; i < settings_.sensors.size(); ++i) {
    if (!settings_.sensors[i].image) continue;
    any_image = true;
    if (i < seen_.size() && newest.numbers[i] == seen_[i]) return false;
  }
  return any_image || newest.numbers != seen_;
}

bool InferenceRunner::IsDue(const Sighting& newest, Time now) const {
  return now >= due_at_ && HasNewFrames(newest) && ObservationIsFresh(settings_.safety, now, newest.oldest);
}

Inferred InferenceRunner::Compute(const Sighting& newest, Time now, Chunk& chunk) {
  const Time period = FromMs(settings_.timing.inference_period_ms);
  Inferred result{.sighting = &newest, .started = now};
  seen_ = newest.numbers;
  const bool other_task = newest.task != task_ && !newest.task.empty();
  const bool gap = last_observed_ != kNever && newest.newest - last_observed_ > kLongestGap * period;
  const bool forgets = std::exchange(forget_, false);
  if (other_task || gap || forgets) {
    result.begins = true;
    steps_ = 0;
    if (other_task) task_ = newest.task;
    if (const Status reset = inference_.Reset(other_task ? newest.task : ""); !reset.ok()) {
      result.error = reset.error().ToString();
      forget_ = true;
      return result;
    }
  }
  last_observed_ = newest.newest;
  const auto actions = inference_.Step(newest.values);
  ++steps_;
  result.played = steps_ > settings_.timing.warmup_steps;
  const Time wait =
      !result.played && settings_.timing.fill_period_ms > 0 ? FromMs(settings_.timing.fill_period_ms) : period;
  due_at_ = now + wait;
  Status filled = actions.ok() ? map_.Fill(*actions, chunk) : Status(actions.error());
  if (!filled.ok()) {
    result.error = filled.error().ToString();
    return result;
  }
  chunk.id = next_id_++;
  chunk.observed = newest.oldest;
  result.chunk = &chunk;
  return result;
}

void InferenceRunner::Count(const Inferred& result) {
  if (result.chunk == nullptr) {
    ++failed_;
    return;
  }
  ++completed_;
  latencies_->Add(result.finished - result.started);
  if (MissedDeadline(settings_.timing, result.finished - result.started)) ++missed_;
}

}  // namespace vlaq::robot
