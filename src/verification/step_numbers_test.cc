// A policy's outputs against those of its files, of its source, and of a recording.
#include "verification/step_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "backend/reference/reference.h"
#include "base/log.h"
#include "base/testing.h"
#include "checkpoint/safetensors_writer.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "policy/testing.h"
#include "verification/testing.h"
#include "verification/verdict.h"

namespace vlaq::verification {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StepNumbers : public ::testing::Test {
 protected:
  StepNumbers() : backend_(backend::MakeReferenceBackend()) { options_.backend = backend_.get(); }

  // action = state * scale, in a file of this name.
  fs::path File(const std::string& name, float scale) const {
    onnx::GraphBuilder b("g");
    const std::vector<onnx::Dim> dims{onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)};
    const std::string x = b.Input("x", DType::kF32, dims);
    const Tensor factor = Tensor::From<float>({1, 2}, std::vector<float>{scale, scale});
    b.Output(b.Op("Mul", {x, b.Constant("scale", factor)}), "y", DType::kF32, dims);
    const auto bytes = onnx::Serialize(onnx::MakeModel(*b.Finish(), "test"));
    std::ofstream(folder_.path() / name, std::ios::binary) << *bytes;
    return folder_.path() / name;
  }
  bundle::Bundle Scaled(float scale) const {
    bundle::Bundle bundle;
    bundle.path = folder_.path();
    bundle.graphs["g"].file = File("scaled" + std::to_string(scale) + ".onnx", scale).filename().string();
    policy::Policy& policy = bundle.policy;
    policy.family = "onnx";
    policy.inputs.resize(1);
    policy.inputs[0].name = "state";
    policy.inputs[0].shape = {2};
    policy.outputs.resize(1);
    policy.outputs[0].name = "action";
    policy.outputs[0].shape = {2};
    policy.graphs["g"] = {bundle.graphs["g"].file, {{"x", "state"}}, {{"y", "action"}}};
    policy.schedules["default"] = {policy::testing::RunStep("g")};
    policy.default_schedule = "default";
    return bundle;
  }
  SourceFile Original(float scale) const {
    SourceFile file;
    file.graph = "g";
    file.file = File("original.onnx", scale);
    return file;
  }
  fs::path Golden(const std::map<std::string, Tensor>& tensors) const {
    const fs::path path = folder_.path() / "golden.safetensors";
    EXPECT_TRUE(checkpoint::WriteSafetensors(path, tensors, Existing::kReplace).ok());
    return path;
  }
  // Steps 1, 2, ...: both numbers are that.
  static StepInputs Counting(size_t steps) {
    StepInputs inputs;
    inputs.steps = steps;
    inputs.what = "steps that count";
    inputs.read = [](size_t step) -> Result<backend::NamedTensors> {
      const auto value = static_cast<float>(step + 1);
      return backend::NamedTensors{{"state", Tensor::From<float>({2}, std::vector<float>{value, value})}};
    };
    return inputs;
  }

  TemporaryFolder folder_;
  std::unique_ptr<backend::Backend> backend_;
  StepNumberOptions options_;
  Report report_;
};

TEST_F(StepNumbers, TheFilesOwnOutputsDecide) {
  const SourceFile original = Original(3);
  const auto bundle = Scaled(3), other = Scaled(3.01F);
  ASSERT_TRUE(
      CheckAgainstFiles(bundle, {&original, 1}, NoiseSteps(bundle.policy), options_, SilentLog(), report_).ok());
  const Check* check = FindCheck(report_, "action against the files");
  ASSERT_NE(check, nullptr);
  EXPECT_TRUE(check->passed) << check->detail;
  EXPECT_EQ(check->against, Against::kFiles);
  EXPECT_EQ(Conclude(report_, false).verdict, Verdict::kVerified);
  Report wrong;
  ASSERT_TRUE(CheckAgainstFiles(other, {&original, 1}, NoiseSteps(other.policy), options_, SilentLog(), wrong).ok());
  EXPECT_FALSE(FindCheck(wrong, "action against the files")->passed);
  options_.tolerance.absolute = 1;
  Report tolerant;
  ASSERT_TRUE(CheckAgainstFiles(other, {&original, 1}, NoiseSteps(other.policy), options_, SilentLog(), tolerant).ok());
  EXPECT_TRUE(FindCheck(tolerant, "action against the files")->passed);
}

TEST_F(StepNumbers, WhatCannotBeComparedIsNotVerified) {
  const auto bundle = Scaled(3);
  report_.of_files = true;
  ASSERT_TRUE(CheckAgainstFiles(bundle, {}, NoiseSteps(bundle.policy), options_, SilentLog(), report_).ok());
  ASSERT_EQ(report_.untestable.size(), 1U);
  EXPECT_THAT(report_.untestable[0].reason, HasSubstr("no file is given for g"));
  report_.checks.push_back({0, "structure", true, "", {}, Against::kFiles});
  EXPECT_EQ(Conclude(report_, false).verdict, Verdict::kIntact);

  Report broken;  // the file itself gives no numbers: nobody's fault, and no proof
  const SourceFile original = Original(std::numeric_limits<float>::infinity());
  ASSERT_TRUE(CheckAgainstFiles(bundle, {&original, 1}, NoiseSteps(bundle.policy), options_, SilentLog(), broken).ok());
  ASSERT_EQ(broken.untestable.size(), 1U);
  EXPECT_TRUE(broken.untestable[0].needed);
  EXPECT_THAT(broken.untestable[0].reason, HasSubstr("--inputs"));
}

