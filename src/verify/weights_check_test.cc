// Every form is read back, and every seeded fault is caught where it is.
#include "verify/weights_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "verify/quantized_net_for_test.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using numerics::Form;
using numerics::NumericType;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Options;
using testing::Tensors;

class WeightsCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Tensors stored;
    const onnx::Model model = testing::MakeNet(weights_, {}, stored);
    source_ = testing::WriteNet(folder_.path() / "source", model, stored);
    ASSERT_FALSE(source_.path.empty());
  }

  Report Compare(const Options& options, const numerics::Plan& plan) { return Compare(options, plan, weights_); }
  Report Compare(const Options& options, const numerics::Plan& plan, const Tensors& weights) {
    Tensors stored;
    const onnx::Model model = testing::MakeNet(weights, options, stored);
    EXPECT_FALSE(model.graph.nodes.empty());
    options.edit(stored);
    const bundle::Bundle made = testing::WriteNet(folder_.path() / "made", model, stored);
    Report report;
    const Status status = CheckQuantizedWeights(made, &plan, source_, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    return report;
  }
  Report Compare(const Options& options) { return Compare(options, testing::PlanOf(options, source_)); }

  // The only check that failed, and what it says.
  void ExpectCaught(const Options& options, const std::string& check, const std::string& text) {
    ExpectCaught(Compare(options), check, text);
  }
  static void ExpectCaught(const Report& report, const std::string& check, const std::string& text) {
    for (const Check& c : report.checks) {
      if (c.name == check) {
        EXPECT_FALSE(c.passed) << check << " must fail: " << c.detail;
        EXPECT_THAT(c.detail, HasSubstr(text));
      } else {
        EXPECT_TRUE(c.passed) << c.name << ": " << c.detail;
      }
    }
    EXPECT_NE(FindCheck(report, check), nullptr);
  }
  static void ExpectPassed(const Report& report) {
    EXPECT_EQ(report.first_failure(), nullptr)
        << report.first_failure()->name << ": " << report.first_failure()->detail;
  }

  static std::function<void(Tensors&)> EditFloats(const std::string& name,
                                                  const std::function<void(std::span<float>)>& edit) {
    return [name, edit](Tensors& stored) {
      Tensor copy = Tensor::From<float>(stored.at(name).shape(), stored.at(name).data<float>());
      edit(copy.mutable_data<float>());
      stored.at(name) = copy;
    };
  }

  const Tensors weights_ = testing::SourceWeights();
  TemporaryFolder folder_;
  bundle::Bundle source_;
};

TEST_F(WeightsCheckTest, TheSourceItselfPasses) { ExpectPassed(Compare({})); }

TEST_F(WeightsCheckTest, ReadsEveryForm) {
  const Options all[] = {
      {.table = Form::kWeightOnly, .fc1 = Form::kDynamicInt8, .fc2 = Form::kDynamicInt8, .lstm = Form::kDynamicInt8},
      {.fc1 = Form::kStaticInt8},
      {.fc1 = Form::kStaticInt8, .float_before_quantize = true},
      {.fc1 = Form::kWeightOnly, .fc2 = Form::kWeightOnly},
      {.fc1 = Form::kHalf, .fc2 = Form::kHalf},
  };
  for (const Options& options : all) {
    const Report report = Compare(options);
    ExpectPassed(report);
    const Check* weights = FindCheck(report, "quantized weights");
    ASSERT_NE(weights, nullptr);
    EXPECT_EQ(Figure(*weights, "looked_at"), 11) << "ten weights and the axes of Unsqueeze";
    EXPECT_LE(Figure(*weights, "worst_error_steps"), 0.5005);
    EXPECT_EQ(FindCheck(report, "ranges") != nullptr, options.fc1 == Form::kStaticInt8);
  }
}

