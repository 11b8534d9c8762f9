// Two processes on this machine; the other one is peer_testing.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "base/child_process.h"
#include "ros2/node_testing.h"

namespace vlaq::ros2 {
namespace {

using testing::Contains;

std::unique_ptr<ChildProcess> StartOther(int domain) {
  auto other = ChildProcess::Start("exec " VLAQ_ROS2_PEER " answer " + std::to_string(domain));
  if (!other.ok()) {
    ADD_FAILURE() << other.error().ToString();
    return nullptr;
  }
  return std::move(*other);
}

TEST(NodePeer, MessagesOfAllSizesGoBothWays) {
  const auto node = OpenNode(DiscoveryRange::kLocalhost);
  const auto questions = Advertised(*node, "/question", String::kType);
  const auto answers = Subscribed(*node, "/answer", String::kType);
  const auto other = StartOther(TestDomain());
  ASSERT_TRUE(other);
  ASSERT_TRUE(Until([&] { return questions->subscribers() == 1 && answers->publishers() == 1; }));
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1300}, size_t{20000}, size_t{300000}}) {  // in fragments, too
    ASSERT_TRUE(questions->Publish(Encode(String{std::to_string(size)})).ok());
    std::optional<ReceivedMessage> answer;
    ASSERT_TRUE(Until([&] { return (answer = answers->Take()).has_value(); })) << size;
    EXPECT_EQ(TextOf(answer).size(), size);
  }
  ASSERT_TRUE(questions->Publish(Encode(String{"end"})).ok());
  EXPECT_TRUE(Until([&] { return answers->publishers() == 0; }));
  EXPECT_THAT(EventsOf(*node, 2), Contains("/answer: 1 publisher gone, 0 left"));
  EXPECT_EQ(answers->malformed(), 0U);
}

TEST(NodePeer, PublishingDoesNotWaitForOneThatHangs) {
  const auto node = OpenNode(DiscoveryRange::kLocalhost);
  const auto questions = Advertised(*node, "/question", String::kType, {1, Reliability::kReliable});
  const auto other = StartOther(TestDomain());
  ASSERT_TRUE(other);
  ASSERT_TRUE(Until([&] { return questions->subscribers() == 1; }));
  ASSERT_EQ(::kill(other->pid(), SIGSTOP), 0);
  const std::vector<std::byte> bytes = Encode(String{std::string(5000, '0')});
  auto longest = std::chrono::steady_clock::duration::zero();
  for (int i = 0; i < 300; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const Status status = questions->Publish(bytes);
    longest = std::max(longest, std::chrono::steady_clock::now() - begin);
    ASSERT_TRUE(status.ok()) << status.error().ToString();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(other->pid(), SIGCONT);
  const double milliseconds = std::chrono::duration<double, std::milli>(longest).count();
  RecordProperty("longest_ms", std::to_string(milliseconds));
  EXPECT_LT(milliseconds, 200) << "a busy machine may take a while, but nothing waits";
}

}  // namespace
}  // namespace vlaq::ros2
