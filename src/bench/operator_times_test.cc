#include "bench/operator_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::bench {
namespace {

TEST(WorkByOperator, AddsUpByKindAndDividesByRuns) {
  const TypedShape a{DType::kF32, {2, 3}}, b{DType::kF32, {3, 4}}, c{DType::kF32, {2, 4}};
  const std::vector<backend::ExecutedNode> nodes{
      {"m1", "MatMul", "cpu", {a, b}, {c}, 5}, {"m2", "MatMul", "cpu", {a, b}, {c}, 7},
      {"r", "Relu", "cpu", {c}, {c}, 40},      {"m1", "MatMul", "cpu", {a, b}, {c}, 3},
      {"m2", "MatMul", "cpu", {a, b}, {c}, 1}, {"r", "Relu", "cpu", {c}, {c}, 20},
  };
  const auto work = WorkByOperator(nodes, 2);
  ASSERT_EQ(work.size(), 2U);
  EXPECT_EQ(work[0].op_type, "Relu");
  EXPECT_EQ(work[0].precision, "");
  EXPECT_EQ(work[0].ns, 30'000);
  EXPECT_EQ(work[1].op_type, "MatMul");
  EXPECT_EQ(work[1].precision, "float32");
  EXPECT_EQ(work[1].calls, 2);
  EXPECT_EQ(work[1].ns, 8'000);
  EXPECT_EQ(work[1].macs, 48);
}

TEST(ReachedParameters, CountsWhatTheOutputsDependOn) {
  onnx::Graph graph;
  const auto add = [&graph](const std::string& name, const Tensor& tensor) {
    onnx::Initializer initializer;
    initializer.name = name;
    initializer.dtype = tensor.dtype();
    initializer.shape = tensor.shape();
    graph.initializers.push_back(initializer);
  };
  add("used", Tensor::Make(DType::kF32, {3, 5}));
  add("unused", Tensor::Make(DType::kF32, {100}));
  add("packed", Tensor::Make(DType::kU8, {8, 1, 16}));
  onnx::Node product;
  product.op_type = "MatMul";
  product.inputs = {"x", "used"};
  product.outputs = {"y"};
  onnx::Node bits;
  bits.op_type = "MatMulNBits";
  bits.inputs = {"y", "packed"};
  bits.outputs = {"z"};
  bits.attributes = {{"K", int64_t{5}}, {"N", int64_t{8}}};
  graph.nodes = {product, bits};
  onnx::ValueInfo out;
  out.name = "z";
  graph.outputs = {out};
  EXPECT_EQ(ReachedParameters(graph), 15 + 40);
}

}  // namespace
}  // namespace vlaq::bench
