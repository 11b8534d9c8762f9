// For tests: a robot and an inference that do what a test says, and a journal that keeps everything.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <vector>

#include "robot/clock.h"
#include "robot/inference.h"
#include "robot/journal.h"
#include "robot/robot.h"

namespace vlaq::robot {

inline Feature TestAction(int64_t chunk = 5) {
  return {.name = "action",
          .type = FeatureType::kAction,
          .dtype = DType::kF32,
          .shape = {chunk, 1},
          .names = {"x"},
          .units = {"m/s"}};
}

inline Settings TestSettings() {
  Settings settings;
  settings.timing = {
      .control_period_ms = 10, .inference_period_ms = 40, .action_period_ms = 20, .expected_latency_ms = 20};
  settings.safety = {.command_timeout_ms = 100, .max_observation_age_ms = 200};
  settings.axes = {{.from = "x", .to = "linear.x"}};
  settings.sensors = {{.feature = "observation.images.front"}};
  return settings;
}

// A picture unlike that of any other number.
inline Tensor TestPicture(uint64_t number) {
  Tensor picture = Tensor::Make(DType::kU8, {4, 4, 3});
  for (size_t i = 0; i < picture.bytes().size(); ++i) {
    picture.mutable_data<uint8_t>()[i] = static_cast<uint8_t>((number >> (i % 8)) + 5 * i);
  }
  return picture;
}

// Gives every action the value that `step` says for the number of the step, counted from 0; of this episode.
class FakeInference : public Inference {
 public:
  std::function<Result<Tensor>(int64_t number)> step = [](int64_t) { return Actions(0.5F); };
  std::function<void(const Observation&)> look = [](const Observation&) {};
  std::atomic<int> resets = 0, steps = 0;
  std::atomic<bool> is_gone = false, aborted = false;
  std::string task;

  static Tensor Actions(float value, int64_t chunk = 5) {
    const std::vector<float> values(static_cast<size_t>(chunk), value);
    return Tensor::From<float>({chunk, 1}, values);
  }
  Status Reset(const std::string& told) override {
    ++resets;
    if (!told.empty()) task = told;
    number_ = 0;
    return {};
  }
  Result<Tensor> Step(const Observation& observation) override {
    look(observation);
    ++steps;
    return step(number_++);
  }
  bool gone() const override { return is_gone; }
  void Abort() override { aborted = true; }

 private:
  int64_t number_ = 0;
};

// A camera that gives a picture every `camera_period`, in simulated or in real time.
class FakeRobot : public Robot {
 public:
  Time camera_period = 40 * kMillisecond;
  bool real = false;
  std::function<void(Time now, Intake& intake)> also = [](Time, Intake&) {};
  std::atomic<bool> camera_works = true;
  std::function<void()> on_send = [] {};
  Time ends_at = std::numeric_limits<Time>::max();
  bool was_finished = false;

  Status Receive(Time until, Intake& intake) override {
    if (real) {
      SleepUntil(std::min(until, MonotonicNow() + 2 * kMillisecond));
      until = MonotonicNow();
    }
    now_ = until;
    also(now_, intake);
    if (next_ == kNever) next_ = now_;
    for (; next_ <= now_; next_ += camera_period) {
      if (camera_works) intake.Take(0, TestPicture(++pictures_), next_, now_);
    }
    return {};
  }
  void Send(const Command& command, State state, Time now) override {
    on_send();
    const size_t at = sent_.load(std::memory_order_relaxed);
    if (at < commands_.size()) commands_[at] = {command.values[0], state, now};
    sent_.store(at + 1, std::memory_order_release);
  }
  bool finished() const override { return now_ >= ends_at; }
  Status Finish() override {
    was_finished = true;
    return {};
  }

  struct Sent {
    double x = 0;
    State state = State::kDisarmed;
    Time at = 0;
  };
  size_t sent() const { return sent_.load(std::memory_order_acquire); }
  const Sent& command(size_t index) const { return commands_[index]; }
  const Sent& last() const { return commands_[sent() - 1]; }

 private:
  Time next_ = kNever, now_ = 0;
  uint64_t pictures_ = 0;
  std::vector<Sent> commands_ = std::vector<Sent>(20'000);
  std::atomic<size_t> sent_ = 0;
};

class KeepingJournal : public Journal {
 public:
  std::vector<Ticked> ticks;
  std::vector<Chunk> chunks;
  std::vector<std::string> errors;

  void Tick(const TickInput& input, const TickOutput& output) override { ticks.push_back({input, output}); }
  void Step(const Inferred& inferred) override {
    if (inferred.chunk != nullptr && inferred.played) chunks.push_back(*inferred.chunk);
    if (!inferred.error.empty()) errors.push_back(inferred.error);
  }
};

}  // namespace vlaq::robot
