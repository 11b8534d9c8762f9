// The three graphs as graphs, and what they do with prompts: run by the reference back end. That they compute the
// policy is the business of tests/golden.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_spec.h"
#include "families/kosmos2_lstm/testing.h"
#include "onnx/model_file.h"
#include "tensor/difference.h"

namespace vlaq::kosmos2_lstm {
namespace {

using backend::NamedTensors;
using families::BuildOptions;
using families::kWeightAlignment;
using families::kWeightsFile;
using families::PlacedWeight;
using families::PolicyGraphs;
using families::StoredPrecision;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::TinyPolicy;

std::vector<std::string> DimTexts(const std::vector<onnx::ValueInfo>& values) {
  std::vector<std::string> texts;
  for (const auto& value : values) texts.push_back(value.name + " " + onnx::DimsText(value.dims));
  return texts;
}

std::set<std::string> Operators(const onnx::Model& model) {
  std::set<std::string> operators;
  for (const onnx::Node& node : model.graph.nodes) operators.insert(node.op_type);
  return operators;
}

const onnx::Model& ModelOf(const PolicyGraphs& graphs, std::string_view name) { return graphs.Find(name)->model; }

class GraphsTest : public ::testing::Test {
 protected:
  void Use(bool robovlms, FeatureSource source, PromptLayout layout) {
    policy_ = TinyPolicy(robovlms);
    policy_.policy["feature_source"] = Name(source);
    policy_.policy["prompt_layout"] = Name(layout);
    if (layout == PromptLayout::kForkFallback) {  // 6 tokens, one of them padding
      policy_.policy["prompt_ids"] = {0, 25, 26, 27, 2, 0};
      policy_.policy["attention_mask"] = {1, 1, 1, 1, 1, 0};
    }
  }

  PolicyGraphs Build(const BuildOptions& options = {}) {
    checkpoint_ = policy_.Open(folder_.path());
    families::Settings settings;
    settings.config = folder_.path() / "config.json";
    settings.policy = folder_.path() / "policy.json";
    const auto proposal = Kosmos2Lstm().Settle(*checkpoint_, settings, SilentLog());
    EXPECT_TRUE(proposal.ok()) << proposal.error().ToString();
    spec_ = *ParsePolicySpec(*ParseJson(proposal->settings, "settings"), "settings", {});
    auto graphs = Kosmos2Lstm().Build(*checkpoint_, proposal->settings, proposal->config, options);
    EXPECT_TRUE(graphs.ok()) << graphs.error().ToString();
    return std::move(*graphs);
  }

  // Writes the weights, so that graphs can run.
  void WriteWeights(const PolicyGraphs& graphs) const {
    std::string bytes;
    for (const PlacedWeight& weight : graphs.weights) {
      bytes.resize(weight.offset);
      ASSERT_TRUE(StreamWeight(weight.recipe, *checkpoint_, [&](Bytes piece) -> Status {
                    bytes += AsText(piece);
                    return {};
                  }).ok());
    }
    testing::WriteText(folder_.path() / kWeightsFile, bytes);
  }

  Tensor Run(const onnx::Model& model, const NamedTensors& inputs) const {
    auto bytes = onnx::Serialize(model);
    const backend::ModelSource source{"model", std::make_shared<const std::string>(*bytes), folder_.path()};
    auto opened = backend::MakeReferenceBackend()->Open(source, {});
    EXPECT_TRUE(opened.ok()) << opened.error().ToString();
    auto outputs = (*opened)->Run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return outputs.ok() ? outputs->begin()->second : Tensor();
  }

  static NamedTensors Inputs(const Tensor& pixels, const std::vector<std::vector<int64_t>>& ids,
                             const std::vector<std::vector<int64_t>>& masks) {
    const auto rows = [](const std::vector<std::vector<int64_t>>& lists) {
      std::vector<int64_t> flat;
      for (const auto& list : lists) flat.insert(flat.end(), list.begin(), list.end());
      return Tensor::From<int64_t>({static_cast<int64_t>(lists.size()), static_cast<int64_t>(lists[0].size())}, flat);
    };
    return {{"pixel_values", pixels}, {"input_ids", rows(ids)}, {"attention_mask", rows(masks)}};
  }

