// Policies of other shapes: with numbers for inputs, with a value that is carried, without any memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backend/reference/reference.h"
#include "base/log.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "policy/testing.h"
#include "quantize/calibrate/calibrate.h"

namespace vlaq::calibrate {
namespace {

using ::testing::HasSubstr;

// Steps of numbers: episode e observes 10 e + t + 1 at step t.
class NumberSource : public SampleSource {
 public:
  explicit NumberSource(std::vector<int64_t> lengths) {
    for (const int64_t length : lengths) {
      episodes_.push_back({"e" + std::to_string(episodes_.size()), length, std::nullopt});
    }
  }
  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }
  Result<std::string> Hash(size_t episode) override { return "hash of " + episodes_[episode].name; }
  Result<backend::NamedTensors> Read(size_t episode, int64_t t) override {
    const auto number = static_cast<float>(10 * static_cast<int64_t>(episode) + t + 1);
    return backend::NamedTensors{{"state", Tensor::From<float>({1}, std::vector<float>{number})}};
  }

 private:
  std::vector<SampleEpisode> episodes_;
};

class CalibratePolicies : public ::testing::Test {
 protected:
  // action = (state + memory) * 1, and the memory is that; or, without one, action = state * 1.
  bundle::Bundle Made(bool with_memory) const {
    onnx::GraphBuilder b("g");
    const std::vector<onnx::Dim> dims{onnx::Dim::Named("batch"), onnx::Dim::Fixed(1)};
    std::string x = b.Input("x", DType::kF32, dims);
    if (with_memory) x = b.Op("Add", {x, b.Input("s", DType::kF32, dims)}, {}, "sum");
    const Tensor one = Tensor::From<float>({1, 1}, std::vector<float>{1});
    b.Output(b.Op("MatMul", {x, b.Constant("w", one)}, {}, "product"), "y", DType::kF32, dims);
    const auto bytes = onnx::Serialize(onnx::MakeModel(*b.Finish(), "test"));
    std::ofstream(folder_.path() / "g.onnx", std::ios::binary) << *bytes;
    bundle::Bundle bundle;
    bundle.path = folder_.path();
    bundle.graphs["g"].file = "g.onnx";
    policy::Policy& policy = bundle.policy;
    policy.family = "onnx";
    policy.inputs.resize(1);
    policy.inputs[0].name = "state";
    policy.inputs[0].shape = {1};
    policy.outputs.resize(1);
    policy.outputs[0].name = "action";
    policy.outputs[0].shape = {1};
    policy.graphs["g"] = {"g.onnx", {{"x", "state"}}, {{"y", "action"}}};
    policy.schedules["default"] = {policy::testing::RunStep("g")};
    policy.default_schedule = "default";
    if (!with_memory) return bundle;
    policy::Step carry;
    carry.kind = policy::StepKind::kCarry;
    carry.value = "action";
    carry.as = "memory";
    carry.shape = {1, 1};
    policy.graphs["g"].inputs["s"] = "memory";
    policy.schedules["default"].insert(policy.schedules["default"].begin(), carry);
    return bundle;
  }
  numerics::ActivationStatistics Run(const bundle::Bundle& bundle, int64_t samples, int64_t batch = 1) const {
    NumberSource source({3, 2});
    CalibrationOptions options;
    options.samples = samples;
    options.batch = batch;
    options.open.threads = 1;
    const auto backend = backend::MakeReferenceBackend();
    auto statistics = Calibrate(bundle, *backend, source, nullptr, options, SilentLog());
    EXPECT_TRUE(statistics.ok()) << (statistics.ok() ? "" : statistics.error().ToString());
    return statistics.ok() ? *std::move(statistics) : numerics::ActivationStatistics();
  }

  TemporaryFolder folder_;
};

TEST_F(CalibratePolicies, EveryStepRunsInOrderAndEachEpisodeBeginsAnew) {
  const auto statistics = Run(Made(true), 0);
  EXPECT_EQ(statistics.samples, 5);
  EXPECT_EQ(statistics.windows, 5) << "every graph ran at every step";
  EXPECT_EQ(statistics.episodes.size(), 2U);
  const auto* sum = statistics.Find("sum");
  ASSERT_NE(sum, nullptr);
  EXPECT_EQ(sum->count, 5);
  EXPECT_EQ(sum->minimum, 1);
  EXPECT_EQ(sum->maximum, 11 + 12);
  EXPECT_DOUBLE_EQ(sum->mean(), (1 + 3 + 6 + 11 + 23) / 5.0);
}

// A drawn step sees what a robot has seen by then.
TEST_F(CalibratePolicies, ADrawnStepIsGoneUpToFromItsEpisodesStart) {
  for (const int64_t batch : {1, 4}) {
    const auto statistics = Run(Made(true), 4, batch);
    EXPECT_EQ(statistics.batch, 1) << "a carried value is made step by step";
    const auto* sum = statistics.Find("sum");
    ASSERT_NE(sum, nullptr);
    EXPECT_EQ(sum->count, 4);
    EXPECT_EQ(Run(Made(true), 5).Find("sum")->mean(), (1 + 3 + 6 + 11 + 23) / 5.0);
  }
}

TEST_F(CalibratePolicies, WithoutMemoryEachSampleStandsAlone) {
  const auto statistics = Run(Made(false), 4);
  EXPECT_EQ(statistics.windows, 4);
  const auto* state = statistics.Find("x");
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->count, 4);
  EXPECT_LE(state->maximum, 12);
}

TEST_F(CalibratePolicies, NoStepIsRefused) {
  NumberSource source({});
  CalibrationOptions options;
  options.samples = 0;
  const auto backend = backend::MakeReferenceBackend();
  const auto refused = Calibrate(Made(false), *backend, source, nullptr, options, SilentLog());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("no step"));
}

}  // namespace
}  // namespace vlaq::calibrate
