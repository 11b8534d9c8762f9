#include "report/older.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace vlaq::report {
namespace {

TEST(InWordsOfToday, RenamesWhatAnEvaluationSaid) {
  const Json was = Json::parse(R"({"schema": "vlaq.eval/1", "mode": "simulation",
    "policy": {"name": "a", "conditions": [{"condition": "normal", "x": 1}, {"condition": "one-frame"}]},
    "against": {"name": "b", "conditions": [{"condition": "deaf"}, {"condition": "of my own"}]},
    "comparison": [{"condition": "swapped", "only_against": 2, "only_policy": 1}]})");
  EXPECT_EQ(InWordsOfToday(was), Json::parse(R"({"schema": "vlaq.eval/2", "mode": "simulation",
    "policy": {"name": "a", "ablations": [{"ablation": "none", "x": 1}, {"ablation": "one_frame"}]},
    "reference": {"name": "b", "ablations": [{"ablation": "no_instruction"}, {"ablation": "of my own"}]},
    "comparison": [{"ablation": "swapped_instruction", "only_reference": 2, "only_policy": 1}]})"));
}

TEST(InWordsOfToday, RenamesWhatAReceiptSaid) {
  const Json was = Json::parse(R"({"schema": "vlaq.verify/1", "against": "c.pth",
    "checks": [{"rung": 3, "name": "n"}], "untestable": [{"rung": 5}]})");
  EXPECT_EQ(InWordsOfToday(was), Json::parse(R"({"schema": "vlaq.verify/2", "against": "c.pth",
    "checks": [{"stage": 3, "name": "n"}], "untestable": [{"stage": 5}]})"));
}

TEST(InWordsOfToday, LeavesOtherDocumentsAndNonsenseAsTheyAre) {
  for (const char* text : {"3", "[]", "{}", R"({"schema": 1})", R"({"schema": "vlaq.results/1", "rung": 1})",
                           R"({"schema": "vlaq.eval/2", "against": 1})"}) {
    EXPECT_EQ(InWordsOfToday(Json::parse(text)), Json::parse(text));
  }
  EXPECT_EQ(InWordsOfToday(Json::parse(R"({"schema": "vlaq.verify/1", "checks": 3, "untestable": [1, null]})")),
            Json::parse(R"({"schema": "vlaq.verify/2", "checks": 3, "untestable": [1, null]})"));
  EXPECT_EQ(InWordsOfToday(Json::parse(R"({"schema": "vlaq.eval/1", "policy": [], "comparison": {"a": 1}})")),
            Json::parse(R"({"schema": "vlaq.eval/2", "policy": [], "comparison": {"a": 1}})"));
}

}  // namespace
}  // namespace vlaq::report
