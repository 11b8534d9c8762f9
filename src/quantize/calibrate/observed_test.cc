#include "quantize/calibrate/observed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::calibrate {
namespace {

using onnx::Dim;

Tensor Floats(const Shape& shape) { return Tensor::Make(DType::kF32, shape); }

// Text and pixels that meet, with every operator that counts and some that do not.
onnx::Graph SampleGraph() {
  onnx::GraphBuilder b("g");
  const auto pixels = b.Input("pixel_values", DType::kF32, {Dim::Named("batch"), Dim::Fixed(3), Dim::Fixed(4)});
  const auto ids = b.Input("input_ids", DType::kI64, {Dim::Named("batch"), Dim::Named("tokens")});
  const auto conv = b.Op("Conv", {pixels, b.Constant("kernel", Floats({8, 3, 2}))}, {}, "conv");
  const auto norm =
      b.Op("LayerNormalization", {conv, b.Constant("gamma", Floats({3})), b.Constant("beta", Floats({3}))}, {}, "norm");
  const auto product = b.Op("MatMul", {norm, b.Constant("weight", Floats({3, 5}))}, {}, "product");
  const auto biased = b.Op("Add", {product, b.Constant("bias", Floats({5}))}, {}, "biased");
  const auto left = b.Op("MatMul", {b.Constant("left_weight", Floats({6, 8})), biased}, {}, "left");
  b.Op("MatMul", {norm, b.Constant("second", Floats({3, 6}))}, {}, "again");
  const auto rows = b.Op("Gather", {b.Constant("table", Floats({9, 5})), ids}, {}, "rows");
  const auto sum = b.Op("Add", {rows, left}, {}, "sum");
  const auto soft = b.Op("Softmax", {sum}, {}, "soft");
  const auto attention = b.Op("MatMul", {soft, sum}, {}, "attention");
  const auto gemm = b.Op("Gemm", {attention, b.Constant("gemm_weight", Floats({5, 5}))}, {}, "gemm");
  b.Op("Add", {ids, ids}, {}, "integers");
  b.Output(gemm, "feature", DType::kF32, {});
  auto graph = b.Finish();
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().ToString());
  return graph.ok() ? *graph : onnx::Graph();
}

TEST(ObservedValues, AreWhatOperatorsWithWeightsReadAndWhatFloat16MayBreak) {
  const auto found = ObservedValues(SampleGraph(), {"input_ids"});
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  struct Expected {
    std::string name;
    Detail detail;
    bool is_input, has_padding;
  };
  const std::vector<Expected> expected{{"pixel_values", Detail::kHistogram, true, false},
                                       {"norm", Detail::kChannels, false, false},
                                       {"biased", Detail::kHistogram, false, false},
                                       {"sum", Detail::kRange, false, true},
                                       {"soft", Detail::kRange, false, true},
                                       {"attention", Detail::kChannels, false, true}};
  ASSERT_EQ(found->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*found)[i].name, expected[i].name);
    EXPECT_EQ((*found)[i].detail, expected[i].detail) << expected[i].name;
    EXPECT_EQ((*found)[i].is_input, expected[i].is_input) << expected[i].name;
    EXPECT_EQ((*found)[i].has_padding, expected[i].has_padding) << expected[i].name;
  }
}

TEST(ObservedValues, KnowABakedPromptToo) {
  onnx::GraphBuilder b("g");
  const auto pixels = b.Input("pixel_values", DType::kF32, {Dim::Named("batch"), Dim::Fixed(5)});
  const auto ids = b.Constant("prompt/input_ids", Tensor::From<int64_t>({1, 3}, std::vector<int64_t>{0, 4, 1}));
  const auto rows = b.Op("Gather", {b.Constant("table", Floats({9, 5})), ids}, {}, "rows");
  const auto text = b.Op("MatMul", {rows, b.Constant("weight", Floats({5, 5}))}, {}, "text");
  const auto seen = b.Op("MatMul", {pixels, b.Constant("other", Floats({5, 4}))}, {}, "seen");
  b.Output(text, "feature", DType::kF32, {});
  b.Output(seen, "unread", DType::kF32, {});
  const auto graph = b.Finish();
  ASSERT_TRUE(graph.ok()) << graph.error().ToString();
  const auto found = ObservedValues(*graph);
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].name, "rows");
  EXPECT_TRUE((*found)[0].has_padding);
  EXPECT_EQ((*found)[1].name, "pixel_values");
  EXPECT_FALSE((*found)[1].has_padding);
}

}  // namespace
}  // namespace vlaq::calibrate
