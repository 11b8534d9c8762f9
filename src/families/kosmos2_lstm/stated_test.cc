#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::kosmos2_lstm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Metadata of a .safetensors file, which reaches ReadStated as a trainer's args do.
class StatedTest : public ::testing::Test {
 protected:
  families::StatedSettings Read(const std::map<std::string, std::string>& metadata) {
    const auto path = folder_.path() / "m.safetensors";
    testing::WriteSafetensors(path, {{"w", testing::RandomTensor({1}, 1, 1)}}, metadata);
    const auto checkpoint = checkpoint::Checkpoint::Open(path);
    EXPECT_TRUE(checkpoint.ok());
    return Kosmos2Lstm().ReadStated(**checkpoint);
  }
  std::vector<std::string> Known(const std::map<std::string, std::string>& metadata) {
    std::vector<std::string> lines;
    for (const families::Stated& row : Read(metadata).known)
      lines.push_back(row.key + "=" + row.value + " @" + row.place);
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(StatedTest, NamesOfManyTrainersMeanOneSetting) {
  EXPECT_THAT(Known({{"window_size", "4"}}), ElementsAre("window=4 @window_size"));
  EXPECT_THAT(Known({{"args", R"({"Normalize": "ImageNet", "act_dim": 7, "lr": 0.1})"}}),
              ElementsAre("preprocess.normalise=\"imagenet\" @args.Normalize", "action_dim=7 @args.act_dim"));
  EXPECT_THAT(
      Known({{"config", R"({"act_head": {"fwd_pred_next_n": 10}, "image_mean": [0.4815, 0.4578, 0.4082]})"}}),
      ElementsAre("chunk=10 @config.act_head.fwd_pred_next_n", "preprocess.normalise=\"clip\" @config.image_mean"));
  EXPECT_THAT(Known({{"hyper_parameters", R"({"control_hz": 4})"}}),
              ElementsAre("control_period_s=0.25 @hyper_parameters.control_hz"));
  EXPECT_THAT(Known({{"optimizer_args", R"({"window": 3})"}}), IsEmpty());
}

TEST_F(StatedTest, AKnownNameWithAnUnknownValueIsSaid) {
  EXPECT_THAT(Read({{"normalize", "robust"}}).not_understood, ElementsAre("normalize is \"robust\""));
  EXPECT_THAT(Read({{"window", "-3"}}).not_understood, Contains(HasSubstr("window is -3")));
  EXPECT_THAT(Read({{"window", "-3"}}).known, IsEmpty());
}

TEST(Settings, AreFoundAndPutAtEveryDepth) {
  Json object = Json::object();
  families::PutSetting(object, "window", 4);
  families::PutSetting(object, "preprocess.resize", "box");
  families::PutSetting(object, "preprocess.normalise", "clip");
  EXPECT_EQ(object.dump(), R"({"window":4,"preprocess":{"resize":"box","normalise":"clip"}})");
  ASSERT_NE(families::FindSetting(object, "preprocess.resize"), nullptr);
  EXPECT_EQ(*families::FindSetting(object, "preprocess.resize"), "box");
  EXPECT_EQ(families::FindSetting(object, "preprocess.pass_order"), nullptr);
  EXPECT_EQ(families::FindSetting(object, "window.resize"), nullptr);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
