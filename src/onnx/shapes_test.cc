#include "onnx/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::onnx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Zeros(Shape shape) { return Tensor::Make(DType::kF32, std::move(shape)); }

// pixels [batch, window, 6] -> Reshape to [-1, 6] by constants -> MatMul -> back by Shape, Slice, Concat: as policies
// do.
Model Folding() {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Named("window"), Dim::Fixed(6)});
  const auto rows = b.Op("Reshape", {x, b.Constant(Ints{-1, 6})}, {}, "rows");
  const auto product = b.Op("MatMul", {rows, b.Constant("w", Zeros({6, 4}))}, {}, "product");
  const auto shape = b.Op("Shape", {x}, {}, "shape");
  const auto leading = b.Op("Slice", {shape, b.Constant(Ints{0}), b.Constant(Ints{2}), b.Constant(Ints{0})}, {}, "two");
  const auto target = b.Op("Concat", {leading, b.Constant(Ints{4})}, {{"axis", int64_t{0}}}, "target");
  b.Output(b.Op("Reshape", {product, target}, {}, "back"), "y", DType::kF32,
           {Dim::Named("batch"), Dim::Named("window"), Dim::Fixed(4)});
  return MakeModel(*b.Finish(), "");
}

TEST(InferShapes, FollowsComputedShapes) {
  const auto shapes = InferShapes(Folding(), {{"batch", 2}, {"window", 3}});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_THAT(shapes->at("product").shape, ElementsAre(6, 4));
  EXPECT_THAT(shapes->at("y").shape, ElementsAre(2, 3, 4));
  EXPECT_EQ(shapes->at("y").dtype, DType::kF32);
  EXPECT_THAT(shapes->at("w").shape, ElementsAre(6, 4));
}

TEST(InferShapes, NamesTheExtentWithoutANumber) {
  const auto shapes = InferShapes(Folding(), {{"batch", 2}});
  ASSERT_FALSE(shapes.ok());
  EXPECT_THAT(shapes.error().ToString(), AllOf(HasSubstr("input 'x'"), HasSubstr("'window'")));
}

TEST(InferShapes, KnowsOnnxRuntimesOwnOperators) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(5), Dim::Fixed(32)});
  b.SetDomain("MatMulNBits", "com.microsoft");
  b.SetDomain("DynamicQuantizeLSTM", "com.microsoft");
  const auto product = b.Op(
      "MatMulNBits", {x, b.Constant("codes", Tensor::Make(DType::kU8, {8, 1, 16})), b.Constant("scales", Zeros({8}))},
      {{"K", int64_t{32}}, {"N", int64_t{8}}, {"bits", int64_t{4}}, {"block_size", int64_t{32}}});
  const auto time_first = b.Op("Transpose", {product}, {{"perm", Ints{1, 0, 2}}});
  const auto w = b.Constant("wc", Tensor::Make(DType::kI8, {1, 8, 12}));
  const auto r = b.Constant("rc", Tensor::Make(DType::kI8, {1, 3, 12}));
  const auto state = b.Op("DynamicQuantizeLSTM", {time_first, w, r, b.Constant("bias", Zeros({1, 24}))},
                          {{"hidden_size", int64_t{3}}}, "lstm");
  b.Output(b.Op("Relu", {state}), "y", DType::kF32, {});
  const auto shapes = InferShapes(MakeModel(*b.Finish(), ""), {{"batch", 2}});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_THAT(shapes->at(product).shape, ElementsAre(2, 5, 8));
  EXPECT_THAT(shapes->at("y").shape, ElementsAre(5, 1, 2, 3));
}

TEST(InferShapes, LeavesOutWhatItDoesNotKnow) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(2)});
  b.SetDomain("Fancy", "com.example");
  b.Output(b.Op("Fancy", {x}), "y", DType::kF32, {Dim::Fixed(2)});
  Model model = MakeModel(*b.Finish(), "");
  model.opsets["com.example"] = 1;
  const auto shapes = InferShapes(model, {});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_TRUE(shapes->contains("x"));
  EXPECT_FALSE(shapes->contains("y"));
}

// libonnx would end the process with a division by zero.
TEST(InferShapes, NumbersThatLibonnxDividesByAreLookedAt) {
  const struct {
    const char* op_type;
    Attributes attributes;
    bool good;
  } cases[] = {
      {"Conv", {{"strides", Ints{0, 1}}}, false},
      {"Conv", {{"strides", Ints{-1, 1}}}, false},
      {"MaxPool", {{"strides", Ints{1, 0}}, {"kernel_shape", Ints{2, 2}}}, false},
      {"MaxPool", {{"strides", Ints{1, 2}}, {"kernel_shape", Ints{2, 2}}}, true},
      {"DepthToSpace", {{"blocksize", int64_t{0}}}, false},
      {"DepthToSpace", {{"blocksize", int64_t{1} << 32U}}, false},
      {"DepthToSpace", {{"blocksize", int64_t{2}}}, true},
  };
  for (const auto& c : cases) {
    GraphBuilder b("g");
    std::vector<std::string> inputs{
        b.Input("x", DType::kF32, {Dim::Fixed(1), Dim::Fixed(4), Dim::Fixed(4), Dim::Fixed(4)})};
    if (c.op_type == std::string("Conv")) inputs.push_back(b.Constant("w", Zeros({1, 4, 2, 2})));
    b.Output(b.Op(c.op_type, inputs, c.attributes, "odd"), "y", DType::kF32, {});
    const auto shapes = InferShapes(MakeModel(*b.Finish(), ""), {});
    EXPECT_EQ(shapes.ok(), c.good) << c.op_type;
    EXPECT_TRUE(shapes.ok() || shapes.error().where == "node 'odd' (" + std::string(c.op_type) + ")");
  }
  Model model = MakeModel(Graph{}, "");
  model.graph.inputs.push_back({"x", DType::kF32, true, {Dim::Fixed(4)}, ""});
  model.graph.nodes.push_back({"Split", "none", "", {"x"}, {}, {}});
  EXPECT_FALSE(InferShapes(model, {}).ok());
}

}  // namespace
}  // namespace vlaq::onnx
