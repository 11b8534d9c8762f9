// What is no valid graph, as every reader refuses it.
#include "onnx/validity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/model_file.h"

namespace vlaq::onnx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Node Make(std::string op_type, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  return {std::move(op_type), "n", "", std::move(inputs), std::move(outputs), {}};
}

Model ModelOf(std::vector<Node> nodes, const std::string& output = "y") {
  Model model;
  model.graph.inputs.push_back({"x", DType::kF32, true, {Dim::Fixed(2)}, ""});
  model.graph.outputs.push_back({output, DType::kF32, false, {}, ""});
  model.graph.nodes = std::move(nodes);
  return model;
}

std::string ReadingOf(const Model& model) {
  const auto bytes = Serialize(model);
  if (!bytes.ok()) return bytes.error().ToString();
  const auto read = ReadModelBytes(std::make_shared<const std::string>(*bytes), ".", "m");
  if (read.ok()) return "ok";
  EXPECT_EQ(read.error().code, ErrorCode::kInput);
  return read.error().ToString();
}

TEST(Validity, NamesOrderAndArity) {
  EXPECT_EQ(ReadingOf(ModelOf({Make("Relu", {"x"}, {"y"})})), "ok");
  const struct {
    std::vector<Node> nodes;
    const char* what;
  } cases[] = {
      {{Make("Relu", {"nothing"}, {"y"})}, "reads 'nothing', which nothing makes"},
      {{Make("Relu", {"z"}, {"y"}), Make("Relu", {"x"}, {"z"})}, "not sorted: reads 'z' before it is made"},
      {{Make("Add", {"x", "z"}, {"y"}), Make("Relu", {"y"}, {"z"})}, "in a circle of nodes"},
      {{Make("Relu", {"x"}, {"y"}), Make("Abs", {"x"}, {"y"})}, "makes 'y', which is there already"},
      {{Make("Relu", {"x"}, {"x"}), Make("Relu", {"x"}, {"y"})}, "makes 'x', which is there already"},
      {{Make("Relu", {"x"}, {"y"}), Make("Abs", {"x"}, {})}, "has output size 0"},
      {{Make("com.example", {"x"}, {"y"}), Make("com.example", {"x"}, {""})}, "has no outputs"},
      {{Make("", {"x"}, {"y"})}, "names no operator"},
      {{Make("Relu", {"x"}, {"z"})}, "output 'y': not a valid graph: nothing makes it"},
      {{Make("Conv", {"x"}, {"y"})}, "input size 1"},
      {{Make("If", {"x"}, {"y"})}, "else_branch"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ReadingOf(ModelOf(c.nodes)), AllOf(HasSubstr("m: "), HasSubstr(c.what)));
  }
  Model twice = ModelOf({Make("Relu", {"x"}, {"y"})});
  twice.graph.inputs.push_back(twice.graph.inputs[0]);
  EXPECT_THAT(ReadingOf(twice), HasSubstr("input 'x': not a valid graph: stands twice"));
  Model elsewhere = ModelOf({Make("Fancy", {"x"}, {"y"})});
  elsewhere.graph.nodes[0].domain = "com.example";
  EXPECT_THAT(ReadingOf(elsewhere), HasSubstr("its domain 'com.example' is not imported"));
  elsewhere.opsets["com.example"] = 1;
  EXPECT_EQ(ReadingOf(elsewhere), "ok");
  Model foreign = ModelOf({Make("Add", {"x", "x"}, {"y"})});
  foreign.graph.nodes[0].attributes["bits"] = int64_t{4};
  EXPECT_THAT(ReadingOf(foreign), HasSubstr("Unrecognized attribute: bits"));
}

TEST(Validity, SubgraphsSeeWhatIsAroundThem) {
  Graph inner;
  inner.name = "inner";
  inner.nodes.push_back(Make("Relu", {"x"}, {"a"}));
  inner.outputs.push_back({"a", DType::kF32, false, {}, ""});
  const auto with = [&](const Graph& graph) {
    Model model = ModelOf({Make("If", {"c"}, {"y"})});
    model.graph.inputs.push_back({"c", DType::kBool, true, {}, ""});
    for (const char* name : {"then_branch", "else_branch"}) {
      model.graph.nodes[0].attributes[name] = std::shared_ptr<const Graph>(std::make_shared<Graph>(graph));
    }
    return ReadingOf(model);
  };
  EXPECT_EQ(with(inner), "ok");
  inner.nodes[0].inputs[0] = "nowhere";
  EXPECT_THAT(with(inner), HasSubstr("reads 'nowhere'"));
}

// For an opset that libonnx does not know the smallest numbers hold.
TEST(Validity, NewerOpsets) {
  Model model = ModelOf({Make("Gelu", {"x"}, {"y"})});
  model.opsets[""] = 20;
  EXPECT_EQ(ReadingOf(model), "ok");
  model.graph.nodes[0].op_type = "Conv";
  EXPECT_THAT(ReadingOf(model), HasSubstr("1 inputs"));
  model.opsets[""] = int64_t{1} << 40U;
  EXPECT_THAT(ReadingOf(model), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace vlaq::onnx
