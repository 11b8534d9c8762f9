#include "robot/sim/sim_robot.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "robot/clock.h"
#include "robot/robot_file.h"
#include "robot/ros2/ros2_robot.h"
#include "robot/sim/sim_base.h"
#include "ros2/messages.h"

namespace vlaq::robot::sim {
namespace {

namespace msg = vlaq::ros2;

const Time kPeriod = FromMs(vlaq::sim::kControlPeriod * 1000);
constexpr Time kArrivalPatience = 10 * kSecond;  // for what was published to arrive
constexpr Time kOrderPause = 5 * kMillisecond;   // how finely the real base notices when an order came

ros2::Wiring BaseWiring(const Settings& settings) {
  ros2::Wiring wiring;
  wiring.sensors[settings.sensors.front().feature] = {std::string(kCameraTopic), std::string(msg::Image::kType), {}};
  wiring.task = kTaskTopic;
  wiring.commands = kCommandTopic;
  return wiring;
}

msg::NodeOptions NodeOf(const SimOptions& options, std::string name) {
  msg::NodeOptions node;
  node.discovery = options.discovery;
  node.names.node_name = std::move(name);
  return node;
}

// In step: the base is advanced by the loop's own thread, between two of its ticks.
class SimulatedTimeRobot : public SimRobot {
 public:
  Status Open(const Settings& settings, const SimOptions& options, Log& log) {
    VLAQ_ASSIGN_OR_RETURN(base_, SimBase::Open(options.world, NodeOf(options, "base")));
    VLAQ_ASSIGN_OR_RETURN(
        inner_,
        ros2::OpenRos2Robot(
            BaseWiring(settings), settings,
            {.node = NodeOf(options, "vlaq"), .armed = true, .own_thread = false, .simulated_now = &now_}, log));
    return {};
  }
  Status Begin(uint64_t seed) override {
    seed_ = seed;
    sent_ = 0;
    next_ = 0;
    VLAQ_RETURN_IF_ERROR(base_->Begin(seed));
    told_ = false;
    return {};
  }
  Status Receive(Time until, Intake& intake) override {
    now_ = until;
    if (sent_ > 0) {
      // Those of the tick before this one: they were in force since then.
      const double at = ToSeconds(last_sent_ - (next_ - kPeriod));
      VLAQ_RETURN_IF_ERROR(base_->TakeOrders(at, std::exchange(sent_, 0)));
    }
    if (until < next_) return {};
    if (next_ > 0) VLAQ_RETURN_IF_ERROR(base_->Step());
    if (base_->state().done) return {};
    VLAQ_RETURN_IF_ERROR(base_->Shoot(next_ + 1));
    next_ += kPeriod;
    return Await(intake);
  }
  void Send(const Command& command, State state, Time now) override {
    last_sent_ = now;
    sent_ += command.silent ? 0 : 1;
    inner_->Send(command, state, now);
  }
  bool finished() const override { return base_->state().done; }
  Result<Episode> End() override {
    Episode episode{seed_, base_->succeeded(), base_->trace()};
    return episode;
  }

 private:
  // What was published comes through DDS: until it is there, simulated time stands.
  Status Await(Intake& intake) {
    const uint64_t before = intake.changes();
    const Time deadline = MonotonicNow() + kArrivalPatience;
    while (intake.changes() == before || (!told_ && intake.task().empty())) {
      if (MonotonicNow() > deadline)
        return Error{ErrorCode::kBackend, "no picture came within ten seconds", std::string(kCameraTopic), ""};
      VLAQ_RETURN_IF_ERROR(inner_->Receive(deadline, intake));
    }
    told_ = true;
    return {};
  }

  std::unique_ptr<SimBase> base_;
  std::unique_ptr<Robot> inner_;
  uint64_t seed_ = 0;
  Time now_ = 0, next_ = 0, last_sent_ = 0;
  int sent_ = 0;  // commands since the base took some
  bool told_ = false;
};

// The base on a thread of its own, by the clock.
class RealTimeRobot : public SimRobot {
 public:
  ~RealTimeRobot() override {
    Ask(Wish::kQuit);
    if (thread_.joinable()) thread_.join();
  }
  RealTimeRobot() = default;
  RealTimeRobot(const RealTimeRobot&) = delete;
  RealTimeRobot& operator=(const RealTimeRobot&) = delete;

