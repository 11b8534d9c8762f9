// Outputs of a policy of any graphs against those of its files, of its source, and of a recording.
#include "verify/output_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "backend/reference/reference.h"
#include "base/log.h"
#include "base/testing.h"
#include "checkpoint/safetensors_writer.h"
#include "verify/scale_policy_for_test.h"
#include "verify/source_check.h"
#include "verify/testing.h"
#include "verify/verdict.h"

namespace vlaq::verify {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OutputChecks : public ::testing::Test {
 protected:
  OutputChecks() : backend_(backend::MakeReferenceBackend()) { options_.backend = backend_.get(); }

  bundle::Bundle Scaled(float scale) const {
    const fs::path folder = folder_.path() / std::to_string(scale);
    fs::create_directory(folder);
    bundle::Bundle bundle;
    AddScale(folder, "g", scale, bundle);
    return bundle;
  }
  SourceFile Original(float scale) const {
    SourceFile file;
    file.graph = "g";
    file.file = folder_.path() / "original.onnx";
    WriteScaleGraph(file.file, scale);
    return file;
  }
  fs::path Golden(const std::map<std::string, Tensor>& tensors) const {
    fs::path path = folder_.path() / "golden.safetensors";
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
  NumberOptions options_;
  Report report_;
};

TEST_F(OutputChecks, TheFilesOwnOutputsDecide) {
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

TEST_F(OutputChecks, WhatCannotBeComparedIsNotVerified) {
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

TEST_F(OutputChecks, ABundleThatDoesNotRunWhereItsFilesDoIsWrong) {
  const SourceFile original = Original(3);
  const auto bundle = Scaled(std::numeric_limits<float>::quiet_NaN());
  ASSERT_TRUE(CheckAgainstFiles(bundle, {&original, 1}, Counting(2), options_, SilentLog(), report_).ok());
  ASSERT_NE(report_.first_failure(), nullptr);
  EXPECT_THAT(report_.first_failure()->detail, HasSubstr("step 0"));
}

TEST_F(OutputChecks, RecordedOutputsAreComparedInTheirUnits) {
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

TEST_F(OutputChecks, ARecordingMustFit) {
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

TEST_F(OutputChecks, ASourceIsHeldToThePrecision) {
  auto bundle = Scaled(3.0003F);
  const auto source = Scaled(3);
  ASSERT_TRUE(CheckAgainstSource(bundle, source, Counting(3), options_, SilentLog(), report_).ok());
  EXPECT_FALSE(FindCheck(report_, "action against the source")->passed);
  bundle.precision = "fp16";
  Report coarse;
  ASSERT_TRUE(CheckAgainstSource(bundle, source, Counting(3), options_, SilentLog(), coarse).ok());
  EXPECT_TRUE(FindCheck(coarse, "action against the source")->passed);
  bundle.policy.outputs[0].name = "wheels";
  bundle.policy.graphs["g"].outputs["y"] = "wheels";
  Report other;
  ASSERT_TRUE(CheckAgainstSource(bundle, source, Counting(3), options_, SilentLog(), other).ok());
  EXPECT_THAT(other.first_failure()->detail, HasSubstr("has no output action"));
}

TEST_F(OutputChecks, ASourceMustTakeTheSameAndRunItself) {
  const auto bundle = Scaled(3);
  auto other = Scaled(3);
  other.policy.inputs[0].shape = {3};
  const Status refused = CheckAgainstSource(bundle, other, Counting(1), options_, SilentLog(), report_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("takes other inputs"));
  const auto broken = Scaled(std::numeric_limits<float>::infinity());
  ASSERT_TRUE(CheckAgainstSource(bundle, broken, Counting(1), options_, SilentLog(), report_).ok());
  ASSERT_EQ(report_.untestable.size(), 1U);
  EXPECT_THAT(report_.untestable[0].reason, HasSubstr("the source does not run"));
  EXPECT_TRUE(report_.untestable[0].needed);
}

TEST_F(OutputChecks, WhatEachGraphReadsIsTold) {
  const auto bundle = Scaled(3);
  const auto read = ReadByGraphs(bundle, Counting(2), {.backend = backend_.get()}, SilentLog());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at("g").at("x").shape(), (Shape{1, 2}));
}

}  // namespace
}  // namespace vlaq::verify
