// Peers that send what is no message of the type, which no publisher of ours does, so DDS itself is asked to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "ros2/dds_participant.h"
#include "ros2/names.h"
#include "ros2/node_testing.h"

namespace vlaq::ros2 {
namespace {

using testing::ElementsAre;

// A writer of a topic that sends any bytes under the name of `type`.
class RawWriter {
 public:
  RawWriter(const std::string& topic, std::string_view type) {
    auto participant = OpenParticipant({TestDomain(), DiscoveryRange::kOff, {}, ""});
    if (!participant.ok()) return;
    participant_ = *participant;
    auto made = MakeTopic(*participant_, DdsTopicName(topic), *DdsTypeName(type), nullptr);
    if (!made.ok()) return;
    topic_ = std::move(*made);
    writer_ = DdsEntity(
        Dds().dds_create_writer(participant_->entity.get(), topic_.entity.get(), MakeQos(kDefaultQos).get(), nullptr));
  }
  bool Write(Bytes bytes) {
    ddsi_serdata* sample = MakeRawSample(*topic_.type, bytes);
    return sample != nullptr && Dds().dds_writecdr(writer_.get(), sample) == 0;
  }

 private:
  std::shared_ptr<Participant> participant_;
  DdsTopic topic_;
  DdsEntity writer_;
};

TEST(RawWriter, MalformedMessagesAreCountedAndDropped) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto subscription = Subscribed(*node, "/camera/image", Image::kType, {1, Reliability::kReliable});
  RawWriter writer("/camera/image", Image::kType);
  ASSERT_TRUE(Until([&] { return subscription->publishers() == 1; }));
  EXPECT_THAT(EventsOf(*node, 1), ElementsAre("/camera/image: 1 publisher now"));

  const std::vector<std::byte> good = Encode(Filled<Image>());
  ASSERT_TRUE(writer.Write(good));
  Random random(7);
  constexpr uint64_t kMessages = 1000;
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < kMessages; ++i) {
    std::vector<std::byte> bad = good;
    bad.resize(4 + random.Below(good.size() - 8));
    for (size_t at = 4; at < bad.size(); at += 1 + random.Below(20))
      bad[at] = static_cast<std::byte>(random.Below(256));
    ASSERT_TRUE(writer.Write(bad));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_EQ(subscription->malformed(), kMessages);
  EXPECT_THAT(node->Events(), ElementsAre("/camera/image: 1000 messages dropped: not of type sensor_msgs/msg/Image"));

  // None of them has taken the place of the good one, of which there is room for one.
  const std::optional<ReceivedMessage> message = subscription->Take();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(ToHex(message->cdr()), ToHex(good));
}

TEST(RawWriter, BytesOfOtherVersionsOfCdrAreMalformed) {
  const auto node = OpenNode(DiscoveryRange::kOff);
  const auto subscription = Subscribed(*node, "/flag", Bool::kType);
  RawWriter writer("/flag", Bool::kType);
  ASSERT_TRUE(Until([&] { return subscription->publishers() == 1; }));
  ASSERT_TRUE(writer.Write(FromHex("00070000 01")));
  ASSERT_TRUE(writer.Write(FromHex("00010000 01")));
  ASSERT_TRUE(node->Wait(In(5)));
  EXPECT_EQ(subscription->malformed(), 1U);
  EXPECT_TRUE(subscription->Take().has_value());
}

}  // namespace
}  // namespace vlaq::ros2