  Status Open(const Settings& settings, const SimOptions& options, Log& log) {
    // A world belongs to the thread that opened it.
    thread_ = std::thread([this, options] { Work(options); });
    VLAQ_RETURN_IF_ERROR(WaitForAnswer());
    VLAQ_ASSIGN_OR_RETURN(inner_, ros2::OpenRos2Robot(BaseWiring(settings), settings,
                                                      {.node = NodeOf(options, "vlaq"), .armed = true}, log));
    return {};
  }
  Status Begin(uint64_t seed) override {
    seed_ = seed;
    done_ = false;
    Ask(Wish::kDrive);
    return WaitForAnswer();
  }
  Status Receive(Time until, Intake& intake) override { return inner_->Receive(until, intake); }
  void Wake() override { inner_->Wake(); }
  void Send(const Command& command, State state, Time now) override { inner_->Send(command, state, now); }
  bool finished() const override { return done_; }
  Status Finish() override {
    Status status = inner_->Finish();
    Ask(Wish::kPark);
    return status;
  }
  Result<Episode> End() override {
    VLAQ_RETURN_IF_ERROR(WaitForAnswer());
    return std::exchange(ended_, {});
  }

 private:
  enum class Wish { kNone, kDrive, kPark, kQuit };

  void Ask(Wish wish) {
    const std::scoped_lock lock(mutex_);
    wish_ = wish;
    answered_ = false;
    changed_.notify_all();
  }
  void Answer(Status status) {
    const std::scoped_lock lock(mutex_);
    answer_ = std::move(status);
    answered_ = true;
    changed_.notify_all();
  }
  Status WaitForAnswer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return answered_; });
    return answer_;
  }
  Wish NextWish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wish_ != Wish::kNone; });
    return std::exchange(wish_, Wish::kNone);
  }
  bool Interrupted() {
    const std::scoped_lock lock(mutex_);
    return wish_ != Wish::kNone;
  }

  void Work(const SimOptions& options) {
    auto base = SimBase::Open(options.world, NodeOf(options, "base"));
    Answer(base.ok() ? Status() : Status(base.error()));
    while (base.ok()) {
      const Wish wish = NextWish();
      if (wish == Wish::kQuit) return;
      if (wish == Wish::kPark) {
        ended_ = {seed_, (*base)->succeeded(), (*base)->trace()};
        Answer(failed_);
        continue;
      }
      const Status begun = (*base)->Begin(seed_);
      Answer(begun);
      failed_ = begun.ok() ? Drive(**base) : begun;
      done_ = true;
      inner_->Wake();
    }
  }

  Status Drive(SimBase& base) {
    Time begin = MonotonicNow();
    while (!base.state().done && !Interrupted()) {
      VLAQ_RETURN_IF_ERROR(base.Shoot(begin));
      while (MonotonicNow() < begin + kPeriod && !Interrupted()) {
        SleepUntil(std::min(begin + kPeriod, MonotonicNow() + kOrderPause));
        VLAQ_RETURN_IF_ERROR(base.TakeOrders(std::min(ToSeconds(MonotonicNow() - begin), vlaq::sim::kControlPeriod)));
      }
      VLAQ_RETURN_IF_ERROR(base.Step());
      begin += kPeriod;
    }
    return {};
  }

  std::thread thread_;
  std::unique_ptr<Robot> inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Wish wish_ = Wish::kNone;
  bool answered_ = false;
  Status answer_, failed_;
  Episode ended_;
  std::atomic<uint64_t> seed_ = 0;
  std::atomic<bool> done_ = false;
};

template <typename T>
Result<std::unique_ptr<SimRobot>> OpenAs(const Settings& settings, const SimOptions& options, Log& log) {
  auto robot = std::make_unique<T>();
  VLAQ_RETURN_IF_ERROR(robot->Open(settings, options, log));
  return std::unique_ptr<SimRobot>(std::move(robot));
}

}  // namespace

Result<std::unique_ptr<SimRobot>> SimRobot::Open(const Settings& settings, const SimOptions& options, Log& log) {
  if (settings.sensors.size() != 1 || !settings.sensors.front().image) {
    return UsageError("the simulated base has one camera and nothing else",
                      "this policy or its robot.json wants something else");
  }
  return options.real_time ? OpenAs<RealTimeRobot>(settings, options, log)
                           : OpenAs<SimulatedTimeRobot>(settings, options, log);
}

Result<Settings> SimSettings(const PolicyFeatures& policy) {
  VLAQ_ASSIGN_OR_RETURN(Settings settings, ProposeSettings(policy));
  for (Axis& axis : settings.axes) {
    if (axis.kind != AxisKind::kVelocity) {
      return UsageError(fmt::format("the simulated base is driven by velocities, and '{}' is none", axis.from));
    }
    // The base limits itself, and nobody stands in its way.
    axis.min = -std::numeric_limits<double>::infinity();
    axis.max = axis.max_rate = std::numeric_limits<double>::infinity();
  }
  AllowRepeats(settings);
  return settings;
}

}  // namespace vlaq::robot::sim
