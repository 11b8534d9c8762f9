// The window, with a stand-in for the back end that tells what it was given; the real arithmetic is tested in
// tests/golden.
#include "runtime/policy_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "base/testing.h"

namespace vlaq::runtime {
namespace {

using backend::NamedTensors;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kSide = 2;

// What the graphs were asked, over all models of one test.
struct Calls {
  int encoded = 0;
  std::vector<int64_t> windows;  // lengths
  NamedTensors encoder_inputs;   // of the last call
  bool fail_next = false;
  bool baked = false;  // the encoder takes no prompt
};

// A policy whose arithmetic is easy to repeat: a frame's feature is [its first pixel, 1]; the action is a recurrence
// over the window from zero, h = h / 2 + x, so that order, length and starting state all show.
double Recurrence(std::span<const double> firsts) {
  return std::accumulate(firsts.begin(), firsts.end(), 0.0, [](double h, double x) { return h / 2 + x; });
}

class FakeModel : public backend::OpenedModel {
 public:
  FakeModel(std::string role, Calls& calls) : role_(std::move(role)), calls_(calls) {
    inputs_ = {{"pixel_values", DType::kF32, {}, {}}};
    if (role_ == "encoder" && !calls.baked) {
      inputs_.push_back({"input_ids", DType::kI64, {}, {}});
      inputs_.push_back({"attention_mask", DType::kI64, {}, {}});
    }
  }
  const std::vector<backend::Port>& inputs() const override { return inputs_; }
  const std::vector<backend::Port>& outputs() const override { return outputs_; }
  std::string Description() const override { return "fake " + role_; }

  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    if (std::exchange(calls_.fail_next, false)) return Error{ErrorCode::kBackend, "no luck", "", ""};
    const Tensor& x = inputs.at(role_ == "head" ? "features" : "pixel_values");
    const auto values = x.data<float>();
    if (role_ == "encoder") {
      ++calls_.encoded;
      calls_.encoder_inputs = inputs;
      return NamedTensors{{"feature", Tensor::From<float>({1, 2}, std::vector<float>{values[0], 1})}};
    }
    const int64_t window = x.shape()[1];
    const size_t stride = values.size() / static_cast<size_t>(window);
    calls_.windows.push_back(window);
    std::vector<double> firsts;
    for (size_t at = 0; at < values.size(); at += stride) firsts.push_back(static_cast<double>(values[at]));
    const auto action = static_cast<float>(Recurrence(firsts));
    return NamedTensors{{"actions", Tensor::From<float>({1, 1, 2}, std::vector<float>{action, -action})}};
  }

 private:
  std::string role_;
  Calls& calls_;
  std::vector<backend::Port> inputs_, outputs_;
};

class FakeBackend : public backend::Backend {
 public:
  explicit FakeBackend(Calls& calls) : calls_(calls) {}
  std::string_view name() const override { return "fake"; }
  std::string_view description() const override { return "fake"; }
  Status Available() const override { return {}; }
  std::string Version() const override { return "1"; }
  Result<std::unique_ptr<backend::OpenedModel>> Open(const backend::ModelSource& source,
                                                     const backend::OpenOptions&) const override {
    return std::unique_ptr<backend::OpenedModel>(new FakeModel(*source.onnx, calls_));  // the file holds the role
  }

 private:
  Calls& calls_;
};

class RunnerTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    bundle_.path = folder_.path();
    for (const std::string_view role : {bundle::kWhole, bundle::kEncoder, bundle::kHead}) {
      std::ofstream(folder_.path() / role) << role;
      bundle_.graphs.emplace(role, bundle::FileRecord{std::string(role), 0, ""});
    }
    bundle_.spec.window = 3;
    bundle_.spec.chunk = 1;
    bundle_.spec.action_dim = 2;
    bundle_.spec.preprocess.image_size = kSide;
  }
  std::unique_ptr<PolicyRunner> Open() {
    const prompt::Prompt prompt{{0, 5, 2}, {1, 1, 0}, ""};
    auto runner = GetParam() ? OpenWhole(bundle_, backend_, {}) : OpenStreaming(bundle_, backend_, {}, prompt);
    EXPECT_TRUE(runner.ok());
    return std::move(*runner);
  }
  static Tensor Frame(double first) {
    Tensor pixels = Tensor::Make(DType::kF32, {3, kSide, kSide});
    pixels.mutable_data<float>()[0] = static_cast<float>(first);
    return pixels;
  }
  // The slow twin: everything from scratch over the newest frames.
  static double Expected(const std::vector<double>& episode, size_t window) {
    const size_t count = std::min(window, episode.size());
    return Recurrence(std::span(episode).last(count));
  }

  TemporaryFolder folder_;
  Calls calls_;
  FakeBackend backend_{calls_};
  bundle::Bundle bundle_;
};