TEST_F(WeightsCheckTest, CatchesAScaleTimesFour) {
  const auto third = [](std::span<float> scales) { scales[3] *= 4; };
  for (const Form form : {Form::kDynamicInt8, Form::kStaticInt8, Form::kWeightOnly}) {
    const char* group = form == Form::kWeightOnly ? "block" : "channel 3";
    ExpectCaught({.fc1 = form, .edit = EditFloats("w1/scale", third)}, "quantized weights", group);
  }
  ExpectCaught({.table = Form::kWeightOnly, .edit = EditFloats("table/scale", third)}, "quantized weights", "'table'");
  ExpectCaught({.lstm = Form::kDynamicInt8, .edit = EditFloats("R/scale", third)}, "quantized weights",
               "'R' of 'lstm'");
  ExpectCaught({.fc1 = Form::kStaticInt8, .float_before_quantize = true, .edit = EditFloats("w1/scale", third)},
               "quantized weights", "channel 3");
}

TEST_F(WeightsCheckTest, CatchesTwoSwappedScales) {
  const auto swapped = [](std::span<float> scales) { std::swap(scales[7], scales[8]); };
  ExpectCaught({.fc1 = Form::kDynamicInt8, .edit = EditFloats("w1/scale", swapped)}, "quantized weights", "channel");
  ExpectCaught({.fc1 = Form::kStaticInt8, .edit = EditFloats("w1/scale", swapped)}, "quantized weights", "channel");
}

TEST_F(WeightsCheckTest, CatchesAZeroPointOffByOne) {
  // Codes as if the zero point were 1 instead of 0.
  const auto shifted = [](Tensors& stored) {
    const Tensor& old = stored.at("w1/codes");
    Tensor codes = Tensor::From<int8_t>(old.shape(), old.data<int8_t>());
    for (int8_t& code : codes.mutable_data<int8_t>()) code = static_cast<int8_t>(std::min(code + 1, 127));
    stored.at("w1/codes") = codes;
  };
  ExpectCaught({.fc1 = Form::kDynamicInt8, .edit = shifted}, "quantized weights", "off by 1.");
  ExpectCaught({.fc1 = Form::kStaticInt8, .activation_zero = 1}, "ranges", "zero point");
}

TEST_F(WeightsCheckTest, CatchesAnActivationScaleTimesFour) {
  ExpectCaught({.fc1 = Form::kStaticInt8, .activation_factor = 4}, "ranges", "fc1");
}

TEST_F(WeightsCheckTest, CatchesTheWeightOfAnotherLayer) {
  const auto other = [](Tensors& stored) {
    const testing::Codes codes = testing::ByChannel(testing::Normal({testing::kWidth, testing::kHidden}, 99, 0.2), 1);
    stored.at("w1/codes") = codes.codes;
    stored.at("w1/scale") = codes.scales;
  };
  ExpectCaught({.fc1 = Form::kDynamicInt8, .edit = other}, "quantized weights", "'w1' of 'fc1'");
}

TEST_F(WeightsCheckTest, CatchesOneChangedBias) {
  ExpectCaught({.edit = EditFloats("b1", [](std::span<float> b) { b[5] += 1e-6F; })}, "quantized weights", "element 5");
}

TEST_F(WeightsCheckTest, CatchesAnotherNumber) {
  const Options options{.fc1 = Form::kStaticInt8};
  numerics::Plan plan = testing::PlanOf(options, source_);
  plan.operators[1].weights[0].number = NumericType::kInt4;
  ExpectCaught(Compare(options, plan), "quantized weights", "is int8 instead of int4");
}

