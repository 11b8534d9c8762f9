#include "engine/work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Ten operators of equal work, planned in one precision.
GraphWork Work(Precision planned) {
  GraphWork work;
  for (int i = 0; i < 10; ++i) work.operators.push_back({"n" + std::to_string(i), "g", planned, 100});
  // Weights like those of the full-size policy.
  work.planned_bytes = 1000e6;
  work.least_bytes = 990e6;
  work.most_bytes = 1010e6;
  work.widening_bytes = 950e6;
  return work;
}

// A layer for each operator; the first `wide` of them in another precision.
std::vector<Layer> Layers(Precision precision, int wide, Precision wide_precision) {
  std::vector<Layer> layers{{"r", "Reformat", "", Precision::kUnknown, true, {"n0"}, 0.5}};
  for (int i = 0; i < 10; ++i) {
    const std::string name = "n" + std::to_string(i);
    layers.push_back({name, "gemm", "", i < wide ? wide_precision : precision, false, {name}, 1.0});
  }
  return layers;
}

TEST(JudgePrecision, TakesWhatRunsAsPlanned) {
  const auto report = JudgePrecision(Work(Precision::kInt8), Layers(Precision::kInt8, 1, Precision::kHalf), 9, "e");
  ASSERT_TRUE(report.ok());
  EXPECT_NEAR(report->as_planned, 0.9, 1e-9);
  EXPECT_EQ(report->layers, 11U);
  EXPECT_EQ(report->reformats, 1U);
  EXPECT_EQ(report->layers_ms, 10.5);
  EXPECT_EQ(report->reformats_ms, 0.5);
  EXPECT_EQ(report->by_precision[0].layers, 9U);
  EXPECT_NEAR(report->by_precision[1].macs_share, 0.1, 1e-9);
  EXPECT_FALSE(report->by_size);
  EXPECT_TRUE(report->proven);
}

TEST(JudgePrecision, RefusesInt8ThatNobodyPlanned) {
  for (const Precision planned : {Precision::kHalf, Precision::kFloat32}) {
    const auto report = JudgePrecision(Work(planned), Layers(planned, 1, Precision::kInt8), 9, "e.trt");
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::kVerification);
    EXPECT_THAT(report.error().ToString(), AllOf(HasSubstr("n0 runs in INT8"), HasSubstr("no scales")));
  }
}

// TensorRT 10 fuses moves and casts into layers that name the product's node, too.
TEST(JudgePrecision, TheLayerThatMultipliesDecides) {
  for (const bool first : {true, false}) {
    std::vector<Layer> layers = Layers(Precision::kHalf, 0, {});
    for (int i = 0; i < 10; ++i) {
      Layer move{"__myl_MoveConc", "kgen", "", Precision::kInt8, false, {"n" + std::to_string(i)}, 0.1};
      layers.insert(first ? layers.begin() : layers.end(), std::move(move));
    }
    EXPECT_FALSE(JudgePrecision(Work(Precision::kInt8), layers, 9, "e").ok()) << "a fall-back hides behind a move";
    for (Layer& layer : layers) {
      layer.precision = layer.type == "kgen" ? Precision::kHalf : Precision::kInt8;
    }
    EXPECT_TRUE(JudgePrecision(Work(Precision::kInt8), layers, 9, "e").ok()) << "a move hides the product";
  }
}

TEST(JudgePrecision, RefusesWhatFellBack) {
  const auto report = JudgePrecision(Work(Precision::kInt8), Layers(Precision::kInt8, 2, Precision::kHalf), 9, "e.trt");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kVerification);
  EXPECT_THAT(report.error().ToString(), AllOf(HasSubstr("e.trt"), HasSubstr("80.0 %"), HasSubstr("n0 (float16)"),
                                               HasSubstr("int8 80.0 %, float16 20.0 %")));
  EXPECT_FALSE(JudgePrecision(Work(Precision::kHalf), Layers(Precision::kFloat32, 0, {}), 9, "e").ok());
}

TEST(JudgePrecision, AsksTheSizeWhereLayersDoNotSay) {
  const std::vector<Layer> opaque{{"{ForeignNode[n0...n9]}", "Myelin", "", Precision::kUnknown, false, {}, 1.0}};
  const auto small = JudgePrecision(Work(Precision::kHalf), opaque, 1'050'000'000, "e");
  ASSERT_TRUE(small.ok());
  EXPECT_TRUE(small->by_size && small->proven);
  EXPECT_NEAR(small->unknown, 1, 1e-9);
  EXPECT_THAT(small->evidence, HasSubstr("at most 6.3 % of them can be wider"));
  // Between the two: what is not weights takes room as well.
  const auto between = JudgePrecision(Work(Precision::kHalf), opaque, 1'150'000'000, "e");
  ASSERT_TRUE(between.ok());
  EXPECT_FALSE(between->proven);
  EXPECT_THAT(between->evidence, HasSubstr("NOT PROVEN, from 8.0 to 16.8 %"));
  const auto large = JudgePrecision(Work(Precision::kHalf), opaque, 1'900'000'000, "e");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kVerification);
  EXPECT_THAT(large.error().ToString(), HasSubstr("at least 86.9 %"));
  // One that is known to have fallen back is no matter of size.
  EXPECT_FALSE(
      JudgePrecision(Work(Precision::kHalf), Layers(Precision::kUnknown, 2, Precision::kFloat32), 1, "e").ok());
}

TEST(JudgePrecision, AsksNothingOfFloat32) {
  EXPECT_TRUE(JudgePrecision(Work(Precision::kFloat32), Layers(Precision::kFloat32, 0, {}), 9999, "e").ok());
}

}  // namespace
}  // namespace vlaq::engine
