#include "robot/episodes/episode_robot.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "robot/clock.h"

namespace vlaq::robot::episodes {
namespace {

// The longest that Receive() sleeps before it looks whether it was woken.
constexpr Time kNap = 10 * kMillisecond;

class EpisodeRobot : public Robot {
 public:
  EpisodeRobot(std::unique_ptr<data::Episode> episode, std::vector<std::string> streams, const EpisodeOptions& options)
      : episode_(std::move(episode)), streams_(std::move(streams)), options_(options) {}

  Status Receive(Time until, Intake& intake) override {
    if (options_.real_time) {
      if (begin_ == kNever) begin_ = MonotonicNow();
      until = WaitFor(std::min(until, NextAt()));
    } else if (begin_ == kNever) {
      begin_ = until;
    }
    if (step_ == 0) {
      intake.SetCommandsTaken(true);
      intake.SetOperatorThere(true);
    }
    for (; step_ < episode_->length() && NextAt() <= until; ++step_) {
      for (size_t i = 0; i < streams_.size(); ++i) {
        VLAQ_ASSIGN_OR_RETURN(const Tensor value, episode_->Read(streams_[i], step_));
        intake.Take(i, value, NextAt(), options_.real_time ? MonotonicNow() : until);
      }
    }
    finished_ = step_ == episode_->length() && NextAt() <= until;
    return {};
  }
  void Wake() override { woken_ = true; }
  void Send(const Command& /*command*/, State /*state*/, Time /*now*/) override {}
  bool finished() const override { return finished_; }

 private:
  Time NextAt() const { return begin_ + step_ * options_.period; }
  Time WaitFor(Time instant) {
    Time now = MonotonicNow();
    while (now < instant && !woken_.exchange(false)) {
      SleepUntil(std::min(instant, now + kNap));
      now = MonotonicNow();
    }
    return now;
  }

  std::unique_ptr<data::Episode> episode_;
  std::vector<std::string> streams_;  // of each sensor
  EpisodeOptions options_;
  Time begin_ = kNever;
  int64_t step_ = 0;  // the next
  bool finished_ = false;
  std::atomic<bool> woken_ = false;
};

}  // namespace

Result<std::unique_ptr<Robot>> PlayEpisode(std::unique_ptr<data::Episode> episode, const Settings& settings,
                                           const EpisodeOptions& options) {
  std::vector<data::WantedFeature> wanted;
  for (const SensorSettings& sensor : settings.sensors) wanted.push_back({sensor.feature, sensor.image});
  const auto match = data::MatchFeatures(wanted, episode->streams());
  if (!match.ok()) return Within(episode->path().string(), match.error());
  std::vector<std::string> streams;
  for (const SensorSettings& sensor : settings.sensors) streams.push_back(match->at(sensor.feature));
  EpisodeOptions complete = options;
  if (const auto rate = episode->FindStream(streams.front())->rate_hz; complete.period == 0 && rate && *rate > 0) {
    complete.period = std::max<Time>(1, std::llround(static_cast<double>(kSecond) / *rate));
  }
  if (complete.period <= 0) return UsageError(episode->path().string() + " does not say how far its steps are apart");
  return std::unique_ptr<Robot>(std::make_unique<EpisodeRobot>(std::move(episode), std::move(streams), complete));
}

}  // namespace vlaq::robot::episodes