class SmoothedWeights : public WeightsCheckTest {
 protected:
  void SetUp() override {
    WeightsCheckTest::SetUp();
    for (size_t j = 0; j < factors_.size(); ++j) factors_[j] = 0.5F + 0.1F * static_cast<float>(j);
    plan_ = testing::PlanOf(options_, source_);
    plan_.smooth = {{"norm", {"fc1"}, 0.5}};
    Scale("w1", [&](size_t i) { return factors_[i / testing::kHidden]; });
    Scale("gamma", [&](size_t i) { return 1 / factors_[i]; });
    Scale("beta", [&](size_t i) { return 1 / factors_[i]; });
  }
  void Scale(const std::string& name, const std::function<float(size_t)>& by) {
    const Tensor& old = smoothed_.at(name);
    Tensor copy = Tensor::From<float>(old.shape(), old.data<float>());
    const auto values = copy.mutable_data<float>();
    for (size_t i = 0; i < values.size(); ++i) values[i] *= by(i);
    smoothed_.at(name) = copy;
  }

  const Options options_{.fc1 = Form::kDynamicInt8};
  std::vector<float> factors_ = std::vector<float>(testing::kWidth);
  numerics::Plan plan_;
  Tensors smoothed_ = testing::SourceWeights();
};

TEST_F(SmoothedWeights, AreReadWithTheGraphsOwnFactors) { ExpectPassed(Compare(options_, plan_, smoothed_)); }

TEST_F(SmoothedWeights, AreCaughtWithoutThePlan) {
  ExpectCaught(Compare(options_, testing::PlanOf(options_, source_), smoothed_), "quantized weights", "'gamma'");
}

TEST_F(SmoothedWeights, AreCaughtIfOnlyTheNormalizationChanged) {
  smoothed_.at("w1") = weights_.at("w1");
  ExpectCaught(Compare(options_, plan_, smoothed_), "quantized weights", "'w1'");
}

TEST_F(SmoothedWeights, AreCaughtIfScaleAndBiasDiffer) {
  smoothed_.at("beta") = weights_.at("beta");
  ExpectCaught(Compare(options_, plan_, smoothed_), "quantized weights", "smoothing of 'norm'");
}

TEST_F(WeightsCheckTest, ACorrectedBiasMayMoveAsFarAsItsWeightExplains) {
  Options options{.fc1 = Form::kDynamicInt8};
  numerics::Plan plan = testing::PlanOf(options, source_);
  options.edit = EditFloats("b1", [](std::span<float> b) { b[5] += 0.01F; });
  ExpectCaught(Compare(options, plan), "quantized weights", "'b1'");
  plan.bias_correction = true;
  ExpectPassed(Compare(options, plan));
  options.edit = EditFloats("b1", [](std::span<float> b) { b[5] += 10; });
  ExpectCaught(Compare(options, plan), "quantized weights", "'b1'");
  options.edit = EditFloats("b2", [](std::span<float> b) { b[5] += 0.01F; });
  ExpectCaught(Compare(options, plan), "quantized weights", "'b2'");  // fc2 is not rounded
}

TEST_F(WeightsCheckTest, CatchesAFormThatThePlanDoesNotSay) {
  const Options made{.fc1 = Form::kDynamicInt8};
  ExpectCaught(Compare(made, testing::PlanOf({}, source_)), "operators", "which the plan does not say");
  ExpectCaught(Compare({}, testing::PlanOf(made, source_)), "operators",
               "float in the graph, dynamic_int8 in the plan");
}

TEST_F(WeightsCheckTest, CatchesAnOperatorThatReadsAnotherValue) {
  ExpectCaught({.fc2 = Form::kDynamicInt8, .fc2_reads = "fc1/Add"}, "operators", "reads 'fc1/Add' instead of 'relu'");
}

