#include "robot/ros2/ros2_robot.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "robot/clock.h"
#include "robot/mailbox.h"
#include "robot/realtime.h"
#include "robot/ros2/commanding.h"
#include "robot/ros2/sensing.h"
#include "robot/safety.h"
#include "ros2/codec.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;
using std::chrono::steady_clock;

constexpr int kLastRepeats = 3;  // of the command that ends it: whoever missed one gets another
constexpr Time kLastPause = 10 * kMillisecond;
constexpr Time kLongestFinish = kSecond;

int64_t TimeOfDay() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// steady_clock is CLOCK_MONOTONIC, as the loop's clock.
Time LoopTime(steady_clock::time_point point) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch()).count();
}
steady_clock::time_point SteadyTime(Time time) { return steady_clock::time_point(std::chrono::nanoseconds(time)); }

// Publishes the newest command on a thread of its own: DDS may take a lock or ask for memory, and the tick may not.
class Sender {
 public:
  Sender(std::unique_ptr<msg::Publisher> publisher, CommandWriter writer, bool own_thread)
      : publisher_(std::move(publisher)), writer_(std::move(writer)), wake_(eventfd(0, EFD_CLOEXEC)) {
    if (own_thread) thread_ = std::thread([this] { Work(); });
  }
  ~Sender() {
    ended_ = true;
    Signal();
    if (thread_.joinable()) thread_.join();
    close(wake_);
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void Send(const Command& command) {
    if (!thread_.joinable()) return Publish(command);
    latest_.back() = command;
    latest_.Publish();
    handed_.fetch_add(1, std::memory_order_release);
    Signal();
  }
  // Until everything handed over has been published. False after the longest time.
  bool Drain() const {
    const Time deadline = MonotonicNow() + kLongestFinish;
    while (thread_.joinable() && published_.load() < handed_.load()) {
      if (MonotonicNow() > deadline) return false;
      SleepUntil(MonotonicNow() + kMillisecond);
    }
    return true;
  }
  int subscribers() const { return publisher_->subscribers(); }
  bool failed() const { return failed_; }
  const std::string& topic() const { return publisher_->topic(); }

 private:
  void Signal() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }
  void Work() {
    while (!ended_) {
      uint64_t count = 0;
      if (read(wake_, &count, sizeof count) < 0 && errno != EINTR) return;
      const uint64_t handed = handed_.load(std::memory_order_acquire);
      if (latest_.Take()) Publish(latest_.front());
      published_ = handed;
    }
  }
  void Publish(const Command& command) {
    if (command.silent) return;
    failed_ = !publisher_->Publish(writer_.Write(command, TimeOfDay())).ok();
  }

  std::unique_ptr<msg::Publisher> publisher_;
  CommandWriter writer_;
  int wake_;
  Latest<Command> latest_;
  std::atomic<uint64_t> handed_ = 0, published_ = 0;
  std::atomic<bool> ended_ = false, failed_ = false;
  std::thread thread_;
};

class Ros2Robot : public Robot {
 public:
  Ros2Robot(Wiring wiring, Settings settings, std::unique_ptr<msg::Node> node, Log& log)
      : wiring_(std::move(wiring)), settings_(std::move(settings)), node_(std::move(node)), log_(log) {}

  Status Open(const Ros2Options& options) {
    simulated_now_ = options.simulated_now;
    VLAQ_ASSIGN_OR_RETURN(CommandWriter writer, CommandWriter::Make(wiring_, settings_.axes));
    const std::string topic = options.armed ? wiring_.commands : AsShadow(wiring_.commands);
    VLAQ_ASSIGN_OR_RETURN(auto publisher, node_->Advertise(topic, wiring_.command_type, msg::kDefaultQos));
    sender_ = std::make_unique<Sender>(std::move(publisher), std::move(writer), options.own_thread);
    for (size_t i = 0; i < settings_.sensors.size(); ++i) {
      const SensorTopic& sensor = wiring_.sensors.at(settings_.sensors[i].feature);
      VLAQ_RETURN_IF_ERROR(
          Listen(sensor.topic, sensor.type, msg::kNewestOnly,
                 [this, i, &sensor](auto& message, Intake& intake) { return TakeSensor(i, sensor, message, intake); }));
    }
    if (!wiring_.range.topic.empty()) {
      VLAQ_RETURN_IF_ERROR(Listen(
          wiring_.range.topic, wiring_.range.type, msg::kNewestOnly, [this](auto& message, Intake& intake) -> Status {
            VLAQ_ASSIGN_OR_RETURN(const double meters, NearestRange(wiring_.range.type, message.cdr()));
            intake.TakeRange(meters, ArrivalOf(message));
            return {};
          }));
    }
    if (!wiring_.joints.empty()) {
      VLAQ_RETURN_IF_ERROR(Listen(
          wiring_.joints, msg::JointState::kType, msg::kNewestOnly,
          [this](auto& message, Intake& intake) { return ReadPositions(settings_.axes, message.cdr(), intake); }));
    }
    return ListenToPeople();
  }