  static double Distance(const Tensor& a, const Tensor& b) {
    const auto difference = Compare(a, b);
    EXPECT_TRUE(difference.ok()) << difference.error().ToString();
    return difference.ok() ? difference->max_absolute() : std::numeric_limits<double>::infinity();
  }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  PolicySpec spec_;
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
};

TEST_F(GraphsTest, AxesAndVersions) {
  const PolicyGraphs graphs = Build();
  EXPECT_THAT(DimTexts(ModelOf(graphs, "whole").graph.inputs), ElementsAre("pixel_values [batch, window, 3, 8, 8]"));
  EXPECT_THAT(DimTexts(ModelOf(graphs, "whole").graph.outputs), ElementsAre("actions [batch, 2, 2]"));
  EXPECT_THAT(
      DimTexts(ModelOf(graphs, "encoder").graph.inputs),
      ElementsAre("pixel_values [batch, 3, 8, 8]", "input_ids [batch, tokens]", "attention_mask [batch, tokens]"));
  EXPECT_THAT(DimTexts(ModelOf(graphs, "encoder").graph.outputs), ElementsAre("feature [batch, 12]"));
  EXPECT_THAT(DimTexts(ModelOf(graphs, "head").graph.inputs), ElementsAre("features [batch, window, 12]"));
  EXPECT_THAT(DimTexts(ModelOf(graphs, "head").graph.outputs), ElementsAre("actions [batch, 2, 2]"));
  for (const onnx::Model* model : {&ModelOf(graphs, "whole"), &ModelOf(graphs, "encoder"), &ModelOf(graphs, "head")}) {
    EXPECT_EQ(model->ir_version, 8);
    EXPECT_EQ(model->opsets, (std::map<std::string, int64_t>{{"", 17}}));
    EXPECT_EQ(model->producer_name, "vlaq");
  }
}

TEST_F(GraphsTest, NoControlFlowAndNoComputedShapes) {
  struct Case {
    bool robovlms;
    FeatureSource source;
    PromptLayout layout;
  };
  for (const Case& c : {Case{false, FeatureSource::kMeanHidden, PromptLayout::kHfProcessor},
                        Case{false, FeatureSource::kLastToken, PromptLayout::kHfProcessor},
                        Case{true, FeatureSource::kActionToken, PromptLayout::kRobovlms},
                        Case{true, FeatureSource::kActionToken, PromptLayout::kForkFallback}}) {
    Use(c.robovlms, c.source, c.layout);
    for (const bool bake : {false, true}) {
      const PolicyGraphs graphs = Build({StoredPrecision::kFp32, bake});
      for (const char* forbidden :
           {"If", "Loop", "Scan", "NonZero", "Shape", "Size", "Range", "ConstantOfShape", "Expand"}) {
        EXPECT_FALSE(Operators(ModelOf(graphs, "encoder")).contains(forbidden)) << forbidden;
      }
      for (const char* forbidden : {"If", "Loop", "Scan", "NonZero"}) {
        EXPECT_FALSE(Operators(ModelOf(graphs, "whole")).contains(forbidden)) << forbidden;
        EXPECT_FALSE(Operators(ModelOf(graphs, "head")).contains(forbidden)) << forbidden;
      }
      // Opset 17 has no Gelu; LayerNormalization is its own since 17.
      EXPECT_TRUE(Operators(ModelOf(graphs, "encoder")).contains("LayerNormalization"));
      EXPECT_EQ(ModelOf(graphs, "encoder").graph.inputs.size(), bake ? 1U : 3U);
    }
  }
}

// verify fails what a golden file holds of these and a bundle does not name.
TEST_F(GraphsTest, GoldenStagesAreThoseOfTheGraphs) {
  for (const FeatureSource source : {FeatureSource::kMeanHidden, FeatureSource::kPooler}) {
    if (source == FeatureSource::kPooler) policy_.structure.lstm.input = 8;
    policy_ = TinyPolicy(false, policy_.structure);
    policy_.policy["feature_source"] = Name(source);
    for (const bool bake : {false, true}) {
      const PolicyGraphs graphs = Build({StoredPrecision::kFp32, bake});
      const auto known = Kosmos2Lstm().GoldenStages(graphs.policy);
      ASSERT_TRUE(known.ok()) << known.error().ToString();
      std::set<std::string> made;
      for (const auto& [stage, value] : graphs.stages) made.insert(stage);
      EXPECT_EQ(made.size(), source == FeatureSource::kPooler ? 1U : 3U);
      const policy::Graph& head = graphs.policy.graphs.at("head");
      made.insert(head.inputs.begin()->first);
      made.insert(head.outputs.begin()->first);
      EXPECT_EQ(std::set<std::string>(known->begin(), known->end()), made);
    }
  }
}

TEST_F(GraphsTest, TheSameBytesEveryTime) {
  const PolicyGraphs first = Build();
  const PolicyGraphs second = Build();
  EXPECT_EQ(*onnx::Serialize(ModelOf(first, "whole")), *onnx::Serialize(ModelOf(second, "whole")));
  EXPECT_EQ(*onnx::Serialize(ModelOf(first, "encoder")), *onnx::Serialize(ModelOf(second, "encoder")));
  EXPECT_EQ(*onnx::Serialize(ModelOf(first, "head")), *onnx::Serialize(ModelOf(second, "head")));
}

TEST_F(GraphsTest, TheGraphsShareTheirWeights) {
  const PolicyGraphs graphs = Build();
  std::map<std::string, uint64_t> places;
  for (const PlacedWeight& weight : graphs.weights) {
    EXPECT_EQ(weight.offset % kWeightAlignment, 0U);
    EXPECT_TRUE(places.emplace(weight.recipe.name, weight.offset).second);
  }
  std::set<std::string> used;
  for (const onnx::Model* model : {&ModelOf(graphs, "whole"), &ModelOf(graphs, "encoder"), &ModelOf(graphs, "head")}) {
    for (const onnx::Initializer& initializer : model->graph.initializers) {
      if (!initializer.is_external()) {
        EXPECT_LE(initializer.bytes(), 256U) << initializer.name;  // only small constants lie inside
        continue;
      }
      used.insert(initializer.name);
      EXPECT_EQ(std::get<onnx::ExternalData>(initializer.data).offset, places.at(initializer.name));
      EXPECT_EQ(std::get<onnx::ExternalData>(initializer.data).location, "weights.bin");
    }
  }
  EXPECT_EQ(used.size(), graphs.weights.size());
  EXPECT_TRUE(graphs.left_out.empty());
}

TEST_F(GraphsTest, ThePoolerLeavesTheLanguageTowerOut) {
  policy_.structure.lstm.input = 8;
  policy_ = TinyPolicy(false, policy_.structure);
  policy_.policy["feature_source"] = "pooler";
  const PolicyGraphs graphs = Build();
  EXPECT_EQ(ModelOf(graphs, "encoder").graph.inputs.size(), 1U);
  EXPECT_FALSE(graphs.stages.contains("text_last_hidden"));
  for (const PlacedWeight& weight : graphs.weights) EXPECT_THAT(weight.recipe.name, Not(HasSubstr("text_model")));
  EXPECT_THAT(graphs.left_out.at("kosmos_model.text_model.model.layer_norm.bias"), HasSubstr("vision tower alone"));
}

TEST_F(GraphsTest, PaddingOnTheRightChangesNothing) {
  for (const FeatureSource source :
       {FeatureSource::kMeanHidden, FeatureSource::kLastToken, FeatureSource::kFirstToken}) {
    Use(false, source, PromptLayout::kHfProcessor);
    const PolicyGraphs graphs = Build();
    WriteWeights(graphs);
    const Tensor frame = RandomTensor({1, 3, 8, 8}, 7, 1);
    const std::vector<int64_t> ids = spec_.prompt_ids;
    const Tensor plain = Run(ModelOf(graphs, "encoder"), Inputs(frame, {ids}, {std::vector<int64_t>(ids.size(), 1)}));
    std::vector<int64_t> padded = ids;
    padded.insert(padded.end(), {1, 1, 1});
    std::vector<int64_t> mask(ids.size(), 1);
    mask.resize(padded.size(), 0);
    // Beside a longer prompt in one batch, as padding is made for.
    std::vector<int64_t> longer = ids;
    longer.insert(longer.end(), {28, 22, 23});
    Tensor two = Tensor::Make(DType::kF32, {2, 3, 8, 8});
    for (size_t half = 0; half < 2; ++half) {
      std::copy(frame.bytes().begin(), frame.bytes().end(),
                two.mutable_bytes().begin() + static_cast<std::ptrdiff_t>(half * frame.bytes().size()));
    }
    const Tensor both =
        Run(ModelOf(graphs, "encoder"), Inputs(two, {padded, longer}, {mask, std::vector<int64_t>(longer.size(), 1)}));
    const Tensor first = Tensor::View(DType::kF32, {1, 12}, both.bytes().first(48), std::make_shared<Tensor>(both));
    EXPECT_LE(Distance(plain, first), 1e-6) << Name(source);
  }
}

TEST_F(GraphsTest, ABakedPromptIsTheSamePrompt) {
  struct Case {
    bool robovlms;
    FeatureSource source;
    PromptLayout layout;
  };
  for (const Case& c : {Case{false, FeatureSource::kMeanHidden, PromptLayout::kHfProcessor},
                        Case{false, FeatureSource::kLastToken, PromptLayout::kHfProcessor},
                        Case{true, FeatureSource::kActionToken, PromptLayout::kRobovlms},
                        Case{true, FeatureSource::kMeanHidden, PromptLayout::kRobovlms},
                        Case{true, FeatureSource::kActionToken, PromptLayout::kForkFallback},
                        Case{true, FeatureSource::kActionToken, PromptLayout::kHfProcessor}}) {
    Use(c.robovlms, c.source, c.layout);
    if (c.robovlms && c.layout == PromptLayout::kHfProcessor)
      policy_.policy["prompt_ids"] = TinyPolicy().policy["prompt_ids"];
    const Tensor frames = RandomTensor({2, 3, 8, 8}, 7, 1);
    const PolicyGraphs baked = Build({StoredPrecision::kFp32, true});
    WriteWeights(baked);
    const Tensor fixed = Run(ModelOf(baked, "encoder"), {{"pixel_values", frames}});
    const PolicyGraphs asking = Build();
    WriteWeights(asking);
    const auto ids = spec_.prompt_ids;
    const auto mask = spec_.PromptMask();
    EXPECT_LE(Distance(fixed, Run(ModelOf(asking, "encoder"), Inputs(frames, {ids, ids}, {mask, mask}))), 1e-6);
    // And the whole graph is encoder and head.
    const Tensor actions = Run(ModelOf(asking, "whole"), {{"pixel_values", frames.Reshaped({1, 2, 3, 8, 8})}});
    EXPECT_LE(Distance(actions, Run(ModelOf(asking, "head"), {{"features", fixed.Reshaped({1, 2, 12})}})), 1e-6);
  }
}

TEST_F(GraphsTest, BatchItemsDoNotMix) {
  const PolicyGraphs graphs = Build();
  WriteWeights(graphs);
  const Tensor two = RandomTensor({2, 3, 3, 8, 8}, 9, 1);
  const Tensor both = Run(ModelOf(graphs, "whole"), {{"pixel_values", two}});
  ASSERT_EQ(both.shape(), (Shape{2, 2, 2}));
  for (size_t i = 0; i < 2; ++i) {
    const size_t bytes = two.bytes().size() / 2;
    const Tensor one = Tensor::View(DType::kF32, {1, 3, 3, 8, 8}, two.bytes().subspan(i * bytes, bytes),
                                    std::make_shared<Tensor>(two));
    const Tensor expected =
        Tensor::View(DType::kF32, {1, 2, 2}, both.bytes().subspan(i * 16, 16), std::make_shared<Tensor>(both));
    EXPECT_LE(Distance(Run(ModelOf(graphs, "whole"), {{"pixel_values", one}}), expected), 1e-6);
  }
}

TEST_F(GraphsTest, ALongPromptGetsAPositionTableThatIsLongEnough) {
  auto ids = policy_.policy["prompt_ids"].get<std::vector<int64_t>>();
  EXPECT_EQ(ModelOf(Build(), "encoder").graph.FindInitializer("text_model.model.embed_positions.weights")->shape,
            (Shape{2050, 12}));
  ids.resize(3000, 25);
  policy_.policy["prompt_ids"] = ids;
  EXPECT_GE(ModelOf(Build(), "encoder").graph.FindInitializer("text_model.model.embed_positions.weights")->shape[0],
            3002);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
