#include "families/kosmos2_lstm/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::kosmos2_lstm {
namespace {

using kosmos2_lstm::testing::RandomTensor;
using kosmos2_lstm::testing::TinyPolicy;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StructureTest : public ::testing::Test {
 protected:
  Structure Read() {
    const auto structure = RequireStructure(*policy_.Open(folder_.path()));
    EXPECT_TRUE(structure.ok()) << structure.error().ToString();
    return structure.ok() ? *structure : Structure{};
  }
  // The error, which must blame the file.
  std::string Refused() {
    const auto structure = RequireStructure(*policy_.Open(folder_.path()));
    if (structure.ok()) return "accepted";
    EXPECT_EQ(structure.error().code, ErrorCode::kInput);
    EXPECT_THAT(structure.error().ToString(), HasSubstr("model.safetensors"));
    return structure.error().ToString();
  }
  void Reshape(const std::string& name, const Shape& shape) { policy_.tensors[name] = RandomTensor(shape, 3, 1); }

  TemporaryFolder folder_;
  TinyPolicy policy_;
};

TEST_F(StructureTest, ReadsEverySizeFromShapes) {
  const Structure s = Read();
  EXPECT_EQ(s.variant, "simple LSTM");
  EXPECT_EQ(s.backbone_prefix, "kosmos_model.");
  EXPECT_EQ(s.head_prefix, "");
  EXPECT_EQ(s.text.layers, 2);
  EXPECT_EQ(s.text.width, 12);
  EXPECT_EQ(s.text.ffn, 20);
  EXPECT_EQ(s.text.vocabulary, 30);
  EXPECT_EQ(s.vision.layers, 3);
  EXPECT_EQ(s.vision.width, 8);
  EXPECT_EQ(s.vision.ffn, 10);
  EXPECT_EQ(s.vision.patch, 4);
  EXPECT_EQ(s.vision.image_size, 8);
  EXPECT_EQ(s.vision.tokens(), 5);
  EXPECT_EQ(s.latents, 5);
  EXPECT_THAT(s.mlp.widths, ElementsAre(7));
  EXPECT_EQ(s.mlp.outputs, 4);
  EXPECT_FALSE(s.has_action_token);
  EXPECT_EQ(s.names.size(), policy_.tensors.size());
  EXPECT_TRUE(s.unknown.empty());
}

TEST_F(StructureTest, HiddenIsAQuarterOfTheGateRows) {
  Structure wide = TinyPolicy::DefaultStructure();
  wide.lstm = {.layers = 1, .input = 12, .hidden = 1024};
  policy_ = TinyPolicy(false, wide);
  EXPECT_EQ(policy_.Head("rnn.weight_ih_l0").shape()[0], 4096);
  EXPECT_EQ(Read().lstm.hidden, 1024);
  const auto summary = Kosmos2Lstm().Recognize(*policy_.Open(folder_.path()));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(Json::parse(summary->summary->json)["lstm"], Json::parse(R"({"layers":1,"input":12,"hidden":1024})"));
}

TEST_F(StructureTest, RobovlmsNaming) {
  policy_ = TinyPolicy(true);
  policy_.tensors["model.backbone.text_model.lm_head.weight"] = RandomTensor({30, 12}, 5, 1);
  const Structure s = Read();
  EXPECT_EQ(s.variant, "RoboVLMs");
  EXPECT_EQ(s.backbone_prefix, "model.backbone.");
  EXPECT_EQ(s.head_prefix, "model.act_head.");
  EXPECT_TRUE(s.has_action_token);
  EXPECT_THAT(s.ignored.at("model.backbone.text_model.lm_head.weight"), HasSubstr("no logits"));
  EXPECT_TRUE(s.unknown.empty());
}

TEST_F(StructureTest, OldBuffersAreIgnoredAndOthersUnknown) {
  policy_.tensors["kosmos_model.vision_model.model.embeddings.position_ids"] = Tensor::Make(DType::kI64, {1, 5});
  policy_.tensors["kosmos_model.text_model.model.embed_positions._float_tensor"] = RandomTensor({1}, 1, 1);
  policy_.tensors["image_projection.weight"] = RandomTensor({12, 8}, 1, 1);
  const Structure s = Read();
  EXPECT_EQ(s.ignored.size(), 2U);
  EXPECT_THAT(s.unknown, ElementsAre("image_projection.weight"));
}

TEST_F(StructureTest, AnyTensorThatIsMissingIsNamed) {
  // Each of them, so that no part of the table is unguarded.
  const TinyPolicy whole;
  for (const auto& [name, tensor] : whole.tensors) {
    policy_ = whole;
    policy_.tensors.erase(name);
    const std::string refused = Refused();
    const bool counted = name.ends_with("k_proj.weight") || name.starts_with("rnn.weight_ih") ||
                         name.starts_with("actions.mlp") || refused.find("is not a kosmos2_lstm") != std::string::npos;
    if (!counted) {
      EXPECT_THAT(refused, AllOf(HasSubstr("'" + name + "'"), HasSubstr("missing")));
    }
    // What counts layers shows as a contradiction, or as tensors without a place, which Build refuses.
    if (refused == "accepted") {
      EXPECT_FALSE(Read().unknown.empty()) << name;
    }
  }
}

TEST_F(StructureTest, AnyTensorOfAnotherShapeIsRefused) {
  const TinyPolicy whole;
  for (const auto& [name, tensor] : whole.tensors) {
    if (name == "rnn.weight_ih_l0") continue;  // its width is the feature's, which Propose compares
    policy_ = whole;
    Shape shape = tensor.shape();
    ++shape.back();
    Reshape(name, shape);
    EXPECT_NE(Refused(), "accepted") << name;
  }
}

TEST_F(StructureTest, ShapesAreGivenInTheError) {
  Reshape("kosmos_model.text_model.model.layers.1.ffn.fc2.weight", {12, 19});
  EXPECT_THAT(Refused(), AllOf(HasSubstr("layers.1.ffn.fc2.weight"), HasSubstr("[12, 19]"), HasSubstr("[12, 20]")));
}

TEST_F(StructureTest, IntegersAreNoWeights) {
  policy_.Backbone("text_model.model.layer_norm.bias") = Tensor::Make(DType::kI64, {12});
  EXPECT_THAT(Refused(), AllOf(HasSubstr("layer_norm.bias"), HasSubstr("int64")));
}

TEST_F(StructureTest, TwoCopiesAreRefused) {
  policy_.tensors["ema.text_model.model.embed_tokens.weight"] = RandomTensor({30, 12}, 1, 1);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("2 copies"), HasSubstr("'ema.'"), HasSubstr("'kosmos_model.'")));
}

