#include "families/kosmos2_lstm/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::kosmos2_lstm::prompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PolicySpec Spec(PromptLayout layout, int64_t vocabulary) {
  PolicySpec spec;
  spec.prompt_layout = layout;
  spec.vocabulary = vocabulary;
  return spec;
}

TEST(Prompt, PublishedOneFitsOnlyThePublishedModel) {
  const auto prompt = Published(Spec(PromptLayout::kHfProcessor, 65037));
  ASSERT_TRUE(prompt.ok()) << prompt.error().ToString();
  ASSERT_EQ(prompt->ids.size(), 71U);
  EXPECT_EQ(prompt->ids[1], 64003);
  EXPECT_EQ(prompt->ids[70], 9);
  EXPECT_EQ(prompt->text, "<grounding>An image of");
  EXPECT_THAT(Published(Spec(PromptLayout::kHfProcessor, 600)).error().ToString(), HasSubstr("--prompt-ids"));
  EXPECT_EQ(Published(Spec(PromptLayout::kRobovlms, 65037)).error().code, ErrorCode::kUsage);
}

TEST(Prompt, IdsAreCheckedAgainstLayoutAndVocabulary) {
  EXPECT_TRUE(FromIds(Spec(PromptLayout::kRobovlms, 10), {0, 9, 2}).ok());
  EXPECT_THAT(FromIds(Spec(PromptLayout::kRobovlms, 10), {0, 10, 2}).error().ToString(), HasSubstr("prompt id 10"));
  EXPECT_FALSE(FromIds(Spec(PromptLayout::kRobovlms, 10), {0}).ok());
  EXPECT_FALSE(FromIds(Spec(PromptLayout::kHfProcessor, 600), {0, 5, 6}).ok());
}

TEST(Prompt, ForkFallbackPadsWithMaskedZeros) {
  PolicySpec spec = Spec(PromptLayout::kForkFallback, 600);
  spec.image_tokens = 5;
  const auto prompt = FromIds(spec, {0, 7, 2});
  ASSERT_TRUE(prompt.ok()) << prompt.error().ToString();
  EXPECT_THAT(prompt->ids, ElementsAre(0, 7, 2, 0, 0));
  EXPECT_THAT(prompt->mask, ElementsAre(1, 1, 1, 0, 0));
  Bake(*prompt, spec);
  EXPECT_EQ(Baked(spec).ids, prompt->ids);
  EXPECT_EQ(Baked(spec).mask, prompt->mask);
}

TEST(Prompt, ImageElsewhereIsTakenAsGiven) {
  PolicySpec spec = Spec(PromptLayout::kHfProcessor, 600);
  spec.image_start = 1;
  spec.image_tokens = 2;
  const auto prompt = FromIds(spec, {0, 500, 500, 9});
  ASSERT_TRUE(prompt.ok()) << prompt.error().ToString();
  EXPECT_THAT(prompt->mask, ElementsAre(1, 1, 1, 1));
}

TEST(Prompt, UnknownWordsAnEmptyInstructionAndBadBytesAreNoticed) {
  const auto tokenizer = tokenizer::Tokenizer::Load(VLAQ_TESTDATA "/tokenizer/small.model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().ToString();
  PolicySpec spec = Spec(PromptLayout::kHfProcessor, (*tokenizer)->vocabulary().size());
  const auto complaint = [&](std::string_view instruction) {
    const auto prompt = FromInstruction(spec, **tokenizer, instruction);
    return prompt.ok() ? Complaint(*prompt) : prompt.error().ToString();
  };
  EXPECT_EQ(complaint("go left"), "");
  EXPECT_THAT(complaint("\u65e5\u672c\u8a9e"), HasSubstr("tokens are unknown"));
  EXPECT_THAT(complaint(""), HasSubstr("the instruction is empty"));
  EXPECT_THAT(complaint(" \t"), HasSubstr("the instruction is empty"));
  EXPECT_THAT(complaint("go \xff left"), HasSubstr("not UTF-8"));
  spec.max_tokens = 75;
  EXPECT_THAT(complaint("go left go left go left go left go left go left"),
              HasSubstr("but the model has positions for 75; shorten the instruction"));
}

TEST(Prompt, TheTokenizerMustBeTheCheckpoints) {
  const auto tokenizer = tokenizer::Tokenizer::Load(VLAQ_TESTDATA "/tokenizer/small.model");
  ASSERT_TRUE(tokenizer.ok());
  const auto check = [&](int64_t vocabulary) {
    const Status status = CheckTokenizer(Spec(PromptLayout::kHfProcessor, vocabulary), **tokenizer);
    return status.ok() ? std::string("ok") : status.error().ToString();
  };
  EXPECT_EQ(check(1187), "ok");
  EXPECT_EQ(check(1216), "ok") << "rows of padding";
  EXPECT_THAT(check(600), HasSubstr("1187 tokens, but the checkpoint embeds only 600"));
  EXPECT_THAT(check(65037), HasSubstr("embeds 65037"));
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm::prompt
