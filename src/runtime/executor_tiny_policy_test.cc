// A tiny policy of the true structure: schedules give what the runners give that were written for it, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "families/kosmos2_lstm/testing.h"
#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/export.h"
#include "runtime/executor.h"
#include "runtime/executor_testing.h"
#include "runtime/policy_runner.h"

namespace vlaq::runtime {
namespace {

constexpr int64_t kTinyWindow = 8;
constexpr std::string_view kCamera = "observation.images.front";

policy::Policy PolicyOf(const bundle::Bundle& bundle) {
  policy::Policy policy;
  policy.family = "kosmos2_lstm";
  const int64_t side = bundle.spec.preprocess.image_size;
  policy.inputs.resize(2);
  policy.inputs[0] = testing::StateInput(std::string(kCamera), {3, side, side});
  policy.inputs[0].type = policy::InputType::kImage;
  policy.inputs[0].preprocess = bundle.spec.preprocess;
  policy.inputs[1].name = "task";
  policy.inputs[1].type = policy::InputType::kText;
  policy.inputs[1].makes = {"attention_mask", "input_ids"};
  policy.outputs = {testing::ActionOutput("action", {bundle.spec.chunk, bundle.spec.action_dim})};
  policy.graphs["encoder"] = {"encoder.onnx",
                              {{"pixel_values", std::string(kCamera)},
                               {"input_ids", "task.input_ids"},
                               {"attention_mask", "task.attention_mask"}},
                              {{"feature", "feature"}}};
  policy.graphs["head"] = {"head.onnx", {{"features", "features"}}, {{"actions", "action"}}};
  policy.graphs["whole"] = {"whole.onnx", {{"pixel_values", "pixels"}}, {{"actions", "action"}}};
  policy.schedules["streaming"] = {testing::RunOf("encoder"), testing::Window("feature", kTinyWindow, "features"),
                                   testing::RunOf("head")};
  policy.schedules["whole"] = {testing::Window(std::string(kCamera), kTinyWindow, "pixels"), testing::RunOf("whole")};
  policy.default_schedule = "streaming";
  return policy;
}

class TinyPolicySchedules : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    kosmos2_lstm::testing::TinyPolicy tiny;
    tiny.policy["window"] = kTinyWindow;
    exporting::ExportOptions options;
    options.checkpoint = tiny.Save(folder_.path());
    options.output = folder_.path() / "bundle";
    options.settings.config = folder_.path() / "config.json";
    options.settings.policy = folder_.path() / "policy.json";
    auto exported = exporting::Export(options, SilentLog());
    ASSERT_TRUE(exported.ok()) << exported.error().ToString();
    bundle_ = exported->bundle;
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
};

TEST_P(TinyPolicySchedules, GiveWhatTheRunnersGive) {
  const bool whole = GetParam();
  const auto backend = backend::MakeReferenceBackend();
  const prompt::Prompt prompt = prompt::Baked(bundle_.spec);
  auto runner = whole ? OpenWhole(bundle_, *backend, {}) : OpenStreaming(bundle_, *backend, {}, prompt);
  ASSERT_TRUE(runner.ok()) << runner.error().ToString();
  auto executor = Executor::Open(PolicyOf(bundle_), whole ? "whole" : "",
                                 [&](const std::string& graph) { return OpenGraph(bundle_, graph, *backend, {}); });
  ASSERT_TRUE(executor.ok()) << executor.error().ToString();
  const auto length = static_cast<int64_t>(prompt.ids.size());
  for (const int frames : {12, 3}) {  // two episodes
    std::vector<Tensor> seen;
    for (int t = 0; t < frames; ++t) {
      const Tensor pixels = kosmos2_lstm::testing::RandomTensor({3, 8, 8}, static_cast<uint64_t>(100 * frames + t), 1);
      NamedTensors inputs{{std::string(kCamera), pixels}};
      if (!whole) {
        inputs.emplace("task.input_ids", Tensor::From<int64_t>({length}, prompt.ids));
        inputs.emplace("task.attention_mask", Tensor::From<int64_t>({length}, prompt.mask));
      }
      const auto expected = (*runner)->Step(pixels);
      const auto actual = executor->Step(inputs);
      ASSERT_TRUE(expected.ok()) << expected.error().ToString();
      ASSERT_TRUE(actual.ok()) << actual.error().ToString();
      ASSERT_EQ(actual->at("action").shape(), expected->shape());
      EXPECT_TRUE(std::ranges::equal(actual->at("action").bytes(), expected->bytes())) << t;
      for (const Tensor& other : seen) EXPECT_FALSE(std::ranges::equal(other.bytes(), expected->bytes())) << t;
      seen.push_back(*expected);
    }
    executor->Reset();
    (*runner)->Reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Both, TinyPolicySchedules, ::testing::Bool(),
                         [](const auto& name) { return name.param ? "whole" : "streaming"; });

}  // namespace
}  // namespace vlaq::runtime
