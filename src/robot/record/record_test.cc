#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"
#include "mcap/reader.h"
#include "mcap/writer.h"
#include "robot/loop.h"
#include "robot/record/messages.h"
#include "robot/record/recording.h"
#include "robot/record/replay.h"
#include "robot/testing.h"

namespace vlaq::robot::record {
namespace {

using ::testing::HasSubstr;

// What it computes depends on every picture since the reset, as a policy with memory does.
class Remembering : public FakeInference {
 public:
  float scale = 1;
  Status Reset(const std::string& told) override {
    sum_ = told.empty() ? sum_ * 0 : 0.125F;
    return FakeInference::Reset(told);
  }
  Result<Tensor> Step(const Observation& observation) override {
    for (const auto& [name, tensor] : observation) {
      if (tensor.dtype() == DType::kU8) sum_ += static_cast<float>(tensor.data<uint8_t>()[0]) * 0.001F;
      if (tensor.dtype() == DType::kF32 && tensor.size() > 0) sum_ += tensor.data<float>()[0];
    }
    if (fails_at >= 0 && count_++ == fails_at) return Error{ErrorCode::kBackend, "broke", "", ""};
    return Actions(scale * std::sin(sum_));
  }
  int fails_at = -1;

 private:
  float sum_ = 0;
  int count_ = 0;
};

class RecordTest : public ::testing::Test {
 protected:
  std::filesystem::path File() const { return folder_.path() / "drive.mcap"; }