// Opset 18 takes the axes of reductions as an input.
TEST_F(WeightsCheckTest, AnAttributeMayBecomeAnInputOfTheSameValue) {
  const auto net = [](bool as_input, int64_t axis) {
    onnx::GraphBuilder b("reduce");
    const std::string x = b.Input("x", DType::kF32, {onnx::Dim::Named("n"), onnx::Dim::Fixed(3)});
    std::vector<std::string> inputs{x};
    onnx::Attributes attributes{{"keepdims", int64_t{1}}};
    if (as_input) {
      inputs.push_back(b.Constant(onnx::Ints{axis}));
    } else {
      attributes.emplace("axes", onnx::Ints{axis});
    }
    b.Output(b.Op("ReduceL2", inputs, attributes, "norm"), "y", DType::kF32,
             {onnx::Dim::Named("n"), onnx::Dim::Fixed(1)});
    onnx::Model model = onnx::MakeModel(*b.Finish(), "test");
    if (as_input) model.opsets[""] = 18;
    return model;
  };
  const bundle::Bundle source = testing::WriteNet(folder_.path() / "reduce", net(false, -1), {});
  numerics::Plan plan;
  plan.source.weights_sha256 = source.weights.sha256;
  for (const int64_t axis : {int64_t{-1}, int64_t{0}}) {
    const bundle::Bundle made = testing::WriteNet(folder_.path() / "made", net(true, axis), {});
    Report report;
    ASSERT_TRUE(CheckQuantizedWeights(made, &plan, source, SilentLog(), report).ok());
    EXPECT_EQ(FindCheck(report, "operators")->passed, axis == -1);
  }
}

TEST_F(WeightsCheckTest, CatchesAPlanForAnotherBundle) {
  numerics::Plan plan = testing::PlanOf({}, source_);
  plan.source.weights_sha256 = std::string(64, 'f');
  ExpectCaught(Compare({}, plan), "source", "ffff");
}

TEST_F(WeightsCheckTest, CatchesAStoredTensorThatNobodyNeeds) {
  Tensors stored;
  onnx::Model model = testing::MakeNet(weights_, {}, stored);
  stored.emplace("stowaway", weights_.at("b2"));
  model.graph.initializers.push_back({"stowaway", DType::kF32, {testing::kOut}, onnx::ExternalData{}});
  const bundle::Bundle made = testing::WriteNet(folder_.path() / "made", model, stored);
  Report report;
  const numerics::Plan plan = testing::PlanOf({}, source_);
  ASSERT_TRUE(CheckQuantizedWeights(made, &plan, source_, SilentLog(), report).ok());
  ExpectCaught(report, "accounted", "stowaway");
}

// Without a plan nothing may change.
TEST_F(WeightsCheckTest, ABundleThatIsNotQuantizedIsItsSource) {
  Report same;
  ASSERT_TRUE(CheckQuantizedWeights(source_, nullptr, source_, SilentLog(), same).ok());
  EXPECT_EQ(same.first_failure(), nullptr) << same.first_failure()->detail;
  Tensors other = weights_;
  other.begin()->second = Tensor::Make(DType::kF32, other.begin()->second.shape());
  Tensors stored;
  const onnx::Model model = testing::MakeNet(other, {}, stored);
  Report changed;
  const bundle::Bundle made = testing::WriteNet(folder_.path() / "made", model, stored);
  ASSERT_TRUE(CheckQuantizedWeights(made, nullptr, source_, SilentLog(), changed).ok());
  EXPECT_NE(changed.first_failure(), nullptr);
}

// A reference that is quantized itself has operators that stand for several nodes: named, never read past their inputs.
TEST_F(WeightsCheckTest, AQuantizedReferenceIsNoSource) {
  for (const Form form : {Form::kDynamicInt8, Form::kStaticInt8, Form::kWeightOnly}) {
    Options options;
    (form == Form::kWeightOnly ? options.table : options.fc1) = form;
    Tensors stored;
    const onnx::Model model = testing::MakeNet(weights_, options, stored);
    const bundle::Bundle quantized = testing::WriteNet(folder_.path() / "made", model, stored);
    Report report;
    ASSERT_TRUE(CheckQuantizedWeights(source_, nullptr, quantized, SilentLog(), report).ok());
    EXPECT_NE(report.first_failure(), nullptr) << FormName(form);
  }
}

}  // namespace
}  // namespace vlaq::verify
