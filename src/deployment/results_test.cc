// Which figures of a board may take the place of which.
#include "deployment/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/output.h"
#include "base/testing.h"
#include "deployment/engines.h"

namespace vlaq::deployment {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EarlierResultsTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { ASSERT_TRUE(WriteFile(path_, text, Existing::kReplace).ok()); }
  Status Check(const std::vector<std::string>& engines, bool replace = false,
               const std::vector<std::string>& why_not = {}) const {
    return CheckEarlierResults(path_, engines, why_not, replace);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = ResultsPath(folder_.path());
};

TEST_F(EarlierResultsTest, MeasuredFiguresMayBeRenewed) {
  EXPECT_TRUE(Check({"fp16"}).ok()) << "there is none";
  Write(R"({"schema": "vlaq.jetson/1", "measured": true, "fp16": {"measured": true}, "int8": {"measured": true}})");
  const auto earlier = ReadEarlierResults(path_);
  ASSERT_TRUE(earlier && earlier->ours && earlier->measured);
  EXPECT_THAT(earlier->engines, ElementsAre("fp16", "int8"));
  EXPECT_TRUE(Check({"fp16", "int8", "fp16_head"}).ok());
  EXPECT_TRUE(Check({"fp16"}, true).ok());
  const Status fewer = Check({"fp16"});
  ASSERT_FALSE(fewer.ok());
  EXPECT_EQ(fewer.error().code, ErrorCode::kUsage);
  EXPECT_THAT(fewer.error().ToString(), HasSubstr("measured figures of int8"));
  // What the run came to decides again: an engine may have failed.
  EXPECT_FALSE(EarlierResultsStay(earlier, {"fp16", "int8"}, false));
  EXPECT_TRUE(EarlierResultsStay(earlier, {"fp16"}, false));
  EXPECT_FALSE(EarlierResultsStay(earlier, {"fp16"}, true));
  EXPECT_TRUE(EarlierResultsStay(earlier, {}, true));
  EXPECT_FALSE(EarlierResultsStay(std::nullopt, {}, false));
}

TEST_F(EarlierResultsTest, NothingMeasuredReplacesWhatWas) {
  Write(R"({"schema": "vlaq.jetson/1", "measured": false, "fp16": {"measured": true}})");
  for (const bool replace : {false, true}) {
    const Status nothing = Check({"fp16"}, replace, {"no board"});
    ASSERT_FALSE(nothing.ok());
    EXPECT_EQ(nothing.error().code, ErrorCode::kUnstable);
    EXPECT_THAT(nothing.error().ToString(), HasSubstr("no board"));
  }
}

TEST_F(EarlierResultsTest, AnothersFileStays) {
  for (const char* text : {"no JSON", R"({"tensorrt_fp16": {"fps": 3}})"}) {
    Write(text);
    EXPECT_FALSE(Check({"fp16"}).ok()) << text;
    EXPECT_TRUE(Check({"fp16"}, true).ok()) << text;
  }
}

TEST(Reasons, AreThoseOfEveryEngine) {
  std::vector<std::string> all{"a"};
  AddNew({"b", "a"}, all);
  AddNew({"c", "b"}, all);
  EXPECT_THAT(all, ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace vlaq::deployment
