// vlaq robot as its users see it. What its loop does in detail is tested beside it (src/robot).
#include <unistd.h>

#include <functional>

#include "base/run_program.h"
#include "data/testing.h"
#include "program.h"
#include "ros2/node.h"
#include "sim/world.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RobotTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    MakeTinyBundle(Folder(), "policy");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::filesystem::path Folder() { return folder_->path(); }
  static std::string Bundle() { return (Folder() / "policy").string(); }
  // robot.json as it is proposed, with `change` made to it.
  static std::string Settings(const std::function<void(Json&)>& change) {
    Json document = Vlaq({"robot", Bundle(), "--propose"}).json();
    change(document);
    const std::filesystem::path path = Folder() / "robot.json";
    Overwrite(path, document.dump());
    return path.string();
  }

 private:
  static TemporaryFolder* folder_;
};
TemporaryFolder* RobotTest::folder_ = nullptr;

TEST_F(RobotTest, ProposesAFileThatItTakes) {
  const Ran ran = Vlaq({"robot", Bundle(), "--propose"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json document = ran.json();
  EXPECT_EQ(document.at("schema"), "vlaq.robot/1");
  EXPECT_EQ(document.at("axes").size(), 2U);
  EXPECT_EQ(document.at("ros2").at("commands").at("topic"), "/cmd_vel");
}

TEST_F(RobotTest, DrivesEpisodesAndReplaysTheDrive) {
  const RecordedSides episodes{.count = 2, .shortest = 4};
  const std::string recorded = episodes.In(Folder() / "episodes");
  const std::string file = (Folder() / "drive.mcap").string();
  const Ran ran = Vlaq({"robot", Bundle(), "--episodes", recorded + "/e0.h5", "--record", file, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json drive = ran.json().at("drives").at(0);
  EXPECT_GT(drive.at("inferences").get<int>(), 3);
  EXPECT_EQ(drive.at("failed_inferences"), 0);
  for (const auto& [axis, value] : drive.at("last_command").items()) EXPECT_EQ(value, 0) << axis;

  const Ran again = Vlaq({"robot", Bundle(), "--replay", file, "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.json().at("different_ticks"), 0);
  EXPECT_EQ(again.json().at("different_steps"), 0);
  EXPECT_EQ(again.json().at("ticks"), drive.at("ticks"));

  MakeTinyBundle(Folder(), "other", 2);
  const Ran other = Vlaq({"robot", (Folder() / "other").string(), "--replay", file});
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, HasSubstr("the replay differs"));
  EXPECT_THAT(other.out, HasSubstr("give other actions"));
  // The recording is not written over.
  EXPECT_EQ(Vlaq({"robot", Bundle(), "--episodes", recorded, "--record", file}).exit_code, 2);
}

TEST_F(RobotTest, WhatDoesNotFitIsSaidBeforeAnythingRuns) {
  ExpectUsage({"robot", Bundle()}, "--ros2, --sim, --episodes DIR");
  ExpectUsage({"robot", Bundle(), "--ros2", "--sim"}, "two things");
  ExpectUsage({"robot", Bundle(), "--ros2", "--arm"}, "--propose > robot.json");
  const std::string recorded = RecordedSides{}.In(Folder() / "one");
  const std::string dry = Settings([](Json& json) {
    json["timing"].erase("on_empty");
    json["timing"]["action_period_ms"] = 20;
  });
  ExpectUsage({"robot", Bundle(), "--episodes", recorded, "--settings", dry}, "on_empty");
  const std::string axis = Settings([](Json& json) { json["axes"][0]["from"] = "elbow"; });
  ExpectUsage({"robot", Bundle(), "--episodes", recorded, "--settings", axis}, "'elbow'");
  const Ran misspelt = Vlaq({"robot", Bundle(), "--episodes", recorded, "--settings",
                             Settings([](Json& json) { json["safty"] = Json::object(); })});
  EXPECT_EQ(misspelt.exit_code, 3);
  EXPECT_THAT(misspelt.err, AllOf(HasSubstr("robot.json"), HasSubstr("safety")));
  const Ran no_recording = Vlaq({"robot", Bundle(), "--replay", Bundle() + "/policy.json"});
  EXPECT_EQ(no_recording.exit_code, 3);
}

// The program itself, since its second process is it.
TEST_F(RobotTest, ByTheClockAProcessOfItsOwnComputesForEveryEpisode) {
  const std::string recorded = RecordedSides{.count = 2, .shortest = 3}.In(Folder() / "live");
  const auto ran = RunProgram({VLAQ_PROGRAM, "robot", Bundle(), "--episodes", recorded, "--real-time", "--json"}, 60);
  ASSERT_TRUE(ran.ok());
  ASSERT_EQ(ran->exit_code, 0) << ran->output;
  EXPECT_THAT(ran->output, HasSubstr("inference runs in process"));
  const Json document = Json::parse(ran->output.substr(ran->output.find('{')));
  ASSERT_EQ(document.at("drives").size(), 2U);
  for (const Json& drive : document.at("drives")) {
    EXPECT_GE(drive.at("inferences").get<int>(), 3);
    EXPECT_EQ(drive.at("failed_inferences"), 0);
  }
}

TEST_F(RobotTest, DrivesTheSimulatedBaseThroughTopics) {
  if (sim::World::Unavailable() || ros2::Node::Unavailable()) GTEST_SKIP() << "no simulator or no Cyclone DDS";
  const std::string strips = (Folder() / "strips").string();
  const std::string domain = std::to_string(10 + static_cast<int>(::getpid() % 90));
  const Ran ran = Vlaq({"robot", Bundle(), "--sim", "--rollouts", "2", "--camera-size", "32x32", "--domain", domain,
                        "--strips", strips, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json document = ran.json();
  ASSERT_EQ(document.at("drives").size(), 2U);
  EXPECT_EQ(document.at("drives").at(0).at("name"), "5000000");
  EXPECT_TRUE(document.at("drives").at(1).contains("succeeded"));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(strips)) files += entry.is_regular_file() ? 1U : 0U;
  EXPECT_EQ(files, 6U);
}

}  // namespace
}  // namespace vlaq