TEST_F(StepNumbers, ABundleThatDoesNotRunWhereItsFilesDoIsWrong) {
  const SourceFile original = Original(3);
  const auto bundle = Scaled(std::numeric_limits<float>::quiet_NaN());
  ASSERT_TRUE(CheckAgainstFiles(bundle, {&original, 1}, Counting(2), options_, SilentLog(), report_).ok());
  ASSERT_NE(report_.first_failure(), nullptr);
  EXPECT_THAT(report_.first_failure()->detail, HasSubstr("step 0"));
  Report alone;
  ASSERT_TRUE(CheckRuns(bundle, Counting(2), options_, SilentLog(), alone).ok());
  EXPECT_FALSE(FindCheck(alone, "runs")->passed);
}

TEST_F(StepNumbers, RecordedOutputsAreComparedInTheirUnits) {
  auto bundle = Scaled(3);
  bundle.policy.outputs[0].unnormalize = {policy::NormalizationMode::kScale, {2}, {}};
  const Tensor two_steps = Tensor::From<float>({2, 2}, std::vector<float>{6, 6, 12, 12});
  const fs::path golden = Golden({{"out.action", two_steps}});
  ASSERT_TRUE(CheckAgainstOutputs(bundle, golden, Counting(2), options_, SilentLog(), report_).ok());
  const Check* check = FindCheck(report_, "action, golden");
  ASSERT_NE(check, nullptr);
  EXPECT_TRUE(check->passed) << check->detail;
  EXPECT_EQ(check->against, Against::kInputsAndOutputs);
  Report wrong;
  ASSERT_TRUE(CheckAgainstOutputs(Scaled(3), golden, Counting(2), options_, SilentLog(), wrong).ok());
  EXPECT_FALSE(FindCheck(wrong, "action, golden")->passed);
}

TEST_F(StepNumbers, ARecordingMustFit) {
  const auto bundle = Scaled(3);
  const auto error = [&](const std::map<std::string, Tensor>& tensors) {
    const Status status = CheckAgainstOutputs(bundle, Golden(tensors), Counting(2), options_, SilentLog(), report_);
    return status.ok() ? std::string("none") : status.error().ToString();
  };
  const Tensor pair = Tensor::From<float>({2}, std::vector<float>{1, 2});
  EXPECT_THAT(error({{"out.action", pair}}), HasSubstr("'out.action': is [2], and 2 steps of the output's [2]"));
  EXPECT_THAT(error({{"out.action", Tensor::Make(DType::kF32, {3, 2})}}), HasSubstr("3 steps"));
  EXPECT_THAT(error({{"out.wheels", pair}}), HasSubstr("no output of the policy"));
  EXPECT_THAT(error({{"in.state", pair}}), HasSubstr("holds no out.OUTPUT"));
}

TEST_F(StepNumbers, ASourceIsHeldToThePrecision) {
  auto bundle = Scaled(3.0003F);
  const auto source = Scaled(3);
  ASSERT_TRUE(CheckAgainstSourceSteps(bundle, source, Counting(3), options_, SilentLog(), report_).ok());
  EXPECT_FALSE(FindCheck(report_, "action against the source")->passed);
  bundle.precision = "fp16";
  Report coarse;
  ASSERT_TRUE(CheckAgainstSourceSteps(bundle, source, Counting(3), options_, SilentLog(), coarse).ok());
  EXPECT_TRUE(FindCheck(coarse, "action against the source")->passed);
  bundle.policy.outputs[0].name = "wheels";
  bundle.policy.graphs["g"].outputs["y"] = "wheels";
  Report other;
  ASSERT_TRUE(CheckAgainstSourceSteps(bundle, source, Counting(3), options_, SilentLog(), other).ok());
  EXPECT_THAT(other.first_failure()->detail, HasSubstr("has no output action"));
}

TEST_F(StepNumbers, NoiseIsTheSameAgainAndFitsEveryType) {
  policy::Policy policy = Scaled(1).policy;
  policy.inputs.resize(3, policy.inputs[0]);
  policy.inputs[1].name = "mask";
  policy.inputs[1].dtype = DType::kI64;
  policy.inputs[1].shape = {-1};
  policy.inputs[2].name = "picture";
  policy.inputs[2].dtype = DType::kU8;
  policy.inputs[2].shape = {8, 8, 3};
  policy.schedules["default"].push_back(policy::testing::WindowStep("state", 5, "states"));
  const StepInputs inputs = NoiseSteps(policy);
  EXPECT_EQ(inputs.steps, 6U);
  const auto first = inputs.read(0), again = inputs.read(0), next = inputs.read(1);
  ASSERT_TRUE(first.ok() && again.ok() && next.ok());
  const auto same = [](const Tensor& a, const Tensor& b) { return std::ranges::equal(a.bytes(), b.bytes()); };
  EXPECT_TRUE(same(first->at("state"), again->at("state")));
  EXPECT_FALSE(same(first->at("state"), next->at("state")));
  EXPECT_EQ(first->at("mask").shape(), Shape{4});
  const auto mask = first->at("mask").data<int64_t>();
  EXPECT_EQ(mask[0], 1);
  EXPECT_TRUE(std::ranges::all_of(mask, [](int64_t value) { return value == 0 || value == 1; }));
  EXPECT_GT(std::ranges::max(first->at("picture").data<uint8_t>()), 127);
}

TEST_F(StepNumbers, WhatEachGraphReadsIsTold) {
  const auto bundle = Scaled(3);
  const auto read = ReadByGraphs(bundle, "", Counting(1), options_);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at("g").at("x").shape(), (Shape{1, 2}));
}

}  // namespace
}  // namespace vlaq::verification
