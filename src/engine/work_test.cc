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
  work.planned_bytes = 1000;
  work.fallen_back_bytes = 2000;
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
  // Narrower than planned is as good.
  EXPECT_TRUE(JudgePrecision(Work(Precision::kHalf), Layers(Precision::kInt8, 0, {}), 9, "e").ok());
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
  const auto small = JudgePrecision(Work(Precision::kHalf), opaque, 1400, "e");
  ASSERT_TRUE(small.ok());
  EXPECT_TRUE(small->by_size);
  EXPECT_NEAR(small->unknown, 1, 1e-9);
  const auto large = JudgePrecision(Work(Precision::kHalf), opaque, 1600, "e");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kVerification);
  // One that is known to have fallen back is no matter of size.
  EXPECT_FALSE(
      JudgePrecision(Work(Precision::kHalf), Layers(Precision::kUnknown, 2, Precision::kFloat32), 1, "e").ok());
}

TEST(JudgePrecision, AsksNothingOfFloat32) {
  EXPECT_TRUE(JudgePrecision(Work(Precision::kFloat32), Layers(Precision::kFloat32, 0, {}), 9999, "e").ok());
}

}  // namespace
}  // namespace vlaq::engine
