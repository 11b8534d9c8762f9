#include "families/kosmos2_lstm/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "families/kosmos2_lstm/testing.h"

namespace vlaq::kosmos2_lstm {
namespace {

using kosmos2_lstm::testing::TinyPolicy;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  Json& Text() { return policy_.config["text_config"]; }
  Json& Vision() { return policy_.config["vision_config"]; }
  std::string Refused() const {
    const auto config = ParseConfig(policy_.config, "c.json", policy_.structure);
    if (config.ok()) return "accepted";
    EXPECT_EQ(config.error().code, ErrorCode::kInput);
    EXPECT_THAT(config.error().ToString(), HasSubstr("c.json"));
    return config.error().ToString();
  }
  TinyPolicy policy_;
};

TEST_F(ConfigTest, TakesWhatTensorsDoNotSay) {
  Text().update({{"layer_norm_eps", 1e-6},
                 {"activation_function", "relu"},
                 {"scale_embedding", false},
                 {"max_position_embeddings", 3000},
                 {"pad_token_id", 1}});
  Vision().update({{"layer_norm_eps", 1e-4}, {"hidden_act", "gelu"}});
  const auto config = ParseConfig(policy_.config, "c.json", policy_.structure);
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->text_heads, 3);
  EXPECT_EQ(config->vision_heads, 2);
  EXPECT_EQ(config->text_norm_epsilon, 1e-6);
  EXPECT_EQ(config->vision_norm_epsilon, 1e-4);
  EXPECT_EQ(config->text_activation, Activation::kRelu);
  EXPECT_EQ(config->vision_activation, Activation::kGelu);
  EXPECT_FALSE(config->scale_embedding);
  EXPECT_EQ(config->max_positions, 3000);
  // Through the bundle and back.
  const auto again = ParseConfig(ConfigToJson(*config, policy_.structure), "again", policy_.structure);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(ConfigToJson(*again, policy_.structure), ConfigToJson(*config, policy_.structure));
}

TEST_F(ConfigTest, DefaultsAreTransformers) {
  const auto config = ParseConfig(policy_.config, "c.json", policy_.structure);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->text_norm_epsilon, 1e-5);
  EXPECT_EQ(config->text_activation, Activation::kGelu);
  EXPECT_EQ(config->vision_activation, Activation::kQuickGelu);
  EXPECT_TRUE(config->scale_embedding);
  EXPECT_EQ(config->max_positions, 2048);
}

TEST_F(ConfigTest, AContradictionNamesTheKeyAndBothValues) {
  struct Case {
    const char* part;
    const char* key;
    int wrong;
    int right;
  };
  for (const Case& c : {Case{"text_config", "vocab_size", 31, 30}, Case{"text_config", "embed_dim", 24, 12},
                        Case{"text_config", "layers", 24, 2}, Case{"text_config", "ffn_dim", 21, 20},
                        Case{"vision_config", "hidden_size", 9, 8}, Case{"vision_config", "intermediate_size", 1, 10},
                        Case{"vision_config", "num_hidden_layers", 2, 3}, Case{"vision_config", "image_size", 224, 8},
                        Case{"vision_config", "patch_size", 14, 4}, Case{"vision_config", "num_channels", 1, 3}}) {
    policy_ = TinyPolicy();
    policy_.config[c.part][c.key] = c.wrong;
    EXPECT_THAT(Refused(), AllOf(HasSubstr(fmt::format("{}.{} is {}", c.part, c.key, c.wrong)),
                                 HasSubstr(fmt::format("say {}", c.right))));
  }
  policy_ = TinyPolicy();
  policy_.config["latent_query_num"] = 64;
  EXPECT_THAT(Refused(), AllOf(HasSubstr("latent_query_num is 64"), HasSubstr("say 5")));
}

TEST_F(ConfigTest, HeadsMustBeThereAndDivideTheWidth) {
  Text().erase("attention_heads");
  EXPECT_THAT(Refused(), HasSubstr("text_config.attention_heads is missing"));
  Text()["attention_heads"] = 5;
  EXPECT_THAT(Refused(), AllOf(HasSubstr("5"), HasSubstr("width 12")));
  Text()["attention_heads"] = 0;
  EXPECT_THAT(Refused(), HasSubstr("text_config.attention_heads is 0"));
  policy_ = TinyPolicy();
  Vision().erase("num_attention_heads");
  EXPECT_THAT(Refused(), HasSubstr("vision_config.num_attention_heads is missing"));
}

TEST_F(ConfigTest, WhatCannotBeComputedIsRefused) {
  Text()["pad_token_id"] = 0;
  EXPECT_THAT(Refused(), HasSubstr("text_config.pad_token_id is 0"));
  policy_ = TinyPolicy();
  Text()["activation_function"] = "gelu_new";
  EXPECT_THAT(Refused(), HasSubstr("\"gelu_new\""));
  policy_ = TinyPolicy();
  Text()["add_cross_attention"] = true;
  EXPECT_THAT(Refused(), HasSubstr("add_cross_attention"));
  policy_ = TinyPolicy();
  Text()["layer_norm_eps"] = 0;
  EXPECT_THAT(Refused(), HasSubstr("layer_norm_eps"));
  policy_ = TinyPolicy();
  Text()["max_position_embeddings"] = 1e9;
  EXPECT_THAT(Refused(), HasSubstr("max_position_embeddings"));
  policy_ = TinyPolicy();
  policy_.config.erase("vision_config");
  EXPECT_THAT(Refused(), HasSubstr("vision_config is missing; give transformers' Kosmos2Config"));
  policy_.config = Json::array();
  EXPECT_THAT(Refused(), HasSubstr("is not a JSON object"));
}

TEST_F(ConfigTest, ThePublishedOneOnlyForItsWidths) {
  const auto refused = PublishedConfig(policy_.structure);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(),
              AllOf(HasSubstr("text_config.attention_heads"), HasSubstr("vision_config.num_attention_heads"),
                    HasSubstr("12 text"), HasSubstr("--config")));
  policy_.structure.text.width = 2048;
  policy_.structure.vision.width = 1024;
  const auto published = PublishedConfig(policy_.structure);
  ASSERT_TRUE(published.ok());
  EXPECT_EQ(published->text_heads, 32);
  EXPECT_EQ(published->vision_heads, 16);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