TEST_F(StructureTest, OtherLstmsAreRefused) {
  policy_.tensors["rnn.weight_ih_l0_reverse"] = RandomTensor({24, 12}, 1, 1);
  EXPECT_THAT(Refused(), HasSubstr("bidirectional"));
  policy_.tensors.erase("rnn.weight_ih_l0_reverse");
  policy_.tensors["rnn.weight_hr_l0"] = RandomTensor({3, 6}, 1, 1);
  EXPECT_THAT(Refused(), HasSubstr("projected"));
}

TEST_F(StructureTest, AGripperHeadIsRefused) {
  policy_.tensors["gripper.mlp.0.weight"] = RandomTensor({2, 6}, 1, 1);
  EXPECT_THAT(Refused(), HasSubstr("gripper"));
}

TEST_F(StructureTest, TwoHeadsOrNoneAreRefused) {
  policy_.tensors["velocities.mlp.0.weight"] = RandomTensor({2, 6}, 1, 1);
  EXPECT_THAT(Refused(), HasSubstr("several MLP heads"));
  policy_ = TinyPolicy();
  std::erase_if(policy_.tensors, [](const auto& tensor) { return tensor.first.starts_with("actions."); });
  EXPECT_THAT(Refused(), HasSubstr("no MLP head"));
}

TEST_F(StructureTest, LinearNumbersMayHaveGapsAndTwoDigits) {
  Structure dropout = TinyPolicy::DefaultStructure();
  dropout.mlp = {.name = "actions", .numbers = {0, 3, 10}, .widths = {7, 5}, .outputs = 4};
  policy_ = TinyPolicy(false, dropout);
  const Structure s = Read();
  EXPECT_THAT(s.mlp.numbers, ElementsAre(0, 3, 10));
  EXPECT_THAT(s.mlp.widths, ElementsAre(7, 5));
}

TEST_F(StructureTest, ALayerLeftOutInTheMiddleIsNotOverlooked) {
  const TinyPolicy whole;
  policy_.tensors.clear();
  for (const auto& [name, tensor] : whole.tensors) {
    if (name.find("encoder.layers.1.") == std::string::npos) policy_.tensors.emplace(name, tensor);
  }
  const Structure s = Read();
  EXPECT_EQ(s.vision.layers, 1);
  EXPECT_EQ(s.unknown.size(), 16U);  // all of layer 2: Build refuses them
}

TEST_F(StructureTest, SizesThatCannotBeComputed) {
  Reshape("kosmos_model.vision_model.model.embeddings.position_embedding.weight", {7, 8});
  EXPECT_THAT(Refused(), HasSubstr("square grid"));
  policy_ = TinyPolicy();
  Reshape("kosmos_model.vision_model.model.embeddings.patch_embedding.weight", {8, 3, 4, 2});
  EXPECT_THAT(Refused(), HasSubstr("4 x 2"));
  policy_ = TinyPolicy();
  Reshape("kosmos_model.vision_model.model.embeddings.patch_embedding.weight", {8, 1, 4, 4});
  EXPECT_THAT(Refused(), HasSubstr("reads 1 channels"));
  policy_ = TinyPolicy();
  Reshape("rnn.weight_ih_l0", {22, 12});
  EXPECT_THAT(Refused(), HasSubstr("four gates"));
}

TEST_F(StructureTest, AnotherModelIsNoError) {
  policy_.tensors.clear();
  policy_.tensors["encoder.weight"] = RandomTensor({2, 2}, 1, 1);
  const auto read = ReadStructure(*policy_.Open(folder_.path()));
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->structure);
  EXPECT_THAT(read->reason, HasSubstr("embed_tokens.weight"));
  EXPECT_THAT(Kosmos2Lstm().Recognize(*policy_.Open(folder_.path()))->reason, HasSubstr("embed_tokens.weight"));
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
