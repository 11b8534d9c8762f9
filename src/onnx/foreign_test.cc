#include "onnx/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include "base/output.h"
#include "base/testing.h"
#include "onnx/model_file.h"
#include "onnx/operator_types.h"

namespace vlaq::onnx {
namespace {

using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NodeProto NodeOf(const std::string& op_type, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, const std::string& name = "",
                 const std::string& domain = "") {
  NodeProto node;
  node.set_op_type(op_type);
  node.set_name(name);
  node.set_domain(domain);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

void AddPort(::onnx::ValueInfoProto& port, const std::string& name) {
  port.set_name(name);
  auto* type = port.mutable_type()->mutable_tensor_type();
  type->set_elem_type(::onnx::TensorProto::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_value(4);
}

class Foreign : public ::testing::Test {
 protected:
  Foreign() {
    proto_.set_ir_version(8);
    Import(*proto_.add_opset_import(), "", 17);
    Import(*proto_.add_opset_import(), "my.ops", 1);
    proto_.mutable_graph()->set_name("g");
    AddPort(*proto_.mutable_graph()->add_input(), "x");
    AddPort(*proto_.mutable_graph()->add_output(), "y");
  }
  static void Import(::onnx::OperatorSetIdProto& opset, const std::string& domain, int64_t version) {
    opset.set_domain(domain);
    opset.set_version(version);
  }
  NodeProto& Add(const NodeProto& node) { return *proto_.mutable_graph()->add_node() = node; }
  FunctionProto& AddFunction(const std::string& name, const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs, const std::vector<NodeProto>& nodes) {
    FunctionProto& function = *proto_.add_functions();
    function.set_domain("my.ops");
    function.set_name(name);
    for (const std::string& input : inputs) function.add_input(input);
    for (const std::string& output : outputs) function.add_output(output);
    for (const NodeProto& node : nodes) *function.add_node() = node;
    Import(*function.add_opset_import(), "", 17);
    return function;
  }
  Result<ForeignModel> Read() {
    const auto path = folder_.path() / "model.onnx";
    EXPECT_TRUE(WriteFile(path, proto_.SerializeAsString(), Existing::kReplace).ok());
    return ReadForeignModel(path);
  }
  ForeignModel ReadOk() {
    auto model = Read();
    EXPECT_TRUE(model.ok()) << model.error().ToString();
    return model.ok() ? *std::move(model) : ForeignModel{};
  }
  std::string ReadError() {
    const auto model = Read();
    return model.ok() ? "ok" : model.error().ToString();
  }

  ModelProto proto_;
  TemporaryFolder folder_;
};

AttributeProto Referring(const std::string& name, const std::string& to, AttributeProto::AttributeType type) {
  AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_ref_attr_name(to);
  attribute.set_type(type);
  return attribute;
}

TEST_F(Foreign, NestedFunctionsAreInlinedWithNamesOfTheirOwn) {
  AddFunction("Inner", {"a"}, {"b"}, {NodeOf("Neg", {"a"}, {"t"}, "n"), NodeOf("Abs", {"t"}, {"b"})});
  AddFunction("Outer", {"a"}, {"b"}, {NodeOf("Inner", {"a"}, {"t"}, "i", "my.ops"), NodeOf("Relu", {"t"}, {"b"})});
  Add(NodeOf("Outer", {"x"}, {"t"}, "first", "my.ops"));
  Add(NodeOf("Outer", {"t"}, {"y"}, "second", "my.ops"));
  const ForeignModel foreign = ReadOk();
  EXPECT_EQ(foreign.calls, 4U);
  EXPECT_THAT(foreign.functions, ElementsAre("my.ops::Inner", "my.ops::Outer"));
  EXPECT_EQ(foreign.model.local_functions, 0U);
  std::vector<std::string> nodes;
  for (const Node& node : foreign.model.graph.nodes) {
    nodes.push_back(node.name + ":" + node.inputs[0] + ">" + node.outputs[0]);
  }
  EXPECT_THAT(nodes,
              ElementsAre("first/i/n:x>first/i/t", "first/i/Abs:first/i/t>first/t", "first/Relu:first/t>t",
                          "second/i/n:t>second/i/t", "second/i/Abs:second/i/t>second/t", "second/Relu:second/t>y"));
  EXPECT_TRUE(Serialize(foreign.model).ok());
}

TEST_F(Foreign, InnerNamesAvoidThoseOfTheGraph) {
  AddFunction("F", {"a"}, {"b"}, {NodeOf("Neg", {"a"}, {"t"}), NodeOf("Abs", {"t"}, {"b"})});
  Add(NodeOf("Relu", {"x"}, {"f/t"}));
  Add(NodeOf("F", {"f/t"}, {"y"}, "f", "my.ops"));
  EXPECT_EQ(ReadOk().model.graph.nodes[1].outputs[0], "f/t_1");
}

TEST_F(Foreign, AttributesComeFromTheCallTheDefaultOrNowhere) {
  NodeProto leaky = NodeOf("LeakyRelu", {"a"}, {"b"});
  *leaky.add_attribute() = Referring("alpha", "slope", AttributeProto::FLOAT);
  FunctionProto& function = AddFunction("F", {"a"}, {"b"}, {leaky});
  function.add_attribute("slope");
  NodeProto& call = Add(NodeOf("F", {"x"}, {"1"}, "given", "my.ops"));
  AttributeProto& slope = *call.add_attribute();
  slope.set_name("slope");
  slope.set_type(AttributeProto::FLOAT);
  slope.set_f(0.25F);
  const AttributeProto given = slope;
  Add(NodeOf("F", {"1"}, {"y"}, "left out", "my.ops"));
  ForeignModel foreign = ReadOk();
  EXPECT_EQ(foreign.model.graph.nodes[0].Float("alpha", 0), 0.25F);
  EXPECT_TRUE(foreign.model.graph.nodes[1].attributes.empty());

  // FunctionProto.attribute_proto, which this libonnx has no name for.
  function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(11, given.SerializeAsString());
  foreign = ReadOk();
  EXPECT_EQ(foreign.model.graph.nodes[1].Float("alpha", 0), 0.25F);
}

// An If by "flag" of "a", negated in either branch.
NodeProto NegatedEitherWay(const std::string& output) {
  NodeProto node = NodeOf("If", {"flag"}, {output}, "if");
  for (const char* name : {"then_branch", "else_branch"}) {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(AttributeProto::GRAPH);
    attribute.mutable_g()->set_name(name);
    *attribute.mutable_g()->add_node() = NodeOf("Neg", {"a"}, {std::string(name) + "_t"});
    attribute.mutable_g()->add_output()->set_name(std::string(name) + "_t");
  }
  return node;
}

void AddFlag(const std::string& name, ::onnx::ModelProto& model) {
  auto& flag = *model.mutable_graph()->add_input();
  flag.set_name(name);
  flag.mutable_type()->mutable_tensor_type()->set_elem_type(::onnx::TensorProto::BOOL);
}

TEST_F(Foreign, ValuesInSubgraphsOfFunctionsAreRenamedToo) {
  AddFunction("F", {"a", "flag"}, {"b"}, {NegatedEitherWay("b")});
  AddFlag("f", proto_);
  Add(NodeOf("F", {"x", "f"}, {"y"}, "call", "my.ops"));
  const ForeignModel foreign = ReadOk();
  const auto& graph =
      *std::get<std::shared_ptr<const Graph>>(foreign.model.graph.nodes[0].attributes.at("then_branch"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("call/then_branch_t"));
  EXPECT_EQ(graph.outputs[0].name, "call/then_branch_t");
}

TEST_F(Foreign, AFunctionMayHandAnInputOnAndLeaveInputsOut) {
  AddFunction("F", {"a", "min"}, {"b", "a"}, {NodeOf("Clip", {"a", "min"}, {"b"})});
  Add(NodeOf("F", {"x"}, {"t", "same"}, "f", "my.ops"));
  Add(NodeOf("Add", {"t", "same"}, {"y"}));
  const ForeignModel foreign = ReadOk();
  EXPECT_THAT(foreign.model.graph.nodes[0].inputs, ElementsAre("x", ""));
  EXPECT_EQ(foreign.model.graph.nodes[1].op_type, "Identity");
  EXPECT_THAT(foreign.model.graph.nodes[1].inputs, ElementsAre("x"));
  EXPECT_THAT(foreign.model.graph.nodes[1].outputs, ElementsAre("same"));
}

TEST_F(Foreign, FunctionsThatCannotBeInlinedAreRefused) {
  AddFunction("F", {"a"}, {"b"}, {NodeOf("G", {"a"}, {"b"}, "", "my.ops")});
  AddFunction("G", {"a"}, {"b"}, {NodeOf("F", {"a"}, {"b"}, "", "my.ops")});
  Add(NodeOf("F", {"x"}, {"y"}, "call", "my.ops"));
  EXPECT_THAT(ReadError(), HasSubstr("its function my.ops::F calls itself"));

  proto_.clear_functions();
  AddFunction("F", {"a"}, {"b"}, {NodeOf("Softmax", {"a"}, {"b"})}).mutable_opset_import(0)->set_version(11);
  EXPECT_THAT(ReadError(), HasSubstr("is of opset 11, the model of 17"));
  proto_.mutable_functions(0)->mutable_node(0)->set_op_type("Ceil");  // the same in 13 and 17
  proto_.mutable_functions(0)->mutable_opset_import(0)->set_version(13);
  EXPECT_EQ(ReadError(), "ok");

  proto_.mutable_graph()->mutable_node(0)->add_input("x");
  EXPECT_THAT(ReadError(), HasSubstr("takes 1 inputs and gives 1 outputs, the call has 2 and 1"));
  *proto_.add_functions() = proto_.functions(0);
  EXPECT_THAT(ReadError(), HasSubstr("function 'my.ops::F': stands twice"));
}

TEST_F(Foreign, CallsThatMultiplyAreRefused) {
  constexpr int kLevels = 12;
  for (int level = 0; level < kLevels; ++level) {
    std::vector<NodeProto> nodes;
    for (int i = 0; i < 10; ++i) {
      const bool last = level + 1 == kLevels;
      nodes.push_back(NodeOf(last ? "Neg" : "F" + std::to_string(level + 1),
                             {i == 0 ? "a" : "t" + std::to_string(i - 1)}, {i == 9 ? "b" : "t" + std::to_string(i)}, "",
                             last ? "" : "my.ops"));
    }
    AddFunction("F" + std::to_string(level), {"a"}, {"b"}, nodes);
  }
  Add(NodeOf("F0", {"x"}, {"y"}, "call", "my.ops"));
  EXPECT_THAT(ReadError(), HasSubstr("is called so often"));
}

TEST_F(Foreign, FunctionsMayImportWhatTheModelDoesNot) {
  FunctionProto& function = AddFunction("F", {"a"}, {"b"}, {NodeOf("Gelu", {"a"}, {"b"}, "", "com.microsoft")});
  Import(*function.add_opset_import(), "com.microsoft", 1);
  Add(NodeOf("F", {"x"}, {"y"}, "call", "my.ops"));
  EXPECT_EQ(ReadOk().model.opsets.at("com.microsoft"), 1);
}

TEST_F(Foreign, NodesAreSorted) {
  Add(NodeOf("Relu", {"b"}, {"y"}, "third"));
  Add(NodeOf("Neg", {"x"}, {"a"}, "first"));
  Add(NodeOf("Abs", {"a"}, {"b"}, "second"));
  const ForeignModel foreign = ReadOk();
  EXPECT_TRUE(foreign.sorted);
  EXPECT_EQ(foreign.model.graph.nodes[0].name, "first");
  EXPECT_EQ(foreign.model.graph.nodes[2].name, "third");
  EXPECT_THAT(ReadModel(folder_.path() / "model.onnx").error().ToString(), HasSubstr("not sorted"));
}

TEST_F(Foreign, WhatASubgraphReadsCountsForTheOrder) {
  AddFlag("flag", proto_);
  Add(NegatedEitherWay("y"));
  Add(NodeOf("Abs", {"x"}, {"a"}, "abs"));
  const ForeignModel foreign = ReadOk();
  EXPECT_TRUE(foreign.sorted);
  EXPECT_EQ(foreign.model.graph.nodes[0].name, "abs");
}

TEST_F(Foreign, CirclesUndefinedInputsAndValuesMadeTwiceAreRefused) {
  Add(NodeOf("Add", {"x", "b"}, {"a"}, "one"));
  Add(NodeOf("Neg", {"a"}, {"b"}, "two"));
  Add(NodeOf("Neg", {"b"}, {"y"}, "three"));
  EXPECT_THAT(ReadError(), HasSubstr("node 'one' (Add): not a valid graph: reads 'b' in a circle of nodes"));
  proto_.mutable_graph()->mutable_node(0)->set_input(1, "nowhere");
  EXPECT_THAT(ReadError(), HasSubstr("reads 'nowhere', which nothing makes"));
  proto_.mutable_graph()->mutable_node(0)->set_input(1, "x");
  proto_.mutable_graph()->mutable_node(1)->set_output(0, "a");
  proto_.mutable_graph()->mutable_node(1)->set_input(0, "x");
  proto_.mutable_graph()->mutable_node(2)->set_input(0, "a");
  EXPECT_THAT(ReadError(), HasSubstr("makes 'a', which is there already"));
}

TEST_F(Foreign, APlainFileIsAsReadModelReadsIt) {
  Add(NodeOf("Neg", {"x"}, {"y"}, "n"));
  const ForeignModel foreign = ReadOk();
  EXPECT_FALSE(foreign.sorted);
  EXPECT_EQ(foreign.calls, 0U);
  EXPECT_THAT(foreign.functions, IsEmpty());
  EXPECT_EQ(*Serialize(foreign.model), *Serialize(*ReadModel(folder_.path() / "model.onnx")));
}

TEST_F(Foreign, OperatorTypesAreHeldAgainstTheOpset) {
  Add(NodeOf("And", {"x", "x"}, {"y"}, "n"));
  EXPECT_THAT(CheckOperatorTypes(ReadOk().model).error().ToString(),
              HasSubstr("node 'n' (And): its input 'x' is float32, which the operator does not take"));
  proto_.mutable_graph()->mutable_node(0)->set_op_type("Add");
  EXPECT_TRUE(CheckOperatorTypes(ReadOk().model).ok());
  Model model = ReadOk().model;
  model.graph.nodes[0].op_type = "Gelu";
  EXPECT_THAT(CheckOperatorTypes(model).error().ToString(), HasSubstr("opset 17 has no such operator"));
  model.opsets[""] = 20;
  EXPECT_TRUE(CheckOperatorTypes(model).ok());
  model.opsets[""] = 99;
  model.graph.nodes[0].op_type = "Newer";
  EXPECT_TRUE(CheckOperatorTypes(model).ok()) << "nothing is known of such opsets";
}

}  // namespace
}  // namespace vlaq::onnx
