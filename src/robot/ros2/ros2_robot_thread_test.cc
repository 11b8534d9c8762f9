// The control loop through DDS, with another node as the robot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "robot/loop.h"
#include "robot/ros2/ros2_robot.h"
#include "robot/testing.h"
#include "ros2/node_testing.h"
#include "ros2/stamp.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;
using ::testing::Contains;
using ::testing::HasSubstr;

class KeepingLog : public Log {
 public:
  void Warning(std::string_view text) override { Keep(text); }
  void Note(std::string_view text) override { Keep(text); }
  void Progress(std::string_view, uint64_t, uint64_t) override {}
  std::vector<std::string> lines() {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 private:
  void Keep(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    lines_.emplace_back(text);
  }
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

Wiring BaseWiring() {
  Wiring wiring;
  wiring.sensors["observation.images.front"] = {"/camera/image_raw", std::string(msg::Image::kType), {}};
  wiring.operator_orders = "/vlaq/operator";
  wiring.task = "/task";
  return wiring;
}

class Ros2RobotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = msg::Node::Unavailable()) GTEST_SKIP() << *missing;
    base_ = msg::OpenNode(msg::DiscoveryRange::kOff);
    ASSERT_NE(base_, nullptr);
  }

  void Open(bool armed) {
    Ros2Options options;
    options.node.discovery = {msg::TestDomain(), msg::DiscoveryRange::kOff, {}, ""};
    options.armed = armed;
    auto robot = OpenRos2Robot(wiring_, settings_, options, log_);
    ASSERT_TRUE(robot.ok()) << robot.error().ToString();
    robot_ = std::move(*robot);
    camera_ = msg::Advertised(*base_, "/camera/image_raw", msg::Image::kType, {5, msg::Reliability::kBestEffort});
    commands_ = msg::Subscribed(*base_, armed ? "/cmd_vel" : "/vlaq/shadow/cmd_vel", msg::Twist::kType,
                                {100, msg::Reliability::kReliable});
    orders_ = msg::Advertised(*base_, "/vlaq/operator", msg::String::kType);
    task_ = msg::Advertised(*base_, "/task", msg::String::kType);
  }

  void Shoot() {
    ++pictures_;
    ShootWith(*camera_, TestPicture(pictures_));
    if (wrist_ != nullptr) ShootWith(*wrist_, TestPicture(pictures_ + 7).Reshaped({2, 8, 3}));
  }
  void ShootWith(msg::Publisher& camera, const Tensor& picture) {
    msg::Image image;
    image.header.stamp = msg::TimeOf(static_cast<int64_t>(pictures_) * kMillisecond);
    image.height = static_cast<uint32_t>(picture.shape()[0]);
    image.width = static_cast<uint32_t>(picture.shape()[1]);
    image.encoding = "rgb8";
    image.step = 3 * image.width;
    image.data = picture.bytes();
    ASSERT_TRUE(camera.Publish(msg::Encode(image)).ok());
  }
  void Say(msg::Publisher& topic, const std::string& word) {
    ASSERT_TRUE(topic.Publish(msg::Encode(msg::String{word})).ok());
  }

  // The loop on its own threads while `live` runs on this one.
  Result<LoopSummary> Drive(LoopOptions options, const std::function<void()>& live) {
    auto loop = Loop::Make(settings_, TestAction(), inference_, *robot_, nullptr);
    EXPECT_TRUE(loop.ok()) << loop.error().ToString();
    Result<LoopSummary> summary = LoopSummary();
    std::thread driver([&] { summary = (*loop)->RunInRealTime(options, stop_); });
    live();
    stop_ = true;
    driver.join();
    return summary;
  }
  // Pictures until a command for which `is_so`, or ten seconds have passed.
  bool ShootUntil(const std::function<bool(double x)>& is_so) {
    return msg::Until([&] {
      Shoot();
      std::this_thread::sleep_for(std::chrono::milliseconds(15));
      while (const auto message = commands_->Take()) {
        last_x_ = msg::Decode<msg::Twist>(message->cdr())->linear.x;
        if (is_so(last_x_)) return true;
      }
      return false;
    });
  }

  Settings settings_ = TestSettings();
  Wiring wiring_ = BaseWiring();
  KeepingLog log_;
  FakeInference inference_;
  std::unique_ptr<msg::Node> base_;
  std::unique_ptr<Robot> robot_;
  std::unique_ptr<msg::Publisher> camera_, wrist_, orders_, task_;
  std::unique_ptr<msg::Subscription> commands_;
  std::atomic<bool> stop_ = false;
  uint64_t pictures_ = 0;
  double last_x_ = 0;
};

