#include "families/kosmos2_lstm/layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/json.h"
#include "tokenizer/testing.h"

namespace vlaq::kosmos2_lstm::layouts {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tokenizer::testing::Fixture;
using tokenizer::testing::Small;
using Ids = std::vector<int64_t>;

const Json& Expected() {
  static const Result<Json> json = ReadJsonFile(Fixture("expected.json"));
  if (!json.ok()) throw std::runtime_error(json.error().ToString());
  return *json;
}

TEST(Prompt, HfProcessorEqualsTransformers) {
  ASSERT_GE(Expected()["prompts"].size(), 5U);
  for (const Json& entry : Expected()["prompts"]) {
    const auto text = entry["text"].get<std::string>();
    const auto prompt = HfProcessorPrompt(Small(), text, entry["image_tokens"].get<int64_t>());
    ASSERT_TRUE(prompt.ok()) << prompt.error().ToString();
    EXPECT_EQ(prompt->ids, entry["input_ids"].get<Ids>()) << text;
    EXPECT_EQ(prompt->attention_mask, entry["attention_mask"].get<Ids>()) << text;
    EXPECT_EQ(prompt->ImagePositionMask(), entry["image_embeds_position_mask"].get<Ids>()) << text;
  }
}

TEST(Prompt, RobovlmsEqualsTransformersWithSpecials) {
  ASSERT_GE(Expected()["robovlms"].size(), 3U);
  for (const Json& entry : Expected()["robovlms"]) {
    const auto instruction = entry["instruction"].get<std::string>();
    const auto prompt = RobovlmsPrompt(Small(), RobovlmsText(instruction));
    ASSERT_TRUE(prompt.ok()) << prompt.error().ToString();
    EXPECT_EQ(prompt->ids, entry["ids"].get<Ids>()) << instruction;
    EXPECT_EQ(prompt->attention_mask, Ids(prompt->ids.size(), 1));
    EXPECT_EQ(prompt->image_start, std::nullopt);
    EXPECT_THAT(prompt->ImagePositionMask(), Each(0));
  }
}

TEST(Prompt, TextsAreStrippedAndJoined) {
  EXPECT_EQ(HfProcessorText(), "<grounding>An image of");
  EXPECT_EQ(HfProcessorText(" \n"), "<grounding>An image of");
  EXPECT_EQ(HfProcessorText(" go left\n"), "<grounding>An image of go left");
  EXPECT_EQ(RobovlmsText("\tgo left "), "<grounding>An image of a robot go left");
}

// The test vector of transformers with the published tokenizer.
TEST(Prompt, DefaultWithoutATokenizer) {
  const auto prompt = DefaultHfProcessorPrompt();
  ASSERT_TRUE(prompt.ok());
  Ids expected = {0, 64003};
  for (int64_t id = 4; id <= 67; ++id) expected.push_back(id);
  for (const int64_t id : {64004, 64012, 712, 1648, 9}) expected.push_back(id);
  EXPECT_EQ(prompt->ids, expected);
  EXPECT_EQ(prompt->image_start, 2);
  EXPECT_EQ(prompt->image_tokens, 64);
  const Ids mask = prompt->ImagePositionMask();
  EXPECT_EQ(mask.size(), prompt->ids.size());
  EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), int64_t{0}), 64);
  EXPECT_EQ(mask[1], 0);
  EXPECT_EQ(mask[2], 1);
  EXPECT_EQ(mask[65], 1);
  EXPECT_EQ(mask[66], 0);
}

TEST(Prompt, HfProcessorIdsAreCheckedAgainstTheLayout) {
  const auto prompt = HfProcessorPromptFromIds({0, 500, 4, 5, 6, 501, 588}, 3);
  ASSERT_TRUE(prompt.ok());
  EXPECT_EQ(prompt->image_start, 2);
  EXPECT_THAT(prompt->ImagePositionMask(), ElementsAre(0, 0, 1, 1, 1, 0, 0));
  for (const Ids& wrong : {Ids{0, 64012, 712, 1648, 9, 2}, Ids{}, Ids{0, 500, 4, 5, 6}, Ids{0, 500, 4, 5, 5, 501}}) {
    const auto refused = HfProcessorPromptFromIds(wrong, 3);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
    EXPECT_THAT(refused.error().ToString(), HasSubstr("hf_processor"));
  }
}

TEST(Prompt, ForkFallbackPadsWithZeroBehindTheMask) {
  const auto prompt = ForkFallbackPromptFromIds({0, 7, 8, 2});
  ASSERT_TRUE(prompt.ok());
  ASSERT_EQ(prompt->ids.size(), 64U);
  Ids expected(64, 0);
  expected[1] = 7;
  expected[2] = 8;
  expected[3] = 2;
  EXPECT_EQ(prompt->ids, expected);
  Ids mask(64, 0);
  std::fill_n(mask.begin(), 4, 1);
  EXPECT_EQ(prompt->attention_mask, mask);
  EXPECT_EQ(prompt->image_start, 0);
  EXPECT_EQ(prompt->ImagePositionMask(), Ids(64, 1));
}

TEST(Prompt, ForkFallbackKeepsLongPrompts) {
  Ids ids(70, 9);
  const auto prompt = ForkFallbackPromptFromIds(ids);
  ASSERT_TRUE(prompt.ok());
  EXPECT_EQ(prompt->ids, ids);
  EXPECT_EQ(prompt->attention_mask, Ids(70, 1));
  const Ids mask = prompt->ImagePositionMask();
  EXPECT_EQ(mask[63], 1);
  EXPECT_EQ(mask[64], 0);
}

TEST(Prompt, ForkFallbackTokenizesLikeRobovlms) {
  const std::string text = RobovlmsText("go to the left bottle");
  const Ids plain = RobovlmsPrompt(Small(), text)->ids;
  const Ids padded = ForkFallbackPrompt(Small(), text)->ids;
  ASSERT_GE(padded.size(), plain.size());
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), padded.begin()));
}

TEST(Prompt, SizesAreChecked) {
  for (const auto& refused :
       {RobovlmsPromptFromIds({0}), RobovlmsPromptFromIds(Ids(513, 5)), RobovlmsPromptFromIds({0, -4, 2}),
        ForkFallbackPromptFromIds({0, 2}, 0), DefaultHfProcessorPrompt(0), DefaultHfProcessorPrompt(2000),
        HfProcessorPrompt(Small(), std::string((size_t{1} << 20) + 1, 'x'))}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  }
  EXPECT_TRUE(RobovlmsPromptFromIds(Ids(512, 5)).ok());
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm::layouts
