// What really ran, read from the profile of real runs, and profiles that are none.
#include "backend/onnxruntime/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/onnxruntime/onnxruntime.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"

namespace vlaq::backend {
namespace {

using onnx::Dim;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kRows = 5, kInner = 32, kColumns = 16;

// y = x W with both quantized to 8 bits, the activation at run time.
ModelSource DynamicMatMul() {
  onnx::GraphBuilder b("dynamic");
  const std::vector<Dim> in{Dim::Named("batch"), Dim::Fixed(kInner)}, out{Dim::Named("batch"), Dim::Fixed(kColumns)};
  const std::string x = b.Input("x", DType::kF32, in);
  Tensor codes = Tensor::Make(DType::kI8, {kInner, kColumns});
  for (int8_t& code : codes.mutable_data<int8_t>()) code = 3;
  const auto q = b.Ops("DynamicQuantizeLinear", {x}, 3, {}, "quantize");
  const std::string sum = b.Op("MatMulInteger", {q[0], b.Constant("w", codes), q[2]}, {}, "product");
  const std::string scale = b.Op("Mul", {q[1], b.Constant(0.5F)}, {}, "scale");
  b.Output(b.Op("Mul", {b.Op("Cast", {sum}, {{"to", int64_t{1}}}, "cast"), scale}, {}, "result"), "y", DType::kF32,
           out);
  return {"dynamic.onnx", std::make_shared<const std::string>(*onnx::Serialize(onnx::MakeModel(*b.Finish(), "test"))),
          "."};
}

class Profile : public ::testing::Test {
 protected:
  std::vector<ExecutedNode> RunTwice(bool optimize) {
    OpenOptions options;
    options.threads = 1;
    options.optimize = optimize;
    options.profile = folder_.path() / "profile";
    auto model = backend_->Open(DynamicMatMul(), options);
    if (!model.ok()) {
      ADD_FAILURE() << model.error().ToString();
      return {};
    }
    for (int i = 0; i < 2; ++i) EXPECT_TRUE((*model)->Run({{"x", Tensor::Make(DType::kF32, {kRows, kInner})}}).ok());
    auto nodes = (*model)->Profile();
    EXPECT_TRUE(nodes.ok());
    EXPECT_FALSE((*model)->Profile().ok()) << "it is given once";
    return nodes.ok() ? *std::move(nodes) : std::vector<ExecutedNode>{};
  }

  std::unique_ptr<Backend> backend_ = MakeOnnxRuntimeBackend();
  TemporaryFolder folder_;
};

TEST_F(Profile, NamesFusedKernelsInPlaceOfTheModelsNodes) {
  const auto nodes = RunTwice(true);
  EXPECT_THAT(nodes, Not(Contains(Field(&ExecutedNode::op_type, "MatMulInteger"))));
  const auto fused = std::find_if(nodes.begin(), nodes.end(),
                                  [](const ExecutedNode& node) { return node.op_type == "DynamicQuantizeMatMul"; });
  ASSERT_NE(fused, nodes.end());
  EXPECT_EQ(fused->provider, "cpu");
  ASSERT_FALSE(fused->inputs.empty());
  EXPECT_EQ(fused->inputs[0].dtype, DType::kF32);
  EXPECT_THAT(fused->inputs[0].shape, ElementsAre(kRows, kInner));
  ASSERT_THAT(fused->outputs, SizeIs(1));
  EXPECT_THAT(fused->outputs[0].shape, ElementsAre(kRows, kColumns));
  EXPECT_GE(fused->microseconds, 0);
}

TEST_F(Profile, KeepsTheModelsNodesWithoutOptimization) {
  const auto nodes = RunTwice(false);
  ASSERT_THAT(nodes, SizeIs(10)) << "five nodes, two runs";
  const auto product =
      std::find_if(nodes.begin(), nodes.end(), [](const ExecutedNode& node) { return node.name == "product"; });
  ASSERT_NE(product, nodes.end());
  EXPECT_EQ(product->op_type, "MatMulInteger");
  EXPECT_EQ(product->inputs[0].dtype, DType::kU8);
  EXPECT_EQ(product->outputs[0].dtype, DType::kI32);
}

TEST_F(Profile, IsAnErrorWhereNoneWasAskedFor) {
  const auto model = backend_->Open(DynamicMatMul(), {});
  ASSERT_TRUE(model.ok());
  const auto nodes = (*model)->Profile();
  ASSERT_FALSE(nodes.ok());
  EXPECT_EQ(nodes.error().code, ErrorCode::kBackend);
}

TEST(ParseOrtProfile, SkipsWhatIsNoKernel) {
  const auto nodes = ParseOrtProfile(R"([
    {"cat": "Session", "name": "model_run", "dur": 3, "args": {}},
    {"cat": "Node", "name": "a_fence_before", "dur": 1, "args": {"op_name": "Add"}},
    {"cat": "Node", "name": "a_kernel_time", "dur": 7, "args": {"op_name": "Add", "provider": "CUDAExecutionProvider",
     "input_type_shape": [{"float16": [2]}, {"float8e4m3fn": []}], "output_type_shape": [{"float16": [2]}]}}])",
                                     "p.json");
  ASSERT_TRUE(nodes.ok());
  ASSERT_THAT(*nodes, SizeIs(1));
  const ExecutedNode& node = nodes->front();
  EXPECT_EQ(node.name, "a");
  EXPECT_EQ(node.provider, "cuda");
  EXPECT_EQ(node.microseconds, 7);
  EXPECT_EQ(node.inputs[0].dtype, DType::kF16);
  EXPECT_EQ(node.inputs[1].dtype, std::nullopt);
}

TEST(ParseOrtProfile, RefusesWhatIsNoProfile) {
  const char* const wrong[] = {
      "",
      "{}",
      "[1]",
      "[{\"cat\": \"Node\", \"name\": \"a_kernel_time\"}]",
      R"([{"cat": "Node", "name": "a_kernel_time", "dur": 1, "args": {"op_name": "Add", "provider": "x",
          "input_type_shape": [{"float": ["n"]}], "output_type_shape": []}}])",
      R"([{"cat": "Node", "name": "a_kernel_time", "dur": 1, "args": {"op_name": 4, "provider": "x",
          "input_type_shape": [], "output_type_shape": []}}])",
  };
  for (const char* text : wrong) {
    const auto nodes = ParseOrtProfile(text, "p.json");
    ASSERT_FALSE(nodes.ok()) << text;
    EXPECT_EQ(nodes.error().code, ErrorCode::kBackend);
    EXPECT_THAT(nodes.error().where, HasSubstr("p.json"));
  }
}

}  // namespace
}  // namespace vlaq::backend
