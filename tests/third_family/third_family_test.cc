// A stranger's family: everything that vlaq does with a checkpoint, with no file changed but those of its folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../cli/program.h"
#include "base/random.h"
#include "checkpoint/safetensors_writer.h"
#include "data/feature_writer.h"
#include "vlaq/policy.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kSide = 16, kState = 6, kAction = 3, kChunk = 4, kHidden = 128, kFilters = 8;
constexpr int kWidth = 32, kHeight = 24;  // of the cameras
constexpr int kSteps = 20;

class ThirdFamily : public CliTest {
 protected:
  static void SetUpTestSuite() {
    CliTest::SetUpTestSuite();
    WriteCheckpoint();
    const Ran made = Vlaq({"export", In("model.safetensors"), "-o", In("stranger")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    std::filesystem::create_directory(In("calibration"));
    std::filesystem::create_directory(In("validation"));
    for (uint64_t i = 0; i < 2; ++i) Record(In("calibration/a" + std::to_string(i) + ".h5"), i);
    for (uint64_t i = 0; i < 4; ++i) Record(In("validation/b" + std::to_string(i) + ".h5"), 10 + i);
  }

  static Tensor Normal(const Shape& shape, uint64_t seed, double scale, double mean = 0) {
    Tensor tensor = Tensor::Make(DType::kF32, shape);
    Random random(seed);
    for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(mean + scale * random.Normal());
    return tensor;
  }

  static void WriteCheckpoint() {
    const int64_t features = 2 * kFilters * (kSide / 4) * (kSide / 4) + kState;
    std::map<std::string, Tensor> tensors{{"mlp.0.weight", Normal({kHidden, features}, 1, 0.1)},
                                          {"mlp.0.bias", Normal({kHidden}, 2, 0.1)},
                                          {"mlp.1.weight", Normal({kChunk * kAction, kHidden}, 3, 0.1)},
                                          {"mlp.1.bias", Normal({kChunk * kAction}, 4, 0.1)},
                                          {"state_mean", Normal({kState}, 5, 1)},
                                          {"state_std", Normal({kState}, 6, 0.1, 1)},
                                          {"action_mean", Normal({kAction}, 7, 0.1)},
                                          {"action_std", Normal({kAction}, 8, 0.1, 1)}};
    for (const std::string camera : {"front", "wrist"}) {
      tensors.emplace("cameras." + camera + ".conv.weight", Normal({kFilters, 3, 4, 4}, camera.size(), 0.3));
      tensors.emplace("cameras." + camera + ".conv.bias", Normal({kFilters}, 20 + camera.size(), 0.1));
    }
    ASSERT_TRUE(checkpoint::WriteSafetensors(In("model.safetensors"), tensors).ok());
  }

  // What the policy itself does, as a recording: observations that change from step to step, its first actions.
  static void Record(const std::string& path, uint64_t seed) {
    auto policy = Policy::Open(In("stranger"));
    ASSERT_TRUE(policy.ok()) << policy.error().ToString();
    data::FeatureWriterOptions options;
    for (const std::string camera : {"front", "wrist"}) {
      options.streams.push_back({"observation.images." + camera, DType::kU8, {kHeight, kWidth, 3}});
    }
    options.streams.push_back({"observation.state", DType::kF32, {kState}});
    options.streams.push_back({"action", DType::kF32, {kAction}, {"shoulder", "elbow", "grip"}, {"rad", "rad", "mm"}});
    options.rate_hz = 10;
    auto writer = data::FeatureWriter::Create(path, options, Existing::kRefuse);
    ASSERT_TRUE(writer.ok()) << writer.error().ToString();
    Random random(seed);
    for (int t = 0; t < kSteps; ++t) {
      data::Observation step;
      for (const std::string camera : {"front", "wrist"}) {
        Tensor frame = Tensor::Make(DType::kU8, {kHeight, kWidth, 3});
        const uint64_t base = random.Below(200);
        for (uint8_t& x : frame.mutable_data<uint8_t>()) x = static_cast<uint8_t>(base + random.Below(56));
        step.emplace("observation.images." + camera, std::move(frame));
      }
      step.emplace("observation.state", Normal({kState}, seed * 1000 + static_cast<uint64_t>(t), 1));
      auto outputs = policy->Step(step);
      ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
      // What people do differs from what a policy makes of it.
      Tensor action = Normal({kAction}, seed * 2000 + static_cast<uint64_t>(t), 0.1);
      const auto chunk = outputs->values.at("action").data<float>();
      for (size_t i = 0; i < kAction; ++i) action.mutable_data<float>()[i] += chunk[i];
      step.emplace("action", std::move(action));
      ASSERT_TRUE(writer->Append(step).ok());
    }
    ASSERT_TRUE(writer->Commit().ok());
  }
};

TEST_F(ThirdFamily, IsRecognizedAndDescribed) {
  const Ran ran = Vlaq({"inspect", In("model.safetensors")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("architecture two_camera_cnn"), HasSubstr("front, wrist")));
  const Ran bundle = Vlaq({"inspect", In("stranger")});
  EXPECT_EQ(bundle.exit_code, 0) << bundle.err;
  EXPECT_THAT(bundle.out, AllOf(HasSubstr("observation.images.wrist"), HasSubstr("observation.state")));
  EXPECT_THAT(Vlaq({"export", "--help-family", "two_camera_cnn"}).out, HasSubstr("two cameras"));
}

TEST_F(ThirdFamily, IsVerifiedAgainstItsCheckpointAndEpisodes) {
  const Ran ran =
      Vlaq({"verify", In("stranger"), "--against", In("model.safetensors"), "--episodes", In("validation"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(ran.json()["verdict"], "verified");
}

TEST_F(ThirdFamily, IsQuantizedAfterCalibrationOnItsEpisodes) {
  const Ran calibrated =
      Vlaq({"calibrate", In("stranger"), "--episodes", In("calibration"), "--samples", "40", "-o", In("stats.json")});
  ASSERT_EQ(calibrated.exit_code, 0) << calibrated.err;
  const Ran planned = Vlaq({"plan", "quantize", In("stranger"), "--target", "tensorrt-8.6", "--precision", "int8",
                            "--stats", In("stats.json"), "-o", In("plan.json")});
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  const Ran static_int8 = Vlaq({"quantize", In("stranger"), "--plan", In("plan.json"), "-o", In("int8_static")});
  ASSERT_EQ(static_int8.exit_code, 0) << static_int8.err;
  const Ran quantized = Vlaq({"quantize", In("stranger"), "--target", "cpu", "--precision", "int8", "-o", In("int8")});
  ASSERT_EQ(quantized.exit_code, 0) << quantized.err;
  const Ran verified = Vlaq({"verify", In("int8"), "--reference", In("stranger"), "--episodes", In("validation")});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  const Ran check = Vlaq({"check", In("int8_static"), "--tensorrt", "8.6"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
}

TEST_F(ThirdFamily, IsEvaluatedOnItsEpisodesByActionName) {
  const Ran ran = Vlaq({"eval", In("stranger"), "--episodes", In("validation")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("shoulder"), HasSubstr("elbow"), HasSubstr("mm")));
}

TEST_F(ThirdFamily, IsBenchedAndRun) {
  data::Observation inputs;
  for (const std::string camera : {"front", "wrist"}) {
    inputs.emplace("observation.images." + camera, Tensor::Make(DType::kU8, {2, kHeight, kWidth, 3}));
  }
  inputs.emplace("observation.state", Normal({2, kState}, 1, 1));
  ASSERT_TRUE(checkpoint::WriteSafetensors(In("steps.safetensors"), inputs).ok());
  const Ran bench = Program({"bench", In("stranger"), "--inputs", In("steps.safetensors"), "--rounds", "3", "--json"});
  EXPECT_THAT(bench.exit_code, ::testing::AnyOf(0, 6)) << bench.err;  // 6: measured, but not steady
  EXPECT_EQ(bench.json()["subjects"][0]["mode"], "step");
  const Ran ran = Vlaq({"run", In("stranger"), "--inputs", In("steps.safetensors"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("action"));
}

}  // namespace
}  // namespace vlaq
