// Quantized bundles as vlaq makes them pass, and each seeded fault in one is caught by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backend/onnxruntime/onnxruntime.h"
#include "broken_bundles.h"
#include "quantize/apply/quantize.h"
#include "quantize/plan/planner.h"
#include "verify/executed_precision.h"
#include "verify/source_check.h"
#include "verify/weights_check.h"

namespace vlaq::verify {
namespace {

namespace fs = std::filesystem;
using plan::Precision;
using testing::EditWeight;
using testing::ExportTiny;
using testing::Find;
using testing::FirstFailed;
using testing::FirstFailure;
using ::testing::HasSubstr;
using testing::TinyPolicy;

class QuantizedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    source_ = ExportTiny(TinyPolicy(), folder_.path());
    ASSERT_FALSE(source_.path.empty());
  }

  void Quantize(Precision precision) {
    const auto target = target::Find("cpu");
    ASSERT_TRUE(target.ok());
    plan::PlanOptions options;
    options.precision = precision;
    auto planned = plan::MakePlan(source_, **target, nullptr, options);
    ASSERT_TRUE(planned.ok()) << planned.error().ToString();
    plan_ = planned->plan;
    apply::QuantizeOptions quantize;
    quantize.bundle = source_.path;
    quantize.plan = plan_;
    quantize.output = folder_.path() / "quantized";
    quantize.existing = Existing::kReplace;
    const auto made = apply::Quantize(quantize, SilentLog());
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    auto opened = bundle::Open(quantize.output);
    ASSERT_TRUE(opened.ok());
    bundle_ = *opened;
  }

  Report Compare() {
    Report report;
    const Status status = CheckQuantizedWeights(bundle_, &plan_, source_, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    return report;
  }

  // A weight whose stored scales end so, of the first linear in the plan with a small form.
  std::string SomeScale(numerics::Form form) const {
    for (const auto& choice : plan_.operators) {
      if (choice.form == form && choice.op_type == "MatMul") return choice.weights[0].name + "/scale";
    }
    return "none";
  }

  void ExpectCaught(const std::string& check, const std::string& text) {
    const Check failed = FirstFailed(Compare());
    EXPECT_EQ(failed.name, check);
    EXPECT_THAT(failed.detail, HasSubstr(text));
  }

  TemporaryFolder folder_;
  bundle::Bundle source_, bundle_;
  numerics::Plan plan_;
};

TEST_F(QuantizedTest, WhatVlaqMakesPasses) {
  const auto backend = backend::MakeOnnxRuntimeBackend();
  for (const Precision precision : {Precision::kInt8, Precision::kInt4, Precision::kFp16}) {
    Quantize(precision);
    Report report = Compare();
    EXPECT_EQ(FirstFailure(report), "none") << FirstFailed(report).detail;
    EXPECT_TRUE(Find(report, "accounted").passed);
    backend::OpenOptions open;
    open.threads = 1;
    const Status numbers =
        CheckAgainstSource(bundle_, source_, NoiseSteps(source_.policy), {backend.get(), open}, SilentLog(), report);
    EXPECT_TRUE(numbers.ok()) << (numbers.ok() ? "" : numbers.error().ToString());
    EXPECT_NE(Find(report, "actions against the source").name, "absent");
    const Status real = CheckExecutedPrecision(bundle_, &plan_, &source_, {backend.get(), open}, SilentLog(), report);
    EXPECT_TRUE(real.ok()) << (real.ok() ? "" : real.error().ToString());
    EXPECT_EQ(FirstFailure(report), "none") << FirstFailed(report).detail;
    EXPECT_TRUE(Find(report, "kernels").passed);
  }
}

TEST_F(QuantizedTest, CatchesAScaleTimesFour) {
  Quantize(Precision::kInt8);
  const std::string scale = SomeScale(numerics::Form::kDynamicInt8);
  EditWeight(bundle_, scale, [](std::span<float> scales) { scales[1] *= 4; });
  ExpectCaught("quantized weights", scale.substr(0, scale.rfind('/')));
}

TEST_F(QuantizedTest, CatchesTwoSwappedScales) {
  Quantize(Precision::kInt8);
  const std::string scale = SomeScale(numerics::Form::kDynamicInt8);
  EditWeight(bundle_, scale, [](std::span<float> scales) {
    const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
    std::iter_swap(least, most);
  });
  ExpectCaught("quantized weights", "channel");
}

TEST_F(QuantizedTest, CatchesABlockScaleTimesFour) {
  Quantize(Precision::kInt4);
  EditWeight(bundle_, SomeScale(numerics::Form::kWeightOnly), [](std::span<float> scales) { scales[0] *= 4; });
  ExpectCaught("quantized weights", "block");
}

// Every byte of the codes one higher, as if the zero point were off by one.
TEST_F(QuantizedTest, CatchesCodesOffByOne) {
  Quantize(Precision::kInt8);
  const std::string scale = SomeScale(numerics::Form::kDynamicInt8);
  const std::string codes = scale.substr(0, scale.rfind('/')) + "/codes";
  const auto records = bundle::ReadWeightRecords(bundle_);
  ASSERT_TRUE(records.ok());
  for (const bundle::WeightRecord& record : *records) {
    if (record.name != codes) continue;
    std::fstream file(bundle_.WeightsPath(), std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(record.length, '\0');
    file.seekg(static_cast<std::streamoff>(record.offset));
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    for (char& byte : bytes) byte = static_cast<char>(byte == 127 ? 127 : byte + 1);
    file.seekp(static_cast<std::streamoff>(record.offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ExpectCaught("quantized weights", "mean square");
}

TEST_F(QuantizedTest, CatchesAGraphThatReadsTheSourcesWeightsBackwards) {
  Quantize(Precision::kInt8);
  testing::EditGraph(bundle_.GraphPath("encoder"), [](onnx::Model& model) {
    std::vector<onnx::Node*> sums;
    for (onnx::Node& node : model.graph.nodes) {
      if (node.op_type == "MatMulInteger") sums.push_back(&node);
    }
    ASSERT_GE(sums.size(), 2U);
    std::swap(sums[0]->inputs[1], sums[1]->inputs[1]);  // the codes of two layers, each with the other's scales
  });
  ExpectCaught("quantized weights", "encoder");
}

TEST_F(QuantizedTest, CatchesAnEditedPlan) {
  Quantize(Precision::kInt8);
  for (auto& choice : plan_.operators) {
    if (choice.form == numerics::Form::kDynamicInt8) choice.form = numerics::Form::kFloat;
  }
  ExpectCaught("operators", "which the plan does not say");
}

}  // namespace
}  // namespace vlaq::verify
