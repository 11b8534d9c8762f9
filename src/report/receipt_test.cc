#include "report/receipt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/testing.h"

namespace vlaq::report {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Word = Receipt::Word;

class ReceiptTest : public ::testing::Test {
 protected:
  // As verify writes them today.
  ReceiptTest() : json_(*ExampleReceipt().json) {
    json_.update({{"verdict", "verified"},
                  {"except", Json::array()},
                  {"grounds", {"recorded episodes", "the source bundle"}},
                  {"settings", Json::array()},
                  {"missing", Json::array()}});
  }

  Receipt Read() const {
    const JsonField root(json_, "receipt.json");
    Receipt receipt = ReadReceipt(root);
    EXPECT_TRUE(root.status().ok());
    return receipt;
  }
  // One that says so and is not believed; says why.
  std::string Refused() const {
    const Receipt receipt = Read();
    EXPECT_EQ(receipt.word, Word::kInconsistent) << json_.dump();
    EXPECT_EQ(receipt.verdict.text, "inconsistent receipt, not verified");
    EXPECT_EQ(receipt.verdict.mood, Severity::kBad);
    return receipt.why;
  }

  Json json_;
};

TEST_F(ReceiptTest, SaysWhatItWasComparedWith) {
  const Receipt receipt = Read();
  EXPECT_EQ(receipt.word, Word::kVerified);
  EXPECT_EQ(receipt.verdict.text, "verified");
  EXPECT_EQ(receipt.verdict.mood, Severity::kGood);
  EXPECT_THAT(receipt.why, HasSubstr("compared with recorded episodes, the source bundle; 2 checks passed"));
}

TEST_F(ReceiptTest, WhatCouldNotRunIsNamed) {
  json_["except"] = {"kernels", "drives"};
  const Receipt receipt = Read();
  EXPECT_EQ(receipt.verdict.text, "verified, except kernels, drives");
  EXPECT_EQ(receipt.verdict.mood, Severity::kWarning);
}

TEST_F(ReceiptTest, IntactIsNotVerifiedAndSaysWhatIsMissing) {
  json_["verdict"] = "intact";
  json_["passed"] = false;
  json_["grounds"] = Json::array();
  json_["missing"] = {{{"what", "the checkpoint"}, {"command", "vlaq verify b --against CKPT"}}};
  const Receipt receipt = Read();
  EXPECT_EQ(receipt.word, Word::kIntact);
  EXPECT_EQ(receipt.verdict.text, "intact, not verified");
  EXPECT_EQ(receipt.verdict.mood, Severity::kWarning);
  EXPECT_THAT(receipt.why, HasSubstr("the checkpoint: vlaq verify b --against CKPT"));
}

TEST_F(ReceiptTest, AssumptionsThatNothingProvedAreTold) {
  json_["settings"] = {{{"name", "action_scale"}, {"value", "0.6"}, {"assumed", true}, {"proven_by", ""}},
                       {{"name", "window"}, {"value", "8"}, {"assumed", true}, {"proven_by", "golden data"}},
                       {{"name", "layout"}, {"value", "x"}, {"assumed", false}, {"proven_by", ""}}};
  const Receipt receipt = Read();
  EXPECT_THAT(receipt.unproven, ElementsAre("action_scale 0.6"));
  EXPECT_THAT(receipt.why, HasSubstr("assumed, not proven: action_scale 0.6"));
}

TEST_F(ReceiptTest, AFailureIsNamed) {
  json_["checks"][1]["passed"] = false;
  json_["verdict"] = "failed";
  json_["passed"] = false;
  const Receipt receipt = Read();
  EXPECT_EQ(receipt.word, Word::kFailed);
  EXPECT_EQ(receipt.verdict.text, "NOT VERIFIED");
  EXPECT_EQ(receipt.why, "first failure: kernels: int8");
}

// A receipt is a text that anybody can write: what it says of itself is held against what it lists.
TEST_F(ReceiptTest, OneThatContradictsItselfIsNoEvidence) {
  const Json good = json_;
  json_["checks"][0]["passed"] = false;
  EXPECT_THAT(Refused(), HasSubstr("this check failed: text_last_hidden"));
  json_["verdict"] = "intact";
  json_["passed"] = false;
  EXPECT_THAT(Refused(), HasSubstr("this check failed"));
  json_ = good;
  json_["checks"] = Json::array();
  EXPECT_THAT(Refused(), HasSubstr("holds no checks"));
  json_ = good;
  json_["passed"] = false;
  EXPECT_THAT(Refused(), HasSubstr("'verified' and passed: false"));
  json_["verdict"] = "failed";
  EXPECT_THAT(Refused(), HasSubstr("every check passed"));
  json_["verdict"] = "proven";
  EXPECT_THAT(Refused(), HasSubstr("'proven' is no verdict"));
  json_ = good;
  json_["grounds"] = Json::array();
  EXPECT_THAT(Refused(), HasSubstr("compared with nothing"));
}

TEST_F(ReceiptTest, OlderOnesAreReadByWhatTheyWereHeldAgainst) {
  json_ = *ExampleReceipt().json;
  EXPECT_EQ(Read().word, Word::kVerified);
  EXPECT_THAT(Read().why, HasSubstr("compared with the checkpoint"));
  EXPECT_EQ(Read().verdict.text, "verified, except drives");
  json_["against"] = "";
  EXPECT_EQ(Read().word, Word::kIntact) << "compared with nothing";
  json_["checks"] = Json::array();
  EXPECT_THAT(Refused(), HasSubstr("holds no checks"));
  json_ = *ExampleReceipt().json;
  json_["checks"][0]["passed"] = false;
  EXPECT_THAT(Refused(), HasSubstr("this check failed"));
  json_["passed"] = false;
  EXPECT_EQ(Read().word, Word::kFailed);
}

}  // namespace
}  // namespace vlaq::report
