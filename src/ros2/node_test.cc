#include "ros2/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "ros2/node_testing.h"

namespace vlaq::ros2 {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Node, AMessageGoesFromOneToTheOther) {
  const auto sender = OpenNode(DiscoveryRange::kOff, {"/r1", "sender", {{"cmd_vel", "/base/cmd_vel"}}});
  const auto receiver = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*sender, "cmd_vel", Twist::kType);
  const auto subscription = Subscribed(*receiver, "/base/cmd_vel", Twist::kType);
  ASSERT_TRUE(publisher && subscription);
  EXPECT_EQ(publisher->topic(), "/base/cmd_vel");
  ASSERT_TRUE(Until([&] { return publisher->subscribers() == 1 && subscription->publishers() == 1; }));

  EXPECT_FALSE(subscription->Take().has_value());
  const std::vector<std::byte> bytes = Encode(Filled<Twist>());
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(publisher->Publish(bytes).ok());
  ASSERT_TRUE(receiver->Wait(before + std::chrono::seconds(5)));
  std::optional<ReceivedMessage> message = subscription->Take();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(ToHex(message->cdr()), ToHex(bytes));
  EXPECT_GE(message->received(), before);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_NEAR(static_cast<double>(message->source_time_ns()),
              static_cast<double>(std::chrono::nanoseconds(now).count()), 5e9);
  EXPECT_FALSE(subscription->Take().has_value());
  EXPECT_EQ(subscription->malformed(), 0U);
}

TEST(Node, OfADepthOfOneTheNewestIsKept) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*node, "/text", String::kType, {10, Reliability::kReliable});
  const auto newest = Subscribed(*node, "/text", String::kType, kNewestOnly);
  const auto all = Subscribed(*node, "/text", String::kType, {10, Reliability::kReliable});
  ASSERT_TRUE(Until([&] { return publisher->subscribers() == 2; }));
  for (const char* text : {"1", "2", "3", "4"}) ASSERT_TRUE(publisher->Publish(Encode(String{text})).ok());
  ASSERT_TRUE(node->Wait(In(5)));
  EXPECT_EQ(TextOf(newest->Take()), "4");
  EXPECT_EQ(TextOf(newest->Take()), "none");
  EXPECT_EQ(TextOf(all->Take()), "1");
  EXPECT_EQ(TextOf(all->TakeNewest()), "4");
  EXPECT_EQ(TextOf(all->TakeNewest()), "none");
}

TEST(Node, SayWhyReliabilityDoesNotMatch) {
  const auto camera = OpenNode(DiscoveryRange::kOff);
  const auto policy = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*camera, "/camera/image", Image::kType, kNewestOnly);
  const auto subscription = Subscribed(*policy, "/camera/image", Image::kType, kDefaultQos);
  EXPECT_THAT(EventsOf(*policy, 1),
              ElementsAre("/camera/image: a publisher offers best effort, this asks for reliable"));
  EXPECT_THAT(EventsOf(*camera, 1),
              ElementsAre("/camera/image: a subscriber asks for reliable, this offers best effort"));
  EXPECT_EQ(subscription->publishers(), 0);
  EXPECT_TRUE(policy->Events().empty()) << "each is told once";
}

TEST(Node, SayWhyTypesDoNotMatch) {
  const auto camera = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*camera, "/camera/image", String::kType);
  const auto policy = OpenNode(DiscoveryRange::kOff);
  const auto subscription = Subscribed(*policy, "/camera/image", Image::kType);
  EXPECT_THAT(EventsOf(*policy, 1),
              ElementsAre("/camera/image: a publisher has type std_msgs/msg/String, this has sensor_msgs/msg/Image"));
  EXPECT_THAT(EventsOf(*camera, 1),
              ElementsAre("/camera/image: a subscriber has type sensor_msgs/msg/Image, this has std_msgs/msg/String"));
}

TEST(Node, SayWhoComesAndGoes) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto subscription = Subscribed(*node, "/text", String::kType);
  {
    const auto other = OpenNode(DiscoveryRange::kOff);
    const auto publisher = Advertised(*other, "/text", String::kType);
    EXPECT_THAT(EventsOf(*node, 1), ElementsAre("/text: 1 publisher now"));
    EXPECT_EQ(subscription->publishers(), 1);
  }
  EXPECT_THAT(EventsOf(*node, 1), ElementsAre("/text: 1 publisher gone, 0 left"));
  EXPECT_EQ(subscription->publishers(), 0);
  EXPECT_EQ(TextOf(subscription->Take()), "none");
}

TEST(Node, WakesFromAnotherThread) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  EXPECT_FALSE(node->Wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    node->Wake();
  });
  EXPECT_TRUE(node->Wait(In(5)));
  waker.join();
  EXPECT_FALSE(node->Wait(std::chrono::steady_clock::now())) << "once";
  node->Wake();
  EXPECT_TRUE(node->Wait(std::chrono::steady_clock::now())) << "also before";
}

