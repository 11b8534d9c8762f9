// A tiny policy of the true structure: schedules give what its graphs give that are wired by hand, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "runtime/testing.h"

namespace vlaq::runtime {
namespace {

constexpr int64_t kTinyWindow = 8;
constexpr std::string_view kCamera = "observation.images.front";

class TinyPolicySchedules : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    kosmos2_lstm::testing::TinyPolicy tiny;
    tiny.policy["window"] = kTinyWindow;
    auto exported = exporting::testing::ExportTiny(folder_.path(), tiny);
    ASSERT_TRUE(exported.ok()) << exported.error().ToString();
    bundle_ = std::move(*exported);
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
};

// Everything from scratch over the newest frames.
class ByHand {
 public:
  ByHand(const bundle::Bundle& bundle, const backend::Backend& backend, const NamedTensors& task)
      : encoder_(*OpenGraph(bundle, "encoder", backend, {})),
        head_(*OpenGraph(bundle, "head", backend, {})),
        whole_(*OpenGraph(bundle, "whole", backend, {})) {
    for (const auto& [name, value] : task) {
      told_.emplace(name.substr(name.find('.') + 1), value.Reshaped({1, value.size()}));
    }
  }

  Tensor Act(const std::vector<Tensor>& frames, bool whole) {
    const auto newest = std::span(frames).last(std::min<size_t>(frames.size(), kTinyWindow));
    if (whole) return ActionOf(*whole_, {{"pixel_values", AsWindow(newest)}});
    std::vector<Tensor> features;
    for (const Tensor& frame : newest) {
      NamedTensors inputs = told_;
      inputs.emplace("pixel_values", testing::Stack(std::span(&frame, 1)));
      const Tensor feature = encoder_->Run(inputs)->at("feature");
      features.push_back(feature.Reshaped({feature.shape()[1]}));
    }
    return ActionOf(*head_, {{"features", AsWindow(features)}});
  }

 private:
  static Tensor AsWindow(std::span<const Tensor> parts) {
    const Tensor all = testing::Stack(parts);
    return testing::Stack(std::span(&all, 1));
  }
  static Tensor ActionOf(backend::OpenedModel& model, const NamedTensors& inputs) {
    const Tensor actions = model.Run(inputs)->at("actions");
    return actions.Reshaped(Shape(actions.shape().begin() + 1, actions.shape().end()));
  }

  std::unique_ptr<backend::OpenedModel> encoder_, head_, whole_;
  NamedTensors told_;
};

TEST_P(TinyPolicySchedules, GiveWhatGraphsGiveByHand) {
  const bool whole = GetParam();
  const auto backend = backend::MakeReferenceBackend();
  const auto runner = testing::FrameRunner::Open(bundle_, *backend, {}, whole ? "whole" : "");
  ASSERT_TRUE(runner.ok()) << runner.error().ToString();
  ByHand by_hand(bundle_, *backend, (*runner)->task);
  for (const int count : {12, 3}) {  // two episodes
    std::vector<Tensor> frames, seen;
    for (int t = 0; t < count; ++t) {
      frames.push_back(kosmos2_lstm::testing::RandomTensor({3, 8, 8}, static_cast<uint64_t>(100 * count + t), 1));
      const auto actual = (*runner)->Step(frames.back());
      ASSERT_TRUE(actual.ok()) << actual.error().ToString();
      const Tensor expected = by_hand.Act(frames, whole);
      ASSERT_EQ(actual->shape(), expected.shape());
      EXPECT_TRUE(std::ranges::equal(actual->bytes(), expected.bytes())) << t;
      for (const Tensor& other : seen) EXPECT_FALSE(std::ranges::equal(other.bytes(), expected.bytes())) << t;
      seen.push_back(expected);
    }
    (*runner)->executor.Reset();
  }
}

// What a step leaves behind does not depend on how it was gone over.
TEST_P(TinyPolicySchedules, AdvanceLeavesWhatStepsLeave) {
  const auto backend = backend::MakeReferenceBackend();
  const auto steps = *testing::FrameRunner::Open(bundle_, *backend, {}, GetParam() ? "whole" : "");
  const auto advances = *testing::FrameRunner::Open(bundle_, *backend, {}, GetParam() ? "whole" : "");
  const auto at_once = *testing::FrameRunner::Open(bundle_, *backend, {}, GetParam() ? "whole" : "");
  const LookBack& look_back = steps->executor.look_back();
  EXPECT_EQ(look_back.outputs, kTinyWindow - 1);
  EXPECT_EQ(look_back.lasting, 0);
  EXPECT_EQ(look_back.advance,
            (GetParam() ? std::set<std::string, std::less<>>{} : std::set<std::string, std::less<>>{"encoder"}));
  EXPECT_EQ(look_back.at_once, !GetParam());
  std::vector<NamedTensors> before;
  for (uint64_t t = 0; t < 11; ++t) {
    const Tensor frame = kosmos2_lstm::testing::RandomTensor({3, 8, 8}, t, 1);
    NamedTensors inputs = steps->task;
    inputs.emplace(kCamera, frame);
    ASSERT_TRUE(advances->executor.Advance(inputs).ok());
    ASSERT_TRUE(steps->Step(frame).ok());
    before.push_back(inputs);
  }
  if (look_back.at_once) {
    ASSERT_TRUE(at_once->executor.AdvanceAll(std::span(before).first(4)).ok());
    ASSERT_TRUE(at_once->executor.AdvanceAll(std::span(before).subspan(4)).ok());
  }
  const Tensor last = kosmos2_lstm::testing::RandomTensor({3, 8, 8}, 100, 1);
  const Tensor expected = *steps->Step(last);
  EXPECT_TRUE(std::ranges::equal(advances->Step(last)->bytes(), expected.bytes()));
  if (!look_back.at_once) return;
  const Tensor actual = *at_once->Step(last);
  for (size_t i = 0; i < actual.data<float>().size(); ++i) {
    EXPECT_NEAR(actual.data<float>()[i], expected.data<float>()[i], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Both, TinyPolicySchedules, ::testing::Bool(),
                         [](const auto& name) { return name.param ? "whole" : "streaming"; });

}  // namespace
}  // namespace vlaq::runtime