TEST_P(RunnerTest, EachActionComesFromTheNewestFramesAlone) {
  for (const int64_t window : {1, 3, 8}) {
    bundle_.spec.window = window;
    const auto runner = Open();
    std::vector<double> episode;
    for (int t = 0; t < 12; ++t) {
      episode.push_back(t * t - 3);
      const auto action = runner->Step(Frame(episode.back()));
      ASSERT_TRUE(action.ok()) << action.error().ToString();
      ASSERT_EQ(action->shape(), (Shape{1, 2}));
      EXPECT_FLOAT_EQ(action->data<float>()[0], static_cast<float>(Expected(episode, static_cast<size_t>(window))));
    }
  }
}

TEST_P(RunnerTest, WindowsGrowAndThenKeepTheirLength) {
  const auto runner = Open();
  for (int t = 0; t < 5; ++t) ASSERT_TRUE(runner->Step(Frame(t)).ok());
  EXPECT_THAT(calls_.windows, ElementsAre(1, 2, 3, 3, 3));
}

TEST_P(RunnerTest, ResetBeginsANewEpisode) {
  const auto runner = Open();
  for (int t = 0; t < 4; ++t) ASSERT_TRUE(runner->Step(Frame(7)).ok());
  runner->Reset();
  EXPECT_EQ(runner->Step(Frame(2))->data<float>()[0], 2.0F);
  EXPECT_EQ(calls_.windows.back(), 1);
}

TEST_P(RunnerTest, FramesOfAnotherShapeAreRefusedAndForgotten) {
  const auto runner = Open();
  ASSERT_TRUE(runner->Step(Frame(1)).ok());
  for (const Tensor& wrong :
       {Tensor::Make(DType::kF32, {3, kSide, kSide + 1}), Tensor::Make(DType::kF32, {1, 3, kSide, kSide}),
        Tensor::Make(DType::kF64, {3, kSide, kSide}), Tensor::Make(DType::kF32, {3, 40, 40})}) {
    const auto action = runner->Step(wrong);
    ASSERT_FALSE(action.ok());
    EXPECT_EQ(action.error().code, ErrorCode::kUsage);
    EXPECT_THAT(action.error().ToString(), AllOf(HasSubstr("pixel_values"), HasSubstr("[3, 2, 2]")));
  }
  EXPECT_EQ(runner->Step(Frame(1))->data<float>()[0], 1.5F);
}

TEST_P(RunnerTest, ErrorsOfTheBackEndComeThrough) {
  const auto runner = Open();
  calls_.fail_next = true;
  EXPECT_EQ(runner->Step(Frame(1)).error().code, ErrorCode::kBackend);
  EXPECT_TRUE(runner->Step(Frame(1)).ok());
}

TEST_P(RunnerTest, SaysWhatRuns) {
  EXPECT_THAT(Open()->Description(), HasSubstr(GetParam() ? "whole-policy graph: fake whole" : "streaming"));
}

TEST_P(RunnerTest, OtherOutputsAreNoActions) {
  bundle_.spec.action_dim = 3;
  EXPECT_THAT(Open()->Step(Frame(1)).error().ToString(), AllOf(HasSubstr("[1, 2]"), HasSubstr("[1, 3]")));
}

TEST_P(RunnerTest, TheWholeGraphHasItsPromptBakedIn) {
  const auto runner = Open();
  ASSERT_TRUE(runner->Step(Frame(4)).ok());
  const Status status = runner->SetPrompt({{0, 2}, {1, 1}, ""});
  EXPECT_EQ(status.ok(), !GetParam());
  if (status.ok()) return;
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_THAT(status.error().ToString(), HasSubstr("whole-policy graph"));
  EXPECT_EQ(runner->Step(Frame(1))->data<float>()[0], 3.0F) << "nothing was forgotten";
}

std::string RunnerName(const ::testing::TestParamInfo<bool>& info) { return info.param ? "whole" : "streaming"; }
INSTANTIATE_TEST_SUITE_P(Both, RunnerTest, ::testing::Bool(), RunnerName);

using StreamingTest = RunnerTest;

