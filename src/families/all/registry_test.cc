// What is asked of all families at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "families/family.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::families {
namespace {

using kosmos2_lstm::testing::RandomTensor;
using kosmos2_lstm::testing::TinyPolicy;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Registry, FamiliesAreFoundByName) {
  ASSERT_FALSE(All().empty());
  for (const Family* family : All()) EXPECT_EQ(FindOrNull(family->name()), family);
  EXPECT_EQ(FindOrNull("act"), nullptr);
  EXPECT_THAT(Find("act").error().ToString(), AllOf(HasSubstr("'act'"), HasSubstr("kosmos2_lstm")));
}

TEST(Registry, ACheckpointOfNoneSaysWhyOfEach) {
  TemporaryFolder folder;
  TinyPolicy policy;
  EXPECT_EQ((*Recognize(*policy.Open(folder.path())))->name(), "kosmos2_lstm");
  policy.tensors.clear();
  policy.tensors["encoder.weight"] = RandomTensor({2, 2}, 1, 1);
  EXPECT_THAT(Recognize(*policy.Open(folder.path())).error().ToString(),
              AllOf(HasSubstr("not kosmos2_lstm"), HasSubstr("vlaq inspect")));
}

TEST(Registry, WhatCanHurtIsTheFamilysOwn) {
  EXPECT_TRUE(CanHurt("kosmos2_lstm", "action_scale"));
  EXPECT_FALSE(CanHurt("onnx", "action_scale"));
  EXPECT_FALSE(CanHurt("kosmos2_lstm", "window"));
  EXPECT_TRUE(CanHurt("onnx", "inputs.observation.state.normalize"));
}

TEST(Traits, OfOtherFamiliesThereAreNone) {
  for (const char* family : {"onnx", "", "unknown"}) {
    const Traits& traits = TraitsOf(family);
    EXPECT_TRUE(traits.opposite_phrases.empty());
    EXPECT_FALSE(traits.action_classes.has_value());
    EXPECT_FALSE(traits.training_mae.has_value());
  }
}

TEST(FromCommandLine, AValueIsJsonOrAWord) {
  const auto json = FromCommandLine({{"window", "4"}, {"preprocess.resize", "box"}, {"mlp_widths", "[3,4]"}});
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->dump(), R"({"mlp_widths":[3,4],"preprocess":{"resize":"box"},"window":4})");
}

}  // namespace
}  // namespace vlaq::families
