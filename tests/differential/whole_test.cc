// That there really are two back ends, and a graph of many nodes through both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/output.h"
#include "base/testing.h"
#include "node_case.h"
#include "onnx/model_file.h"
#include "tensor/difference.h"

namespace vlaq::differential {
namespace {

using ::testing::HasSubstr;

backend::ModelSource Source(const onnx::Model& model, const std::filesystem::path& folder = ".") {
  return {"model", std::make_shared<const std::string>(*onnx::Serialize(model)), folder};
}

TEST(BackEnds, SayWhoTheyAre) {
  const auto reference = backend::MakeReferenceBackend();
  const auto ort = backend::MakeOnnxRuntimeBackend();
  ASSERT_TRUE(ort->Available().ok()) << ort->Available().error().ToString();
  EXPECT_EQ(reference->name(), "reference");
  EXPECT_EQ(ort->name(), "onnxruntime");
  EXPECT_THAT(reference->Version(), HasSubstr("reference evaluator"));
  EXPECT_THAT(ort->Version(), HasSubstr("libonnxruntime.so"));
}

// ONNX Runtime has operators that the reference lacks: if one engine hid behind both names, this could not be.
TEST(BackEnds, AreDifferentCode) {
  onnx::GraphBuilder builder("softplus");
  const std::string x = builder.Input("x", DType::kF32, {onnx::Dim::Fixed(2)});
  builder.Output(builder.Op("Softplus", {x}), "y", DType::kF32, {onnx::Dim::Fixed(2)});
  const auto source = Source(onnx::MakeModel(*builder.Finish(), "test"));
  EXPECT_TRUE(backend::MakeOnnxRuntimeBackend()->Open(source, {}).ok());
  const auto refused = backend::MakeReferenceBackend()->Open(source, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBackend);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("no operator Softplus"));
}

// Causal self-attention with an external weight, as the policy graphs are made: mask by LessOrEqual on positions,
// Where, Softmax, LayerNormalization, a dynamic batch.
onnx::Model Attention(uint64_t weight_bytes) {
  onnx::GraphBuilder b("attention");
  const std::vector<onnx::Dim> dims{onnx::Dim::Named("batch"), onnx::Dim::Named("length"), onnx::Dim::Fixed(16)};
  const std::string x = b.Input("x", DType::kF32, dims);
  const std::string w = b.External("w", DType::kF32, {16, 16}, {"weights.bin", 64, weight_bytes});
  const std::string projected = b.Op("MatMul", {x, w}, {}, "query");
  const std::string keys = b.Op("Transpose", {projected}, {{"perm", onnx::Ints{0, 2, 1}}}, "keys");
  const std::string scores = b.Op("Mul", {b.Op("MatMul", {projected, keys}), b.Constant(0.25F)});
  const std::string length = b.Op("Squeeze", {b.Op("Shape", {x}, {{"start", 1}, {"end", 2}})});
  const std::string positions = b.Op("Range", {b.Constant(int64_t{0}), length, b.Constant(int64_t{1})});
  const std::string columns = b.Op("Unsqueeze", {positions, b.Constant(onnx::Ints{1})});
  const std::string visible = b.Op("LessOrEqual", {positions, columns});
  const std::string masked = b.Op("Where", {visible, scores, b.Constant(-1e9F)});
  const std::string mixed = b.Op("MatMul", {b.Op("Softmax", {masked}), projected});
  const std::string scale = b.Constant("scale", Tensor::From<float>({16}, std::vector<float>(16, 1.5F)));
  b.Output(b.Op("LayerNormalization", {b.Op("Add", {x, mixed}), scale}, {{"epsilon", 1e-5F}}), "y", DType::kF32, dims);
  return onnx::MakeModel(*b.Finish(), "test");
}

TEST(BackEnds, AgreeOnAGraphWithExternalWeights) {
  const TemporaryFolder folder;
  Random random(1);
  const Tensor weight = RandomTensor(random, DType::kF32, {16, 16});
  std::string file(64, 'x');
  file += AsText(weight.bytes());
  ASSERT_TRUE(WriteFile(folder.path() / "weights.bin", file, Existing::kRefuse).ok());
  const onnx::Model model = Attention(weight.bytes().size());
  const auto source = Source(model, folder.path());
  const auto reference = backend::MakeReferenceBackend()->Open(source, {});
  const auto ort = backend::MakeOnnxRuntimeBackend()->Open(source, {});
  ASSERT_TRUE(reference.ok()) << reference.error().ToString();
  ASSERT_TRUE(ort.ok()) << ort.error().ToString();
  ASSERT_EQ((*reference)->inputs().size(), 1U);
  for (const auto& [mine, theirs] : {std::pair{(*reference)->inputs()[0], (*ort)->inputs()[0]},
                                     std::pair{(*reference)->outputs()[0], (*ort)->outputs()[0]}}) {
    EXPECT_EQ(mine.name, theirs.name);
    EXPECT_EQ(mine.dims, theirs.dims);
    EXPECT_EQ(mine.dim_names, theirs.dim_names);
    EXPECT_EQ(mine.dtype, theirs.dtype);
  }
  for (const Shape& shape : {Shape{1, 1, 16}, Shape{3, 7, 16}, Shape{2, 33, 16}}) {
    const Tensor x = RandomTensor(random, DType::kF32, shape);
    const auto expected = (*reference)->Run({{"x", x}});
    const auto actual = (*ort)->Run({{"x", x}});
    ASSERT_TRUE(expected.ok()) << expected.error().ToString();
    ASSERT_TRUE(actual.ok()) << actual.error().ToString();
    const auto difference = Compare(expected->at("y"), actual->at("y"));
    ASSERT_TRUE(difference.ok());
    EXPECT_LT(difference->max_absolute(), 1e-5);  // values of size 1 to 4 after normalization
    EXPECT_GT(difference->max_reference(), 1);
  }
}

}  // namespace
}  // namespace vlaq::differential
