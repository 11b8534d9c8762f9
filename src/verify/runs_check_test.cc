// Whether a policy of any graphs runs, and its schedules agree.
#include "verify/runs_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "verify/scale_policy_for_test.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunsCheck : public ::testing::Test {
 protected:
  RunsCheck() : backend_(backend::MakeReferenceBackend()) { Add("once", 3); }

  void Add(const std::string& name, float scale) { AddScale(folder_.path(), name, scale, bundle_); }
  Report Judge(const StepInputs& inputs) {
    Report report;
    const Status status = CheckRuns(bundle_, inputs, {backend_.get(), {}}, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    return report;
  }
  Report Judge() { return Judge(NoiseSteps(bundle_.policy)); }
  // The noise as if it were given.
  Report JudgeGiven() {
    StepInputs inputs = NoiseSteps(bundle_.policy);
    inputs.noise = false;
    return Judge(inputs);
  }

  TemporaryFolder folder_;
  std::unique_ptr<backend::Backend> backend_;
  bundle::Bundle bundle_;
};

TEST_F(RunsCheck, WhatRunsIsTold) {
  const Report report = Judge();
  ASSERT_EQ(report.checks.size(), 1U);
  EXPECT_TRUE(report.checks[0].passed);
  EXPECT_EQ(report.checks[0].name, "runs");
  EXPECT_THAT(report.checks[0].detail, HasSubstr("3 steps of noise"));
}

TEST_F(RunsCheck, AnOutputThatIsNoNumberFails) {
  Add("once", std::numeric_limits<float>::quiet_NaN());
  const Report given = JudgeGiven();
  ASSERT_NE(FindCheck(given, "runs"), nullptr);
  EXPECT_FALSE(FindCheck(given, "runs")->passed);
  EXPECT_THAT(FindCheck(given, "runs")->detail, HasSubstr("not finite"));
  const Report noise = Judge();  // which such a policy need not take
  EXPECT_THAT(noise.checks, IsEmpty());
  ASSERT_EQ(noise.untestable.size(), 1U);
  EXPECT_THAT(noise.untestable[0].reason, HasSubstr("--inputs"));
}

TEST_F(RunsCheck, SchedulesMustAgree) {
  Add("twice", 3);
  const Report good = Judge();
  ASSERT_NE(FindCheck(good, "once"), nullptr);
  EXPECT_TRUE(FindCheck(good, "once")->passed);
  EXPECT_THAT(FindCheck(good, "once")->detail, HasSubstr("between the schedules 'once' and 'twice', 3 steps"));
  Add("twice", 3.01F);
  EXPECT_FALSE(FindCheck(Judge(), "once")->passed);
  Add("thrice", 3);
  const Report three = Judge();
  EXPECT_TRUE(FindCheck(three, "once against thrice")->passed);
  EXPECT_FALSE(FindCheck(three, "once against twice")->passed);
}

TEST_F(RunsCheck, AScheduleThatDoesNotRunFails) {
  Add("twice", std::numeric_limits<float>::infinity());
  const Report report = Judge();
  EXPECT_TRUE(FindCheck(report, "runs")->passed);
  EXPECT_FALSE(FindCheck(report, "once")->passed);
  EXPECT_THAT(FindCheck(report, "once")->detail, HasSubstr("step 0"));
}

TEST_F(RunsCheck, WhatAnotherProviderDoesNotOpenSaysNothingOfThePolicy) {
  std::ofstream(folder_.path() / "once.onnx", std::ios::trunc) << "no graph";
  EXPECT_FALSE(FindCheck(JudgeGiven(), "runs")->passed);
  StepInputs inputs = NoiseSteps(bundle_.policy);
  inputs.noise = false;
  NumberOptions options{backend_.get(), {}};
  options.open.provider = "cuda";
  Report report;
  EXPECT_FALSE(CheckRuns(bundle_, inputs, options, SilentLog(), report).ok());
  EXPECT_THAT(report.checks, IsEmpty());
}

}  // namespace
}  // namespace vlaq::verify