TEST_P(StreamingTest, EncodesEachFrameOnceWithThePrompt) {
  const auto runner = Open();
  for (int t = 0; t < 5; ++t) ASSERT_TRUE(runner->Step(Frame(t)).ok());
  EXPECT_EQ(calls_.encoded, 5);
  EXPECT_THAT(calls_.encoder_inputs.at("input_ids").data<int64_t>(), ElementsAre(0, 5, 2));
  EXPECT_THAT(calls_.encoder_inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 1, 0));
  EXPECT_EQ(calls_.encoder_inputs.at("input_ids").shape(), (Shape{1, 3}));
}

TEST_P(StreamingTest, AnotherPromptReachesTheEncoderAndForgetsAllFrames) {
  const auto runner = Open();
  for (int t = 0; t < 2; ++t) ASSERT_TRUE(runner->Step(Frame(7)).ok());
  ASSERT_TRUE(runner->SetPrompt({{0, 8, 9, 2}, {1, 1, 1, 0}, "turn"}).ok());
  EXPECT_EQ(calls_.encoded, 2) << "nothing is encoded before the next frame";
  EXPECT_EQ(runner->Step(Frame(3))->data<float>()[0], 3.0F) << "as if it were the first frame";
  EXPECT_EQ(calls_.windows.back(), 1);
  EXPECT_THAT(calls_.encoder_inputs.at("input_ids").data<int64_t>(), ElementsAre(0, 8, 9, 2));
  EXPECT_THAT(calls_.encoder_inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 1, 1, 0));
  ASSERT_TRUE(runner->Step(Frame(1)).ok());
  EXPECT_THAT(calls_.encoder_inputs.at("input_ids").data<int64_t>(), ElementsAre(0, 8, 9, 2)) << "it stays";
  runner->Reset();
  ASSERT_TRUE(runner->Step(Frame(1)).ok());
  EXPECT_THAT(calls_.encoder_inputs.at("input_ids").data<int64_t>(), ElementsAre(0, 8, 9, 2)) << "over a reset, too";
}

TEST_P(StreamingTest, ABakedPromptCannotBeReplaced) {
  calls_.baked = true;
  const auto runner = Open();
  ASSERT_TRUE(runner->Step(Frame(4)).ok());
  const Status status = runner->SetPrompt({{0, 2}, {1, 1}, ""});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_THAT(status.error().ToString(), AllOf(HasSubstr("baked in"), HasSubstr("--bake-prompt")));
  EXPECT_EQ(runner->Step(Frame(1))->data<float>()[0], 3.0F) << "and nothing was forgotten: 4 / 2 + 1";
}

INSTANTIATE_TEST_SUITE_P(Streaming, StreamingTest, ::testing::Values(false), RunnerName);

TEST(Encoder, RepeatsThePromptForABatch) {
  Calls calls;
  TemporaryFolder folder;
  std::ofstream(folder.path() / "e") << "encoder";
  bundle::Bundle bundle;
  bundle.path = folder.path();
  bundle.graphs.emplace(bundle::kEncoder, bundle::FileRecord{"e", 0, ""});
  const auto encoder = Encoder::Open(bundle, FakeBackend(calls), {});
  ASSERT_TRUE(encoder.ok());
  EXPECT_TRUE(encoder->reads_prompt());
  ASSERT_TRUE(encoder->Encode(Tensor::Make(DType::kF32, {2, 3, 2, 2}), {{4, 5}, {1, 0}, ""}).ok());
  EXPECT_EQ(calls.encoder_inputs.at("input_ids").shape(), (Shape{2, 2}));
  EXPECT_THAT(calls.encoder_inputs.at("input_ids").data<int64_t>(), ElementsAre(4, 5, 4, 5));
  EXPECT_THAT(calls.encoder_inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 0, 1, 0));
}

TEST(Tensors, StackAndTake) {
  const Tensor a = Tensor::From<float>({2}, std::vector<float>{1, 2});
  const Tensor b = Tensor::From<float>({2}, std::vector<float>{3, 4});
  const std::vector<Tensor> both{a, b};
  EXPECT_EQ(AsWindow(both).shape(), (Shape{1, 2, 2}));
  EXPECT_THAT(AsWindow(both).data<float>(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(TakeOnly({{"x", AsBatch(a)}}, "x")->shape(), (Shape{2}));
  EXPECT_THAT(TakeOnly({{"x", a}}, "y").error().ToString(), HasSubstr("'y'"));
  EXPECT_THAT(TakeOnly({{"x", a}}, "x").error().ToString(), HasSubstr("[2]"));
}

}  // namespace
}  // namespace vlaq::runtime
