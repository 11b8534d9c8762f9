// Faults of inference that a real policy does not show when asked: the loop in real time with an inference that does.
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>

#include "robot/loop.h"
#include "robot/testing.h"
#include "trial.h"

namespace vlaq::faults {
namespace {

using namespace robot;  // NOLINT(google-build-using-namespace): all of this is about it

// Slow is beyond the timeout by less than a tick, so that it often ends before any tick sees it run for too long.
constexpr Time kUsualStep = 36 * kMillisecond,
               kSlowStep = static_cast<Time>(kInferenceTimeoutMs + kTickMs / 2) * kMillisecond;

enum class Wrong { kSlow, kHangs, kNaN, kError };

class LiveLoop {
 public:
  LiveLoop() {
    robot_.real = true;
    robot_.camera_period = FromMs(kCameraMs);
    robot_.also = [this](robot::Time, Intake& intake) {
      if (resume_.exchange(false)) intake.TakeOrder(Event::kResume);
    };
    settings_.timing = {.control_period_ms = kTickMs,
                        .inference_period_ms = kInferenceMs,
                        .action_period_ms = kActionMs,
                        .expected_latency_ms = ToMs(kUsualStep)};
    settings_.safety.command_timeout_ms = kCommandTimeoutMs;
    settings_.safety.max_observation_age_ms = kObservationAgeMs;
  }

  Trial Try(Wrong wrong, int number) {
    // At any time of the periods of camera, inference and tick: 37 has no divisor in common with them.
    phase_ = number * 37 % 100 * kMillisecond;
    inference_.step = [this, wrong](int64_t) { return Step(wrong); };
    auto loop = Loop::Make(settings_, TestAction(10), inference_, robot_, nullptr);
    if (!loop.ok()) return {.problem = loop.error().ToString()};
    std::atomic<bool> stop = false;
    Result<LoopSummary> summary = LoopSummary();
    std::thread driver([&] { summary = (*loop)->RunInRealTime({.arm = true}, stop); });
    Trial trial = Watch();
    stop = true;
    driver.join();
    if (!summary.ok()) trial.problem = summary.error().ToString();
    return trial;
  }

 private:
  Result<Tensor> Step(Wrong wrong) {
    const bool bad = bad_;
    if (bad && wrong == Wrong::kError) return Error{ErrorCode::kBackend, "the policy gave up", "", ""};
    if (bad && wrong == Wrong::kNaN) return FakeInference::Actions(std::numeric_limits<float>::quiet_NaN(), 10);
    if (bad && wrong == Wrong::kHangs) {
      while (bad_ && !inference_.aborted) SleepUntil(MonotonicNow() + kMillisecond);
      return Error{ErrorCode::kBackend, "it hung", "", ""};
    }
    SleepUntil(MonotonicNow() + (bad ? kSlowStep : kUsualStep));
    return FakeInference::Actions(0.5F, 10);
  }

  // Of the first command since then that moves, or stands still; NaN if there is none in time.
  double AwaitMs(bool moves, robot::Time since, robot::Time longest) const {
    for (const robot::Time deadline = MonotonicNow() + longest; MonotonicNow() < deadline;) {
      for (size_t i = robot_.sent(); i > 0 && robot_.command(i - 1).at >= since; --i) {
        const bool first = i == 1 || robot_.command(i - 2).at < since || (robot_.command(i - 2).x != 0) != moves;
        if ((robot_.command(i - 1).x != 0) == moves && first) return ToMs(robot_.command(i - 1).at - since);
      }
      SleepUntil(MonotonicNow() + kMillisecond);
    }
    return std::nan("");
  }

  Trial Watch() {
    const robot::Time begin = MonotonicNow();
    if (std::isnan(AwaitMs(true, begin, 5 * kSecond))) return {.problem = "it did not begin to drive"};
    SleepUntil(MonotonicNow() + 200 * kMillisecond + phase_);
    const robot::Time fault = MonotonicNow();
    bad_ = true;
    Trial trial;
    trial.stopped_ms = AwaitMs(false, fault, 2 * kSecond);
    trial.stopped = !std::isnan(trial.stopped_ms);
    const robot::Time mended = MonotonicNow() + 100 * kMillisecond;
    SleepUntil(mended);
    bad_ = false;
    if (!trial.stopped) return trial;
    const robot::Time stop = fault + FromMs(trial.stopped_ms);
    trial.moved_by_itself = !std::isnan(AwaitMs(true, stop, 300 * kMillisecond));
    for (int i = 0; i < 20 && !trial.runs_again; ++i) {
      const robot::Time told = MonotonicNow();
      resume_ = true;
      trial.runs_again = !std::isnan(AwaitMs(true, told, 200 * kMillisecond));
    }
    return trial;
  }

  FakeRobot robot_;
  FakeInference inference_;
  Settings settings_ = TestSettings();
  robot::Time phase_ = 0;
  std::atomic<bool> bad_ = false, resume_ = false;
};

RunTrials TrialsOf(Wrong wrong) {
  return [wrong](const Row&, int trials) -> Result<std::vector<Trial>> {
    std::vector<Trial> done;
    for (int i = 0; i < trials; ++i) done.push_back(std::make_unique<LiveLoop>()->Try(wrong, i));
    return done;
  };
}

}  // namespace

std::vector<RunnableRow> LoopRows() {
  const double begins = kNextInferenceMs + ToMs(kUsualStep);
  return {
      {{.name = "inference_slow", .injected = "inference takes 160 ms", .limit_ms = begins + kInferenceTimeoutMs},
       TrialsOf(Wrong::kSlow)},
      {{.name = "inference_hangs", .injected = "inference does not return", .limit_ms = begins + kInferenceTimeoutMs},
       TrialsOf(Wrong::kHangs)},
      {{.name = "inference_nan", .injected = "all actions are NaN", .limit_ms = begins}, TrialsOf(Wrong::kNaN)},
      {{.name = "inference_error", .injected = "inference gives an error", .limit_ms = begins},
       TrialsOf(Wrong::kError)},
  };
}

}  // namespace vlaq::faults