TEST(Node, PublishesAndTakesOnDifferentThreads) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*node, "/cmd_vel", Twist::kType);
  const auto subscription = Subscribed(*node, "/cmd_vel", Twist::kType, kNewestOnly);
  ASSERT_TRUE(Until([&] { return publisher->subscribers() == 1; }));
  constexpr int kMessages = 500;
  std::thread sender([&] {
    for (int i = 1; i <= kMessages; ++i) {
      const Twist twist{{static_cast<double>(i), 0, 0}, {}};
      EXPECT_TRUE(publisher->Publish(Encode(twist)).ok());
    }
  });
  double last = 0;
  const auto deadline = In(10);
  while (last < kMessages && node->Wait(deadline)) {
    const std::optional<ReceivedMessage> message = subscription->TakeNewest();
    if (!message) continue;
    const Result<Twist> twist = Decode<Twist>(message->cdr());
    ASSERT_TRUE(twist.ok());
    EXPECT_GT(twist->linear.x, last);
    last = twist->linear.x;
  }
  sender.join();
  EXPECT_EQ(last, kMessages);
}

TEST(Node, PublishingDoesNotWaitForOneThatNeverTakes) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*node, "/text", String::kType, {1, Reliability::kReliable});
  const auto subscription = Subscribed(*node, "/text", String::kType, {1, Reliability::kReliable});
  ASSERT_TRUE(Until([&] { return publisher->subscribers() == 1; }));
  const std::vector<std::byte> bytes = Encode(String{std::string(20000, 'x')});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(publisher->Publish(bytes).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Node, MessagesOutliveIt) {
  std::optional<ReceivedMessage> message;
  {
    auto node = OpenNode(DiscoveryRange::kOff);
    const auto publisher = Advertised(*node, "/text", String::kType);
    const auto subscription = Subscribed(*node, "/text", String::kType);
    node.reset();  // its publishers and subscriptions stay
    ASSERT_TRUE(Until([&] { return publisher->subscribers() == 1; }));
    ASSERT_TRUE(publisher->Publish(Encode(String{"still here"})).ok());
    ASSERT_TRUE(Until([&] { return (message = subscription->Take()).has_value(); }));
  }
  EXPECT_EQ(TextOf(std::move(message)), "still here");
}

TEST(Node, OtherTypesPassUnchecked) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto publisher = Advertised(*node, "/wrench", "geometry_msgs/msg/Wrench");
  const auto subscription = Subscribed(*node, "/wrench", "geometry_msgs/msg/Wrench");
  ASSERT_TRUE(Until([&] { return publisher->subscribers() == 1; }));
  const std::vector<std::byte> bytes = FromHex("00010000 0102030405");
  ASSERT_TRUE(publisher->Publish(bytes).ok());
  ASSERT_TRUE(node->Wait(In(5)));
  EXPECT_EQ(ToHex(subscription->Take()->cdr()), ToHex(bytes));
}

TEST(Node, WrongUseIsAnError) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  EXPECT_EQ(node->Advertise("/a b", Twist::kType, {}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(node->Subscribe("/a", "Twist", {}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(node->Subscribe("/a", Twist::kType, {0, Reliability::kReliable}).error().code, ErrorCode::kUsage);
  const auto publisher = Advertised(*node, "/text", String::kType);
  EXPECT_THAT(publisher->Publish(FromHex("00010000 05000000 41")).error().ToString(), HasSubstr("data: byte 8"));
  EXPECT_FALSE(publisher->Publish({}).ok());

  NodeOptions options;
  options.discovery = {TestDomain(), DiscoveryRange::kLocalhost, {}, ""};
  const auto other = Node::Open(options);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().ToString(), HasSubstr("with other settings"));
  options.discovery.domain = 300;
  EXPECT_EQ(Node::Open(options).error().code, ErrorCode::kUsage);
  options.discovery.domain = 0;
  options.names.node_name = "a b";
  EXPECT_EQ(Node::Open(options).error().code, ErrorCode::kUsage);
  options.names.node_name = "a";
  options.library = "/nowhere/libddsc.so";
  EXPECT_EQ(Node::Open(options).error().code, ErrorCode::kBackend);
}

TEST(Node, DomainsAboveTheUsualAreWarnedOf) {
  NodeOptions options;
  options.discovery = {110, DiscoveryRange::kOff, {}, ""};
  const auto node = Node::Open(options);
  ASSERT_TRUE(node.ok()) << node.error().ToString();
  EXPECT_THAT((*node)->Events(), ElementsAre(HasSubstr("domain 110 is above 101")));
}

}  // namespace
}  // namespace vlaq::ros2