  // A drive with a bit of everything, recorded.
  void Drive(bool images = true, int fails_at = -1) {
    Settings settings = TestSettings();
    settings.timing.chunk_rule = ChunkRule::kMerge;
    settings.timing.inference_period_ms = 20;
    settings.axes[0].max_rate = 3;
    settings.sensors.push_back({.feature = "observation.state", .image = false});
    FakeRobot robot;
    robot.also = [](Time now, Intake& intake) {
      const std::array<float, 2> state{static_cast<float>(now) * 1e-9F, 0.1F};
      intake.Take(1, Tensor::From<float>({2}, state), now + 1, now);
      intake.TakeRange(now == 0 ? std::numeric_limits<double>::infinity() : 1.5, now);
      if (now == 500 * kMillisecond) intake.TakeOrder(Event::kStop);
      if (now == 520 * kMillisecond) intake.TakeOrder(Event::kReset);
      if (now == 540 * kMillisecond) intake.TakeOrder(Event::kResume);
      if (now == 800 * kMillisecond) intake.TakeTask("another");
    };
    Remembering inference;
    inference.fails_at = fails_at;
    auto recording =
        Recording::Create(File(), settings, 5, {.images = images, .about = {{"bundle", "policy"}}}, SilentLog());
    ASSERT_TRUE(recording.ok()) << recording.error().ToString();
    auto loop = Loop::Make(settings, TestAction(), inference, robot, recording->get());
    ASSERT_TRUE(loop.ok());
    const auto summary =
        (*loop)->RunInSimulatedTime({.arm = true, .duration = kSecond, .simulated_latency = 15 * kMillisecond});
    ASSERT_TRUE(summary.ok());
    ASSERT_TRUE((*recording)->Close().ok());
  }
  ReplayResult Again(Inference* inference) const {
    const Feature action = TestAction();
    const auto result = Replay(File(), inference, &action);
    EXPECT_TRUE(result.ok()) << result.error().ToString();
    return *result;
  }
  TemporaryFolder folder_;
};

TEST_F(RecordTest, GivesTheSameCommandsAndActionsAgain) {
  Drive();
  Remembering inference;
  const ReplayResult result = Again(&inference);
  EXPECT_EQ(result.ticks, 101U);
  EXPECT_EQ(result.different_ticks, 0U) << result.first_difference;
  EXPECT_GE(result.steps, 20U);
  EXPECT_EQ(result.different_steps, 0U) << result.first_difference;
  EXPECT_EQ(result.largest_difference, 0);
  EXPECT_GT(result.states.at("RUN"), 50U);
  EXPECT_EQ(result.states.at("ESTOP"), 2U);
  EXPECT_TRUE(result.damage.empty());
  EXPECT_EQ(ReadAbout(File())->at("bundle"), "policy");
}

TEST_F(RecordTest, AnotherPolicyIsNoticed) {
  Drive();
  Remembering inference;
  inference.scale = 1.001F;
  const ReplayResult result = Again(&inference);
  EXPECT_EQ(result.different_steps, result.steps);
  EXPECT_GT(result.largest_difference, 0);
  EXPECT_LT(result.largest_difference, 0.002);
  EXPECT_EQ(result.different_ticks, 0U);  // those follow from the recorded chunks
}

TEST_F(RecordTest, AnErrorIsReplayedAsOne) {
  Drive(true, 9);
  Remembering inference;
  inference.fails_at = 8;  // the step that warmed it up is not in the recording
  EXPECT_EQ(Again(&inference).different_steps, 0U);
  Remembering sound;
  EXPECT_EQ(Again(&sound).different_steps, 1U);
}

TEST_F(RecordTest, WithoutPicturesTheCommandsAreReplayedAlone) {
  Drive(false);
  Remembering inference;
  const ReplayResult result = Again(&inference);
  EXPECT_EQ(result.steps, 0U);
  EXPECT_EQ(result.ticks, 101U);
  EXPECT_EQ(result.different_ticks, 0U);
}

TEST_F(RecordTest, AChangedCommandIsNoticed) {
  Drive();
  std::ifstream in(File(), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  // A digit of one command, in a file whose checksums then do not fit: the chunk is left out and told.
  const size_t at = bytes.find(R"("command":{"x":0.0)", bytes.size() / 3);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 17] = '9';
  std::ofstream(File(), std::ios::binary) << bytes;
  const Feature action = TestAction();
  const auto result = Replay(File(), nullptr, &action);
  if (result.ok()) {
    EXPECT_FALSE(result->damage.empty());
  }
}

TEST_F(RecordTest, WhatACrashLeftIsReplayedUpToItsEnd) {
  Drive();
  const auto size = std::filesystem::file_size(File());
  std::filesystem::resize_file(File(), size / 2);
  const ReplayResult result = Again(nullptr);
  EXPECT_GT(result.ticks, 10U);
  EXPECT_LT(result.ticks, 101U);
  EXPECT_EQ(result.different_ticks, 0U) << result.first_difference;
  EXPECT_FALSE(result.damage.empty());
}

TEST_F(RecordTest, NoRecordingOfOursIsAnError) {
  EXPECT_FALSE(ReadAbout(File()).ok());
  {
    auto writer = mcap::Writer::Create(File());
    ASSERT_TRUE(writer.ok() && writer->Close().ok());
  }
  EXPECT_THAT(ReadAbout(File()).error().ToString(), HasSubstr("drive.mcap"));
  EXPECT_THAT(Replay(File(), nullptr, nullptr).error().ToString(), HasSubstr("no recording of vlaq robot"));
  EXPECT_FALSE(Recording::Create(File(), TestSettings(), 5, {}, SilentLog()).ok());  // it is there already
}

TEST_F(RecordTest, PicturesAreThereAsRosMessages) {
  Drive();
  const auto reader = mcap::Reader::Open(File());
  ASSERT_TRUE(reader.ok());
  bool found = false;
  for (const auto& [id, channel] : reader->info().channels) {
    if (channel.topic != "/vlaq/camera/observation.images.front") continue;
    found = true;
    EXPECT_EQ(channel.message_encoding, "cdr");
    EXPECT_EQ(reader->info().schemas.at(channel.schema_id).name, "sensor_msgs/msg/Image");
    EXPECT_GT(reader->info().statistics.of_channel.at(id), 19U);
  }
  EXPECT_TRUE(found);
}

TEST(MessagesTest, DamagedMessagesAreErrors) {
  const Settings settings = TestSettings();
  EXPECT_FALSE(ParseTick("{}", settings).ok());
  EXPECT_FALSE(ParseTick("nonsense", settings).ok());
  EXPECT_THAT(
      ParseChunk(
          R"({"id": 1, "error": "", "played": true, "observed": 0, "took": 0, "steps": 18446744073709551615, "values": [1]})",
          settings)
          .error()
          .ToString(),
      HasSubstr("values"));
  EXPECT_FALSE(ParseObservation(R"({"task": "", "begins": true, "played": true, "oldest": 0, "newest": 0,
    "sensors": [{"input": "s", "dtype": "float32", "shape": [99999999], "values": [1]}]})")
                   .ok());
  EXPECT_FALSE(ParseAbout(R"({"about": {}, "max_steps": 0})").ok());
}

}  // namespace
}  // namespace vlaq::robot::record