TEST_F(Ros2RobotTest, PicturesBecomeCommandsAndTheLastOneIsZero) {
  Open(true);
  const auto summary = Drive({.arm = true}, [this] { EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; })); });
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  while (const auto message = commands_->Take()) last_x_ = msg::Decode<msg::Twist>(message->cdr())->linear.x;
  EXPECT_EQ(last_x_, 0);
}

TEST_F(Ros2RobotTest, SeveralCamerasMakeOneObservationAndTheLossOfAnyStops) {
  settings_.sensors.push_back({.feature = "observation.images.wrist"});
  wiring_.sensors["observation.images.wrist"] = {"/wrist/image_raw", std::string(msg::Image::kType), {}};
  std::mutex mutex;
  std::vector<std::pair<Shape, Shape>> seen;
  inference_.look = [&](const Observation& observation) {
    if (observation.empty()) return;  // the warm-up
    const std::scoped_lock lock(mutex);
    seen.emplace_back(observation.at("observation.images.front").shape(),
                      observation.at("observation.images.wrist").shape());
  };
  Open(true);
  const auto summary = Drive({.arm = true}, [&] {
    for (int i = 0; i < 10; ++i) {
      Shoot();
      std::this_thread::sleep_for(std::chrono::milliseconds(15));
    }
    {
      const std::scoped_lock lock(mutex);
      EXPECT_TRUE(seen.empty());  // one camera is silent
    }
    wrist_ = msg::Advertised(*base_, "/wrist/image_raw", msg::Image::kType, {5, msg::Reliability::kBestEffort});
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    wrist_.reset();
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0; }));
  });
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  EXPECT_TRUE(summary->reasons.Has(Reason::kOldObservation)) << summary->reasons.ToString();
  ASSERT_FALSE(seen.empty());
  for (const auto& [front, wrist] : seen) {
    EXPECT_EQ(front, Shape({4, 4, 3}));
    EXPECT_EQ(wrist, Shape({2, 8, 3}));
  }
}

TEST_F(Ros2RobotTest, UnlessItIsArmedTheRealTopicStaysSilent) {
  Open(false);
  const auto real = msg::Subscribed(*base_, "/cmd_vel", msg::Twist::kType);
  ASSERT_TRUE(Drive({.arm = true}, [this] { EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; })); }).ok());
  EXPECT_FALSE(real->Take());
}

TEST_F(Ros2RobotTest, TheOperatorStopsAndHisLossDoesToo) {
  Open(true);
  const auto summary = Drive({.arm = true}, [this] {
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    Say(*orders_, "stop");
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0; }));
    Say(*orders_, "reset");
    Say(*orders_, "resume");
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    orders_.reset();
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0; }));
  });
  EXPECT_EQ(summary->state, State::kEstop);
}

TEST_F(Ros2RobotTest, AWordThatNobodyUnderstandsStops) {
  Open(true);
  const auto summary = Drive({.arm = true}, [this] {
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    Say(*orders_, "halt!");
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0; }));
  });
  EXPECT_EQ(summary->state, State::kEstop);
  EXPECT_THAT(log_.lines(), Contains(HasSubstr("halt!")));
}

TEST_F(Ros2RobotTest, ATaskReachesThePolicy) {
  Open(true);
  const auto summary = Drive({.arm = true}, [this] {
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    Say(*task_, "go right");
    EXPECT_TRUE(msg::Until([this] {
      Shoot();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return inference_.resets >= 3;
    }));
  });
  EXPECT_TRUE(summary.ok());
  EXPECT_EQ(inference_.task, "go right");
}

TEST_F(Ros2RobotTest, WithoutAListenerItStopsIfOneIsRequired) {
  settings_.safety.peer_required = true;
  Open(true);
  const auto summary = Drive({.arm = true}, [this] {
    EXPECT_TRUE(ShootUntil([](double x) { return x == 0.5; }));
    commands_.reset();
    EXPECT_TRUE(msg::Until([this] {
      Shoot();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return std::ranges::any_of(log_.lines(),
                                 [](const std::string& line) { return line.find("/cmd_vel") != std::string::npos; });
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  });
  EXPECT_TRUE(summary->reasons.Has(Reason::kPeerGone));
}

TEST_F(Ros2RobotTest, PicturesThatAreNoneAreToldAndNotUsed) {
  Open(true);
  const auto summary = Drive({.arm = true, .duration = 400 * kMillisecond}, [this] {
    msg::Image image;
    image.encoding = "yuv422";
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(camera_->Publish(msg::Encode(image)).ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_EQ(summary->state, State::kDisarmed);
  EXPECT_THAT(log_.lines(), Contains(HasSubstr("0 x 0 pixels")));
}

}  // namespace
}  // namespace vlaq::robot::ros2
