// Policies that came as ONNX files on recorded episodes of their features: evaluated, verified, planned.
#include "checkpoint/checkpoint.h"
#include "data/feature_writer.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// An encoder of a picture [3, 32, 48] and a state [7], and a head that makes a chunk of actions.
class EvalImported : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path files = fs::path(VLAQ_TESTDATA) / "onnx_import";
    const Ran ran = Vlaq({"import", (files / "split_encoder_legacy_17.onnx").string(),
                          (files / "split_head_legacy_17.onnx").string(), "-o", In("policy")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const Json features = Vlaq({"inspect", In("policy"), "--json"}).json()["features"];
    width_ = features["outputs"][0]["shape"][1].get<int64_t>();
    for (int i = 0; i < 3; ++i) WriteEpisode("episodes/e" + std::to_string(i) + ".h5", i);
  }

  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }

  // Pictures and states that differ by `seed`; what was done follows the state.
  void WriteEpisode(const std::string& name, int seed, const std::vector<std::string>& cameras = {"top"},
                    bool has_state = true) const {
    fs::create_directories(fs::path(In(name)).parent_path());
    data::FeatureWriterOptions options;
    for (const std::string& camera : cameras) {
      options.streams.push_back({.name = "observation.images." + camera, .dtype = DType::kU8, .shape = {32, 48, 3}});
    }
    if (has_state) options.streams.push_back({.name = "observation.state", .shape = {7}});
    std::vector<std::string> names;
    for (int64_t i = 0; i < width_; ++i) names.push_back("joint_" + std::to_string(i));
    options.streams.push_back({.name = "action",
                               .shape = {width_},
                               .names = names,
                               .units = std::vector<std::string>(static_cast<size_t>(width_), "rad")});
    auto writer = data::FeatureWriter::Create(In(name), options, Existing::kRefuse);
    ASSERT_TRUE(writer.ok()) << writer.error().ToString();
    for (int t = 0; t < 4; ++t) {
      data::Observation step;
      for (const data::Stream& stream : options.streams) {
        Tensor value = Tensor::Make(stream.dtype, stream.shape);
        int number = 7 * seed + 3 * t;
        if (stream.is_image()) {
          for (uint8_t& byte : value.mutable_data<uint8_t>()) byte = static_cast<uint8_t>((number += 37) % 251);
        } else {
          for (float& element : value.mutable_data<float>()) element = static_cast<float>((number += 5) % 17) / 17;
        }
        step.emplace(stream.name, std::move(value));
      }
      ASSERT_TRUE(writer->Append(step).ok());
    }
    ASSERT_TRUE(writer->Commit().ok());
  }

  TemporaryFolder folder_;
  int64_t width_ = 0;
};

TEST_F(EvalImported, ErrorsAreByNameAndUnitAndNothingIsSaidOfDirections) {
  const Ran text = Vlaq({"eval", In("policy"), "--episodes", In("episodes"), "--ablation", "all"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("3 recorded episodes, 12 steps"), HasSubstr("joint_0"), HasSubstr("rad"),
                              HasSubstr("gray_image"), Not(HasSubstr("direction")), Not(HasSubstr("m/s")),
                              Not(HasSubstr("swapped_instruction")), Not(HasSubstr("original"))));
  EXPECT_THAT(text.err, HasSubstr("left out: swapped"));
  const Ran ran = Vlaq({"eval", In("policy"), "--episodes", In("episodes"), "--ablation", "none", "--ablation",
                        "gray_image", "--reference", In("policy"), "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json document = ran.json();
  const Json& summary = document["policy"]["ablations"][0]["summary"];
  EXPECT_EQ(summary["axes"].size(), static_cast<size_t>(width_));
  EXPECT_EQ(summary["axes"]["joint_1"]["unit"], "rad");
  EXPECT_GT(summary["mae_raw"].get<double>(), 0);
  EXPECT_FALSE(summary.contains("direction_agreement"));
  EXPECT_GT(document["policy"]["ablations"][1]["moved"]["value"].get<double>(), 0) << "it looks";
  EXPECT_EQ(document["comparison"][0]["mae_difference"]["value"], 0);
}

TEST_F(EvalImported, WhatIsMissingIsNamed) {
  EXPECT_THAT(Vlaq({"eval", In("policy"), "--episodes", In("episodes"), "--ablation", "swapped_instruction"}).err,
              HasSubstr("no opposite of an instruction is known"));
  WriteEpisode("two/e.h5", 1, {"left", "right"});
  const Ran cameras = Vlaq({"eval", In("policy"), "--episodes", In("two")});
  EXPECT_EQ(cameras.exit_code, 3);
  EXPECT_THAT(cameras.err, AllOf(HasSubstr("e.h5"), HasSubstr("'image', which is not there"),
                                 HasSubstr("observation.images.left uint8 [32, 48, 3]")));
  width_ += 1;
  WriteEpisode("wide/e.h5", 1);
  const Ran wide = Vlaq({"eval", In("policy"), "--episodes", In("wide")});
  EXPECT_EQ(wide.exit_code, 3);
  EXPECT_THAT(wide.err, AllOf(HasSubstr("e.h5"), HasSubstr("joint_0"), HasSubstr("outputs.NAME.names")));
}

// Whatever takes episodes says which input of the policy they lack, before it computes anything.
TEST_F(EvalImported, EpisodesThatLackAnInputAreRefusedByItsName) {
  WriteEpisode("blind/e.h5", 1, {});
  WriteEpisode("stateless/e.h5", 1, {"top"}, false);
  for (const auto& [folder, input] : {std::pair("blind", "'image'"), std::pair("stateless", "'state'")}) {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"eval", In("policy"), "--episodes", In(folder)},
             {"calibrate", In("policy"), "--episodes", In(folder), "--samples", "2", "-o", In("x.json")},
             {"verify", In("policy"), "--episodes", In(folder)}}) {
      const Ran ran = Vlaq(command);
      EXPECT_EQ(ran.exit_code, 3) << command[0] << ran.out;
      EXPECT_THAT(ran.err, AllOf(HasSubstr("e.h5"), HasSubstr(std::string(input) + ", which is not there")))
          << command[0];
      EXPECT_FALSE(fs::exists(In("x.json")));
    }
  }
}

TEST_F(EvalImported, CalibrateVerifyAndPlanTakeEpisodesToo) {
  const Ran seen =
      Vlaq({"calibrate", In("policy"), "--episodes", In("episodes"), "--samples", "6", "-o", In("stats.json")});
  EXPECT_EQ(seen.exit_code, 0) << seen.err;
  const Ran verified = Vlaq({"verify", In("policy"), "--episodes", In("episodes"), "--json"});
  EXPECT_EQ(verified.exit_code, 5) << "random weights do not do what was recorded: " << verified.err;
  const Json document = verified.json();
  EXPECT_THAT(document.dump(), AllOf(HasSubstr("recorded actions"), HasSubstr("\"image\"")));
  EXPECT_THAT(document["not_applicable"].dump(), Not(HasSubstr("recorded episodes")));
  const Ran planned = Vlaq({"plan", "quantize", In("policy"), "--target", "cpu", "--episodes", In("episodes"),
                            "--sensitivity", "-o", In("plan.json"), "--json"});
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_FALSE(planned.json()["accuracy"]["sensitivity"].empty());
}

}  // namespace
}  // namespace vlaq
