// An operator of the catalog is known to everyone: calibration watches what its weight multiplies, a plan speaks of it,
// quantizing stores its weight smaller, and its work is counted.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "onnx/operator_catalog.h"
#include "onnx/work.h"
#include "quantize/plan/operators.h"
#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

using onnx::Dim;
using onnx::OperatorRow;
using testing::SmallBundle;

// A node for each row of the catalog.
struct NodeOfRow {
  std::string_view op_type;
  Shape activation, weight, second, result;
};
const std::vector<NodeOfRow>& Nodes() {
  static const std::vector<NodeOfRow> nodes{
      {"Conv", {1, 4, 6, 6}, {8, 4, 3, 3}, {}, {1, 8, 4, 4}},
      {"ConvTranspose", {1, 4, 6, 6}, {4, 8, 2, 2}, {}, {1, 8, 7, 7}},
      {"Gather", {1, 3}, {9, 64}, {}, {1, 3, 64}},
      {"Gemm", {1, 32}, {32, 20}, {}, {1, 20}},
      {"GRU", {2, 1, 32}, {1, 48, 32}, {1, 48, 16}, {2, 1, 1, 16}},
      {"LSTM", {2, 1, 32}, {1, 64, 32}, {1, 64, 16}, {2, 1, 1, 16}},
      {"MatMul", {1, 32}, {32, 20}, {}, {1, 20}},
      {"RNN", {2, 1, 32}, {1, 16, 32}, {1, 16, 16}, {2, 1, 1, 16}},
  };
  return nodes;
}

std::vector<Dim> Dims(const Shape& shape) {
  std::vector<Dim> dims;
  for (const int64_t extent : shape) dims.push_back(Dim::Fixed(extent));
  return dims;
}

onnx::Model ModelOf(const OperatorRow& row) {
  const auto found =
      std::find_if(Nodes().begin(), Nodes().end(), [&](const NodeOfRow& n) { return n.op_type == row.op_type; });
  if (found == Nodes().end()) {
    ADD_FAILURE() << "this test has no node of " << row.op_type;
    return {};
  }
  NodeOfRow node = *found;
  const bool reversed = row.op_type == "MatMul" && row.weight == 0;
  if (reversed) {
    std::reverse(node.activation.begin(), node.activation.end());
    std::reverse(node.weight.begin(), node.weight.end());
    std::reverse(node.result.begin(), node.result.end());
  }
  onnx::GraphBuilder b("g");
  std::vector<std::string> inputs(row.second_weight ? 3 : 2);
  inputs[row.weight] = b.Constant("w", testing::RandomFloats(node.weight, 1));
  if (row.second_weight) inputs[*row.second_weight] = b.Constant("r", testing::RandomFloats(node.second, 2));
  const DType dtype = row.activation ? DType::kF32 : DType::kI64;
  inputs[row.activation.value_or(1 - row.weight)] = b.Input("x", dtype, Dims(node.activation));
  onnx::Attributes attributes;
  if (row.second_weight) attributes.emplace("hidden_size", node.second[2]);
  b.Output(b.Op(std::string(row.op_type), inputs, attributes, "op"), "y", DType::kF32, Dims(node.result));
  return onnx::MakeModel(*b.Finish(), "test");
}

TEST(WeightedOperators, OfTheCatalogAreKnownToAll) {
  for (const OperatorRow& row : onnx::OperatorCatalog()) {
    SCOPED_TRACE(fmt::format("{} with its weight at {}", row.op_type, row.weight));
    const SmallBundle made(ModelOf(row));
    const auto model = onnx::ReadModel(made.bundle().GraphPath("policy"));
    ASSERT_TRUE(model.ok());

    const auto observed = calibrate::ObservedValues(model->graph);
    ASSERT_TRUE(observed.ok());
    const bool watched = std::any_of(observed->begin(), observed->end(), [](const auto& v) { return v.name == "x"; });
    EXPECT_EQ(watched, row.activation.has_value()) << "calibrated";

    const auto operators = ReadOperators(made.bundle());
    ASSERT_TRUE(operators.ok()) << operators.error().ToString();
    ASSERT_EQ(operators->operators.size(), 1U);
    const WeightedOperator& op = operators->operators[0];
    EXPECT_EQ(op.op_type, row.op_type);
    EXPECT_EQ(op.weights.size(), row.second_weight ? 2U : 1U);

    const auto shapes = onnx::InferShapes(*model, {});
    ASSERT_TRUE(shapes.ok());
    const auto work = onnx::WorkOf(model->graph, *shapes);
    ASSERT_TRUE(work.ok());
    EXPECT_EQ(work->macs, op.macs) << "counted";
    EXPECT_EQ(op.macs > 0, row.macs != nullptr);
    EXPECT_TRUE(work->unknown.empty());

    PlanOptions options;
    options.precision = Precision::kFp16;
    for (const target::Target& target : target::All()) {
      const auto planned = MakePlan(made.bundle(), target, nullptr, options);
      ASSERT_TRUE(planned.ok()) << planned.error().ToString();
      ASSERT_EQ(planned->plan.operators.size(), 1U);
      const numerics::OperatorChoice& choice = planned->plan.operators[0];
      EXPECT_NE(choice.form, numerics::Form::kFloat) << "planned: " << choice.reason;
      const bundle::Bundle small = made.Quantized(planned->plan, nullptr, std::string(target.name));
      EXPECT_LE(small.weights.bytes, made.bundle().weights.bytes / 2) << "rewritten for " << target.name;
    }
  }
}

}  // namespace
}  // namespace vlaq::plan