  Status Receive(Time until, Intake& intake) override {
    // Subscriptions without a message may end the wait, so the second look decides.
    node_->Wait(SteadyTime(until));
    for (Topic& topic : topics_) TakeAll(topic, intake);
    WatchPeople(intake);
    intake.SetCommandsTaken(sender_->subscribers() > 0 && !sender_->failed());
    for (const std::string& event : node_->Events()) log_.Note(event);
    return {};
  }
  void Wake() override { node_->Wake(); }
  void Send(const Command& command, State /*state*/, Time /*now*/) override {
    last_ = command;
    sender_->Send(command);
  }
  Status Finish() override {
    bool drained = sender_->Drain();
    for (int i = 1; i < kLastRepeats && drained; ++i) {
      SleepUntil(MonotonicNow() + kLastPause);
      sender_->Send(last_);
      drained = sender_->Drain();
    }
    if (drained) return {};
    return Error{ErrorCode::kBackend, "the last command, which stands still, could not be sent within a second",
                 sender_->topic(), "stop the robot by hand"};
  }

 private:
  using OnMessage = std::function<Status(msg::ReceivedMessage& message, Intake& intake)>;
  struct Topic {
    std::unique_ptr<msg::Subscription> subscription;
    bool newest_only;
    OnMessage take;
  };

  Status Listen(const std::string& topic, std::string_view type, const msg::Qos& qos, OnMessage take) {
    VLAQ_ASSIGN_OR_RETURN(auto subscription, node_->Subscribe(topic, type, qos));
    topics_.push_back({std::move(subscription), qos.depth == 1, std::move(take)});
    return {};
  }

  Status ListenToPeople() {
    if (!wiring_.task.empty()) {
      VLAQ_RETURN_IF_ERROR(
          Listen(wiring_.task, msg::String::kType, msg::kDefaultQos, [](auto& message, Intake& intake) -> Status {
            VLAQ_ASSIGN_OR_RETURN(const auto text, msg::Decode<msg::String>(message.cdr()));
            intake.TakeTask(text.data);
            return {};
          }));
    }
    if (!wiring_.operator_orders.empty()) {
      operators_.push_back(topics_.size());
      VLAQ_RETURN_IF_ERROR(Listen(
          wiring_.operator_orders, msg::String::kType, msg::kDefaultQos, [](auto& message, Intake& intake) -> Status {
            VLAQ_ASSIGN_OR_RETURN(const auto text, msg::Decode<msg::String>(message.cdr()));
            const auto order = FindOrder(text.data);
            // Whoever says what nobody understands may mean to stop it.
            intake.TakeOrder(order.value_or(Event::kStop));
            if (!order)
              return InputError(
                  "", "the operator's word '" + text.data + "' is none of stop, reset, arm, resume, disarm: it stops");
            return {};
          }));
    }
    if (!wiring_.stop.empty()) {
      operators_.push_back(topics_.size());
      VLAQ_RETURN_IF_ERROR(
          Listen(wiring_.stop, msg::Bool::kType, msg::kDefaultQos, [](auto& message, Intake& intake) -> Status {
            VLAQ_ASSIGN_OR_RETURN(const auto stop, msg::Decode<msg::Bool>(message.cdr()));
            if (stop.data) intake.TakeOrder(Event::kStop);
            return {};
          }));
    }
    return {};
  }

  Time ArrivalOf(const msg::ReceivedMessage& message) const {
    return simulated_now_ != nullptr ? *simulated_now_ : LoopTime(message.received());
  }

  Status TakeSensor(size_t index, const SensorTopic& topic, msg::ReceivedMessage& message, Intake& intake) {
    const Time arrived = ArrivalOf(message);
    VLAQ_ASSIGN_OR_RETURN(const Sensed sensed, ReadSensor(topic, message.cdr(), arrived));
    intake.Take(index, sensed.value, sensed.stamp, arrived);
    return {};
  }

  void TakeAll(Topic& topic, Intake& intake) {
    while (auto message = topic.newest_only ? topic.subscription->TakeNewest() : topic.subscription->Take()) {
      const Status taken = topic.take(*message, intake);
      // The same complaint at the rate of a camera would bury all others.
      if (!taken.ok() && complaints_.insert(topic.subscription->topic() + taken.error().ToString()).second) {
        log_.Warning(Within(topic.subscription->topic(), taken.error()).ToString());
      }
      if (topic.newest_only) return;
    }
  }

  // SAFE-08: an operator who was there and is gone has stopped it.
  void WatchPeople(Intake& intake) {
    bool there = false;
    for (const size_t index : operators_) there = there || topics_[index].subscription->publishers() > 0;
    if (operator_was_there_ && !there) intake.TakeOrder(Event::kStop);
    operator_was_there_ = there;
    intake.SetOperatorThere(there);
  }

  Wiring wiring_;
  Settings settings_;
  std::unique_ptr<msg::Node> node_;
  Log& log_;
  const Time* simulated_now_ = nullptr;
  std::unique_ptr<Sender> sender_;
  std::vector<Topic> topics_;
  std::vector<size_t> operators_;  // of topics_, those that can stop it
  bool operator_was_there_ = false;
  std::set<std::string> complaints_;
  Command last_;  // the tick's, until the loop ends
};

}  // namespace

Result<std::unique_ptr<Robot>> OpenRos2Robot(const Wiring& wiring, const Settings& settings, const Ros2Options& options,
                                             Log& log) {
  // What is begun here inherits it: DDS's threads, and the one that sends.
  VLAQ_ASSIGN_OR_RETURN(const auto raised, RaisedPriority::Raise(options.priority));
  VLAQ_ASSIGN_OR_RETURN(auto node, msg::Node::Open(options.node));
  auto robot = std::make_unique<Ros2Robot>(wiring, settings, std::move(node), log);
  VLAQ_RETURN_IF_ERROR(robot->Open(options));
  return std::unique_ptr<Robot>(std::move(robot));
}

}  // namespace vlaq::robot::ros2
