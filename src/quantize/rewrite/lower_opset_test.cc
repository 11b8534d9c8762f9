#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"
#include "quantize/rewrite/opset.h"

namespace vlaq::rewrite {
namespace {

using onnx::Dim;
using onnx::GraphBuilder;
using onnx::Ints;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

onnx::Model Finished(GraphBuilder& b, int64_t opset) {
  onnx::Model model = onnx::MakeModel(*b.Finish(), "test");
  model.opsets[""] = opset;
  model.ir_version = FormatOf(opset);
  return model;
}

TEST(LowerOpset, PutsAxesBackIntoAttributes) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(2), Dim::Fixed(4)});
  b.Op("ReduceMean", {b.Op("Add", {x, x}), b.Constant(Ints{-1})}, {{"keepdims", int64_t{1}}});
  onnx::Model model = Finished(b, 21);
  EXPECT_EQ(model.ir_version, 10);
  const Status status = LowerOpset(model, 17);
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  EXPECT_EQ(model.opsets.at(""), 17);
  EXPECT_EQ(model.ir_version, 8);
  EXPECT_THAT(model.graph.nodes[1].Ints("axes"), ElementsAre(-1));
  EXPECT_EQ(model.graph.nodes[1].inputs.size(), 1U);
}

// Raised and lowered again, a graph is what it was.
TEST(LowerOpset, UndoesRaiseOpset) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(2), Dim::Fixed(4)});
  b.Op("ReduceMax", {x}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}});
  const onnx::Model model = Finished(b, 17);
  onnx::Model other = model;
  ASSERT_TRUE(RaiseOpset(other, 21).ok());
  EXPECT_EQ(other.graph.nodes[0].inputs.size(), 2U);
  ASSERT_TRUE(LowerOpset(other, 17).ok());
  EXPECT_EQ(other.graph.nodes[0].inputs, model.graph.nodes[0].inputs);
  EXPECT_THAT(other.graph.nodes[0].Ints("axes"), ElementsAre(1));
}

TEST(LowerOpset, PairsOfInt8WithFloatScalesStay) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(2)});
  const std::string s = b.Constant("s", Tensor::Scalar<float>(1));
  const std::string z = b.Constant("z", Tensor::Scalar<int8_t>(0));
  b.Op("DequantizeLinear", {b.Op("QuantizeLinear", {x, s, z}, {{"saturate", int64_t{1}}}), s, z});
  onnx::Model model = Finished(b, 19);
  ASSERT_TRUE(LowerOpset(model, 17).ok());
  EXPECT_TRUE(model.graph.nodes[0].attributes.empty());
}

TEST(LowerOpset, EqualPartsNeedNoNumber) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(1), Dim::Fixed(6)});
  b.Op("Relu", {x});
  onnx::Model model = Finished(b, 18);
  model.graph.nodes[0] = {"Split", "n", "", {"x"}, {"a", "b"}, {{"axis", int64_t{-1}}, {"num_outputs", int64_t{2}}}};
  ASSERT_TRUE(LowerOpset(model, 17).ok());
  EXPECT_FALSE(model.graph.nodes[0].attributes.contains("num_outputs"));
  EXPECT_EQ(model.graph.nodes[0].Int("axis", 0), -1);
}

// What an older opset cannot say is refused by name, and the model is left alone.
TEST(LowerOpset, RefusesWhatIsNewer) {
  struct Row {
    std::string op_type;
    std::vector<std::string> more;  // inputs behind x
    onnx::Attributes attributes;
    std::string why;
  };
  const std::vector<Row> rows{
      {"Gelu", {}, {}, "is not known to be the same"},
      {"Resize", {}, {}, "is not known to be the same"},
      {"Split", {}, {{"num_outputs", int64_t{3}}}, "num_outputs"},
      {"ReduceMax", {"computed"}, {}, "no constant"},
      {"ReduceMax", {}, {{"noop_with_empty_axes", int64_t{1}}}, "noop_with_empty_axes"},
      {"QuantizeLinear", {"half"}, {}, "not float32"},
      {"QuantizeLinear", {"scale"}, {{"output_dtype", int64_t{3}}}, "output_dtype"},
      {"DequantizeLinear", {"scale"}, {{"block_size", int64_t{16}}}, "block_size"},
      {"ScatterND", {}, {{"reduction", "max"}}, "newer reduction"},
      {"Cast", {}, {{"saturate", int64_t{0}}}, "saturate"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.op_type + " " + row.why);
    GraphBuilder b("g");
    std::vector<std::string> inputs{b.Input("x", DType::kF32, {Dim::Fixed(2)})};
    b.Input("computed", DType::kI64, {Dim::Fixed(1)});
    b.Constant("half", Tensor::Make(DType::kF16, {}));
    b.Constant("scale", Tensor::Scalar<float>(1));
    inputs.insert(inputs.end(), row.more.begin(), row.more.end());
    b.Op("Relu", {"x"});
    b.Op(row.op_type, inputs, row.attributes, "culprit");
    onnx::Model model = Finished(b, 21);
    const Status status = LowerOpset(model, 17);
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error().ToString(), HasSubstr("culprit"));
    EXPECT_THAT(status.error().ToString(), HasSubstr(row.why));
    EXPECT_EQ(model.opsets.at(""), 21);
  }
}

// What older opsets would silently do otherwise.
TEST(LowerOpset, RefusesAttributesThatOlderOpsetsDoNotHave) {
  const struct {
    const char* op_type;
    onnx::AttributeValue value;
    const char* attribute;
    int64_t from, to;
  } cases[] = {
      {"Shape", int64_t{1}, "start", 15, 14},
      {"Shape", int64_t{1}, "end", 17, 13},
      {"Reshape", int64_t{1}, "allowzero", 14, 13},
      {"GRU", int64_t{1}, "layout", 17, 13},
      {"Pad", std::string("wrap"), "mode", 20, 17},
      {"ScatterND", std::string("add"), "reduction", 17, 15},
      {"ScatterND", std::string("max"), "reduction", 18, 17},
  };
  for (const auto& c : cases) {
    onnx::Model model;
    model.opsets[""] = c.from;
    model.graph.nodes.push_back({c.op_type, "n", "", {"x"}, {"y"}, {{c.attribute, c.value}}});
    EXPECT_FALSE(LowerOpset(model, c.to).ok()) << c.op_type << " " << c.attribute;
    model.graph.nodes[0].attributes.clear();
    EXPECT_TRUE(LowerOpset(model, c.to).ok()) << c.op_type;
  }
}

TEST(LowerOpset, KnowsItsLimits) {
  GraphBuilder b("g");
  b.Op("Relu", {b.Input("x", DType::kF32, {})});
  onnx::Model model = Finished(b, 17);
  EXPECT_TRUE(LowerOpset(model, 17).ok());
  EXPECT_FALSE(LowerOpset(model, 18).ok());
  EXPECT_FALSE(LowerOpset(model, 12).ok());
  model.opsets[""] = 25;
  EXPECT_FALSE(LowerOpset(model, 20).ok());
}

}  // namespace
}  // namespace vlaq::rewrite
