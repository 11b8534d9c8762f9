// What settings rest on, and how they are held against files.
#include "verify/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/output.h"
#include "base/testing.h"
#include "bundle/testing.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

policy::Policy WithSettings(const Json& settings) {
  Json all = settings;
  all["prompt_ids"] = std::vector<int64_t>(70, 5);
  const auto policy = bundle::testing::PolicyOfSettings(all, true);
  EXPECT_TRUE(policy.ok()) << policy.error().ToString();
  return policy.ok() ? *policy : policy::Policy{};
}

bundle::Bundle Sample() {
  bundle::Bundle bundle;
  bundle.policy = WithSettings({{"action_scale", 0.6}, {"window", 8}});
  bundle.provenance.assumptions = {{"action_scale", "0.6", "action_scale is 0.6"},
                                   {"preprocess", "", "preprocess is bicubic"}};
  return bundle;
}

const Setting& Named(const std::vector<Setting>& settings, const std::string& name) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.name == name; });
  if (found == settings.end()) throw std::runtime_error("no setting " + name);
  return *found;
}

class SettingsTest : public ::testing::Test {
 protected:
  std::filesystem::path Written(const std::string& name, const std::string& text) {
    EXPECT_TRUE(WriteFile(folder_.path() / name, text, Existing::kReplace).ok());
    return folder_.path() / name;
  }
  TemporaryFolder folder_;
};

TEST_F(SettingsTest, WhatNothingShowsIsOnTrust) {
  const auto settings = SettingsOf(Sample(), Report());
  EXPECT_EQ(Named(settings, "action_scale").value, "0.6");
  EXPECT_EQ(Named(settings, "action_scale").proven_by, "");
  EXPECT_TRUE(Named(settings, "action_scale").assumed);
  EXPECT_TRUE(Named(settings, "preprocess.resize").assumed) << "its parts, too";
  EXPECT_FALSE(Named(settings, "window").assumed);
}

TEST_F(SettingsTest, EpisodesShowTheScaleAndGoldenDataDoNot) {
  Report report;
  report.shown = {Shown::kGoldenActions, Shown::kGoldenPixels};
  auto settings = SettingsOf(Sample(), report);
  EXPECT_EQ(Named(settings, "feature_source").proven_by, "golden data");
  EXPECT_EQ(Named(settings, "preprocess.normalise").proven_by, "golden data");
  EXPECT_EQ(Named(settings, "action_scale").proven_by, "");
  report.shown = {Shown::kEpisodes};
  settings = SettingsOf(Sample(), report);
  EXPECT_EQ(Named(settings, "action_scale").proven_by, "recorded episodes");
  EXPECT_EQ(Named(settings, "control_period_s").proven_by, "") << "nothing shows it";
}

TEST_F(SettingsTest, TheUsersFileIsHeldAgainstTheBundle) {
  Report report;
  const auto same = Written("policy.json", R"({"action_scale": 0.6, "preprocess": {"resize": "bicubic"}})");
  ASSERT_TRUE(CheckAgainstPolicyFile(Sample(), same, report).ok());
  EXPECT_TRUE(report.checks[0].passed) << report.checks[0].detail;
  EXPECT_EQ(Named(SettingsOf(Sample(), report), "action_scale").proven_by, "the user's own file");
  EXPECT_EQ(Named(SettingsOf(Sample(), report), "window").proven_by, "");
  bundle::Bundle other = Sample();
  other.policy = WithSettings({{"action_scale", 60.0}, {"window", 8}});
  ASSERT_TRUE(CheckAgainstPolicyFile(other, same, report).ok());
  EXPECT_FALSE(report.checks[1].passed);
  EXPECT_THAT(report.checks[1].detail, HasSubstr("action_scale is 60"));
  EXPECT_FALSE(CheckAgainstPolicyFile(Sample(), folder_.path() / "none.json", report).ok());
}

TEST_F(SettingsTest, EverySettingOfTheSourceCounts) {
  Report report;
  CheckAgainstSourceSettings(Sample(), Sample(), report);
  EXPECT_TRUE(report.checks[0].passed) << report.checks[0].detail;
  bundle::Bundle other = Sample();
  other.policy = WithSettings({{"action_scale", 60.0}, {"window", 8}, {"preprocess", {{"channel_order", "bgr"}}}});
  other.tokenizer = bundle::FileRecord{"sentencepiece.bpe.model", 1, "abc"};
  CheckAgainstSourceSettings(other, Sample(), report);
  EXPECT_FALSE(report.checks[1].passed);
  EXPECT_THAT(report.checks[1].detail,
              AllOf(HasSubstr("action_scale is 60.0 instead of 0.6"), HasSubstr("channel_order is bgr instead of rgb"),
                    HasSubstr("tokenizer"), Not(HasSubstr("window"))));
}

TEST_F(SettingsTest, AnotherTokenizerIsNoticed) {
  bundle::Bundle bundle = Sample();
  const auto file = Written("own.model", "words");
  bundle.tokenizer = *bundle::Describe(file);
  Report report;
  ASSERT_TRUE(CheckAgainstTokenizerFile(bundle, file, report).ok());
  ASSERT_TRUE(CheckAgainstTokenizerFile(bundle, Written("other.model", "other words"), report).ok());
  EXPECT_TRUE(report.checks[0].passed);
  EXPECT_FALSE(report.checks[1].passed);
}

}  // namespace
}  // namespace vlaq::verify
