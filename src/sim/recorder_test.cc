#include "sim/recorder.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/testing.h"
#include "data/episode.h"
#include "data/writer.h"

namespace vlaq::sim {
namespace {

std::vector<data::Command> CommandsOf(const data::Episode& episode) {
  const auto all = episode.ReadAll(data::kAction);
  std::vector<data::Command> commands;
  if (!all.ok()) return commands;
  const auto values = all->data<float>();
  for (size_t i = 0; i + 2 < values.size(); i += 3) commands.push_back({values[i], values[i + 1], values[i + 2]});
  return commands;
}

class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = World::Unavailable()) GTEST_SKIP() << *why;
  }

  static RecordOptions Small() {
    RecordOptions options;
    options.world.width = 64;
    options.world.height = 36;
    return options;
  }

  Recording Record(const RecordOptions& options, uint64_t seed, const std::string& folder = "") {
    auto recorder = Recorder::Open(options);
    EXPECT_TRUE(recorder.ok());
    const auto path = folder_.path() / folder;
    std::filesystem::create_directories(path);
    auto recording = recorder->Record(seed, path, Existing::kRefuse);
    EXPECT_TRUE(recording.ok()) << (recording.ok() ? "" : recording.error().ToString());
    return recording.ok() ? *recording : Recording{};
  }

  TemporaryFolder folder_;
};

bool IsBlack(const image::Image& frame) { return *std::ranges::max_element(frame.rgb) == 0; }

TEST_F(RecorderTest, WritesWhatTheReaderReads) {
  const Recording recording = Record(Small(), 21);
  EXPECT_TRUE(recording.succeeded);
  const auto episode = data::Episode::Open(recording.path);
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  const Layout layout = MakeLayout(21);
  EXPECT_EQ((*episode)->length(), recording.steps);
  EXPECT_EQ((*episode)->task(), layout.instruction);
  EXPECT_EQ((*episode)->streams().front().shape, (Shape{36, 64, 3}));
  for (const data::Command& command : CommandsOf(**episode)) {
    EXPECT_LE(std::hypot(command[0], command[1]), kMaxSpeed + 1e-5);
    EXPECT_EQ(command[2], 0);
  }
  EXPECT_EQ((*episode)->events().front(), "episode_start");
  EXPECT_EQ((*episode)->timing().source, data::TimeSource::kTimeStamps);
  EXPECT_FALSE((*episode)->timing().wrong);
  EXPECT_NEAR(*(*episode)->timing().SecondsAt(3), 3 * kControlPeriod, 1e-12);
}

TEST_F(RecorderTest, TheSameSeedGivesTheSameEpisode) {
  const Recording a = Record(Small(), 4, "a");
  const Recording b = Record(Small(), 4, "b");
  const auto hash = [](const Recording& r) { return *(*data::Episode::Open(r.path))->ContentHash(); };
  EXPECT_EQ(hash(a), hash(b));
  EXPECT_NE(hash(a), hash(Record(Small(), 5)));
}

TEST_F(RecorderTest, PerturbationsLeaveTheWayButNotTheLabels) {
  RecordOptions perturbed = Small();
  perturbed.perturb = true;
  const Recording plain = Record(Small(), 31, "plain");
  const Recording pushed = Record(perturbed, 31, "pushed");
  const auto a = data::Episode::Open(plain.path);
  const auto b = data::Episode::Open(pushed.path);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(CommandsOf(**a), CommandsOf(**b));
  // The expert's label stays a clean command: at most the full speed, whatever was driven.
  for (const data::Command& command : CommandsOf(**b)) {
    EXPECT_LE(std::hypot(command[0], command[1]), kMaxSpeed + 1e-5);
  }
}

// A pilot that stands still and remembers what it was shown.
class Idler : public Pilot {
 public:
  Status Begin(const std::string& told) override {
    instruction = told;
    return {};
  }
  Result<Velocity> Command(const image::ImageView& frame) override {
    black += std::ranges::all_of(frame.rgb, [](uint8_t v) { return v == 0; }) ? 1 : 0;
    return Velocity{};
  }
  std::string instruction;
  int black = 0;
};

TEST_F(RecorderTest, APilotDrivesAndTheExpertLabels) {
  Idler pilot;
  RecordOptions options = Small();
  options.pilot = &pilot;
  options.world.frame_loss = false;
  const Recording recording = Record(options, 8);
  EXPECT_EQ(recording.steps, kMaxSteps);
  EXPECT_FALSE(recording.succeeded);
  EXPECT_EQ(pilot.instruction, MakeLayout(8).instruction);
  EXPECT_GT(pilot.black, 0);  // the pilot's camera drops out,
  const auto episode = data::Episode::Open(recording.path);
  ASSERT_TRUE(episode.ok());
  for (int64_t t = 0; t < (*episode)->length(); ++t)
    EXPECT_FALSE(IsBlack(*(*episode)->ReadFrame(t))) << t;  // not the file
  EXPECT_GT(CommandsOf(**episode).front()[0], 0.3);
}

TEST_F(RecorderTest, DoesNotOverwriteUnasked) {
  const Recording recording = Record(Small(), 2);
  auto recorder = Recorder::Open(Small());
  ASSERT_TRUE(recorder.ok());
  EXPECT_EQ(recorder->Record(2, recording.path.parent_path(), Existing::kRefuse).error().code, ErrorCode::kUsage);
  EXPECT_TRUE(recorder->Record(2, recording.path.parent_path(), Existing::kReplace).ok());
}

}  // namespace
}  // namespace vlaq::sim
