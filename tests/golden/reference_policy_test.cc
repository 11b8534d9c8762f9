// Exported graphs on the reference back end against the reference policy: two computations in double precision that
// share no code, for every layout and feature source, with unequal sizes everywhere.
#include "reference_policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/policy_spec.h"
#include "families/kosmos2_lstm/testing.h"
#include "runtime/testing.h"

namespace vlaq {
namespace {

using golden::ReferencePolicy;
using kosmos2_lstm::FeatureSource;
using kosmos2_lstm::PromptLayout;
using kosmos2_lstm::testing::RandomTensor;
using kosmos2_lstm::testing::TinyPolicy;

struct Variant {
  FeatureSource source;
  PromptLayout layout;
};

// Relative to the largest expected value.
double Distance(const Tensor& actual, const std::vector<double>& expected) {
  const auto values = actual.data<float>();
  EXPECT_EQ(values.size(), expected.size());
  double most = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(values[i]) - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return most / largest;
}

class ReferencePolicyTest : public ::testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    const auto [source, layout] = GetParam();
    kosmos2_lstm::Structure structure = TinyPolicy::DefaultStructure();
    if (source == FeatureSource::kPooler) structure.lstm.input = structure.vision.width;
    structure.mlp = {.name = "velocities", .numbers = {0, 2, 4}, .widths = {7, 5}, .outputs = 6};
    structure.lstm.layers = 3;
    policy_ = TinyPolicy(source != FeatureSource::kPooler, structure, 40);
    policy_.policy.update(
        {{"feature_source", kosmos2_lstm::Name(source)}, {"prompt_layout", kosmos2_lstm::Name(layout)}});
    policy_.policy["prompt_ids"] = {0, 25, 26, 27, 11, 2};
    if (layout == PromptLayout::kHfProcessor) policy_.policy["prompt_ids"] = {0, 20, 4, 5, 6, 7, 8, 21, 25, 2, 17};
    if (layout == PromptLayout::kForkFallback) {
      policy_.policy["prompt_ids"] = {0, 25, 26, 27, 2, 0, 0};  // two of them beyond the image rows
      policy_.policy["attention_mask"] = {1, 1, 1, 1, 1, 0, 0};
    }
    policy_.config["text_config"]["layer_norm_eps"] = 1e-3;
    policy_.config["vision_config"]["layer_norm_eps"] = 2e-3;
    auto exported = exporting::testing::ExportTiny(folder_.path(), policy_);
    ASSERT_TRUE(exported.ok()) << exported.error().ToString();
    bundle_ = *std::move(exported);
  }

  ReferencePolicy Reference() const {
    golden::ReferenceSettings settings;
    settings.backbone = policy_.backbone;
    settings.head = policy_.head;
    settings.head_name = "velocities";
    settings.text_heads = 3;
    settings.vision_heads = 2;
    settings.patch = 4;
    settings.text_epsilon = 1e-3;
    settings.vision_epsilon = 2e-3;
    settings.source = GetParam().source;
    settings.layout = GetParam().layout;
    return {policy_.tensors, settings};
  }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  bundle::Bundle bundle_;
};

TEST_P(ReferencePolicyTest, TheGraphsComputeThePolicy) {
  const ReferencePolicy reference = Reference();
  const auto backend = backend::MakeReferenceBackend();
  const auto streaming = runtime::testing::FrameRunner::Open(bundle_, *backend);
  const auto whole = runtime::testing::FrameRunner::Open(bundle_, *backend, {}, "whole");
  ASSERT_TRUE(streaming.ok() && whole.ok());
  std::map<std::string, std::vector<int64_t>> task;  // empty: the policy reads no instruction
  for (const auto& [name, value] : (*streaming)->task) {
    task[name].assign(value.data<int64_t>().begin(), value.data<int64_t>().end());
  }

  std::vector<std::vector<double>> expected;
  for (uint64_t t = 0; t < 3; ++t) {
    const Tensor frame = RandomTensor({3, 8, 8}, 100 + t, 1);
    const auto action = (*streaming)->Step(frame);
    ASSERT_TRUE(action.ok()) << action.error().ToString();
    expected.push_back(reference.Feature(frame, task["task.input_ids"], task["task.attention_mask"]));
    EXPECT_LE(Distance((*streaming)->Seen("feature"), expected.back()), 3e-6) << t;
    const std::vector<double> wanted = reference.Action(expected);
    EXPECT_LE(Distance(*action, wanted), 3e-6) << t;
    EXPECT_LE(Distance(*(*whole)->Step(frame), wanted), 3e-6) << t;
  }
}

std::string VariantName(const ::testing::TestParamInfo<Variant>& info) {
  return fmt::format("{}_{}", kosmos2_lstm::Name(info.param.source), kosmos2_lstm::Name(info.param.layout));
}

std::vector<Variant> Variants() {
  std::vector<Variant> variants{{FeatureSource::kPooler, PromptLayout::kHfProcessor}};
  for (const FeatureSource source : {FeatureSource::kMeanHidden, FeatureSource::kLastToken, FeatureSource::kFirstToken,
                                     FeatureSource::kActionToken}) {
    for (const PromptLayout layout :
         {PromptLayout::kHfProcessor, PromptLayout::kRobovlms, PromptLayout::kForkFallback}) {
      variants.push_back({source, layout});
    }
  }
  return variants;
}
INSTANTIATE_TEST_SUITE_P(All, ReferencePolicyTest, ::testing::ValuesIn(Variants()), VariantName);

}  // namespace
}  // namespace vlaq
