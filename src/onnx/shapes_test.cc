#include "onnx/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

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

TEST(InferShapes, NamesAllExtentsWithoutANumber) {
  const auto shapes = InferShapes(Folding(), {{"batch", 2}});
  ASSERT_FALSE(shapes.ok());
  EXPECT_THAT(shapes.error().ToString(), AllOf(HasSubstr("input 'x'"), HasSubstr("'window'")));
  Model model = Folding();
  model.graph.inputs.push_back({"z", DType::kF32, true, {Dim::Fixed(1), Dim{}, Dim::Named("batch")}, ""});
  const std::string all = InferShapes(model, {}).error().ToString();
  EXPECT_THAT(all, AllOf(HasSubstr("'batch' of input 'x', 'window' of input 'x', 1 of input 'z'"),
                         HasSubstr("--extent batch=N --extent window=N --extent z:1=N")));
  EXPECT_TRUE(InferShapes(model, {{"batch", 2}, {"window", 3}, {"z:1", 5}}).ok());
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

TEST(InferShapes, KnowsOperatorsBeyondLibonnx) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(2), Dim::Fixed(3), Dim::Fixed(9), Dim::Fixed(8)});
  const auto theta = b.Input("theta", DType::kF32, {Dim::Fixed(2), Dim::Fixed(2), Dim::Fixed(3)});
  const auto active = b.Op("Gelu", {x}, {}, "active");
  const auto cut = b.Op("CenterCropPad", {active, b.Constant(Ints{5, 12})}, {{"axes", Ints{2, -1}}}, "cut");
  const auto grid = b.Op("AffineGrid", {theta, b.Constant(Ints{2, 3, 6, 7})}, {}, "grid");
  b.Output(b.Op("GridSample", {cut, grid}, {}, "sampled"), "y", DType::kF32, {});
  Model model = MakeModel(*b.Finish(), "");
  model.opsets[""] = 20;
  const auto shapes = InferShapes(model, {});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_THAT(shapes->at("cut").shape, ElementsAre(2, 3, 5, 12));
  EXPECT_THAT(shapes->at("grid").shape, ElementsAre(2, 6, 7, 2));
  EXPECT_THAT(shapes->at("y").shape, ElementsAre(2, 3, 6, 7));
  EXPECT_EQ(shapes->at("y").dtype, DType::kF32);
}

TEST(InferShapes, LeavesOutWhatItDoesNotKnow) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(2)});
  b.SetDomain("Fancy", "com.example");
  b.Output(b.Op("Fancy", {x}), "y", DType::kF32, {Dim::Fixed(2)});
  Model model = MakeModel(*b.Finish(), "");
  model.opsets["com.example"] = 1;
  model.graph.outputs[0].has_shape = false;
  const auto shapes = InferShapes(model, {});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_TRUE(shapes->contains("x"));
  EXPECT_FALSE(shapes->contains("y"));
}

TEST(InferShapes, NumbersThatAreDividedByAreLookedAt) {
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

// One node's rule: inputs with extents, some of them constants, and what must come out.
struct RuleCase {
  const char* op_type;
  std::vector<Shape> inputs;
  Attributes attributes;
  std::map<size_t, Ints> constants;  // of inputs, by place
  Shape expected;                    // of the first output; {-7}: refused
};
const Shape kRefused{-7};

const RuleCase kRuleCases[] = {
    {"Add", {{2, 1, 3}, {4, 1}}, {}, {}, {2, 4, 3}},
    {"Add", {{2, 3}, {4, 3}}, {}, {}, kRefused},
    {"Where", {{2, 1}, {3}, {1}}, {}, {}, {2, 3}},
    {"MatMul", {{5, 1, 2, 3}, {4, 3, 7}}, {}, {}, {5, 4, 2, 7}},
    {"MatMul", {{3}, {3, 7}}, {}, {}, {7}},
    {"MatMul", {{2, 3}, {4, 7}}, {}, {}, kRefused},
    {"Gemm", {{3, 2}, {7, 3}}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}}, {}, {2, 7}},
    {"Einsum", {{2, 3, 4}, {2, 5, 4}}, {{"equation", std::string("bij,bkj->bik")}}, {}, {2, 3, 5}},
    {"Conv", {{1, 3, 32, 32}, {8, 3, 3, 3}}, {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}, {}, {1, 8, 16, 16}},
    {"Conv", {{1, 3, 32, 32}, {8, 3, 3, 3}}, {{"auto_pad", std::string("SAME_UPPER")}}, {}, {1, 8, 32, 32}},
    {"Conv", {{1, 4, 9}, {8, 2, 3}}, {{"group", int64_t{2}}, {"dilations", Ints{2}}}, {}, {1, 8, 5}},
    {"Conv", {{1, 3, 8, 8}, {8, 4, 3, 3}}, {}, {}, kRefused},
    {"Conv", {{1, 3, 2, 2}, {8, 3, 3, 3}}, {}, {}, kRefused},
    {"ConvTranspose", {{1, 3, 8, 8}, {3, 4, 2, 2}}, {{"strides", Ints{2, 2}}}, {}, {1, 4, 16, 16}},
    {"MaxPool",
     {{1, 2, 5}},
     {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"ceil_mode", int64_t{1}}},
     {},
     {1, 2, 3}},
    {"AveragePool", {{1, 2, 5}}, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}}, {}, {1, 2, 2}},
    {"GlobalAveragePool", {{1, 2, 5, 6}}, {}, {}, {1, 2, 1, 1}},
    {"LSTM", {{5, 2, 4}, {1, 12, 4}, {1, 12, 3}}, {{"hidden_size", int64_t{3}}}, {}, {5, 1, 2, 3}},
    {"LSTM",
     {{2, 5, 4}, {2, 12, 4}, {2, 12, 3}},
     {{"layout", int64_t{1}}, {"direction", std::string("bidirectional")}},
     {},
     {2, 5, 2, 3}},
    {"Reshape", {{2, 3, 4}, {2}}, {}, {{1, {0, -1}}}, {2, 12}},
    {"Reshape", {{2, 3}, {1}}, {}, {{1, {7}}}, kRefused},
    {"Reshape", {{2, 3}, {3}}, {}, {{1, {-1, -1, 2}}}, kRefused},
    {"Flatten", {{2, 3, 4}}, {{"axis", int64_t{2}}}, {}, {6, 4}},
    {"Flatten", {{2, 3, 4}}, {{"axis", int64_t{3}}}, {}, {24, 1}},
    {"Squeeze", {{1, 3, 1}, {1}}, {}, {{1, {-1}}}, {1, 3}},
    {"Squeeze", {{1, 3, 1}}, {}, {}, {3}},
    {"Squeeze", {{1, 3, 1}, {1}}, {}, {{1, {1}}}, kRefused},
    {"Unsqueeze", {{3, 4}, {2}}, {}, {{1, {0, -1}}}, {1, 3, 4, 1}},
    {"Unsqueeze", {{3, 4}, {1}}, {}, {{1, {7}}}, kRefused},
    {"Transpose", {{2, 3, 4}}, {{"perm", Ints{2, 0, 1}}}, {}, {4, 2, 3}},
    {"Transpose", {{2, 3}}, {{"perm", Ints{0, 0}}}, {}, kRefused},
    {"Concat", {{2, 3}, {2, 5}}, {{"axis", int64_t{-1}}}, {}, {2, 8}},
    {"Concat", {{2, 3}, {4, 5}}, {{"axis", int64_t{-1}}}, {}, kRefused},
    {"Split", {{2, 7}}, {{"axis", int64_t{1}}}, {}, {2, 7}},
    {"Slice", {{10, 4}, {1}, {1}, {1}, {1}}, {}, {{1, {-1}}, {2, {-100}}, {3, {0}}, {4, {-3}}}, {4, 4}},
    {"Slice", {{10, 4}, {1}, {1}}, {}, {{1, {2}}, {2, {int64_t{1} << 62U}}}, {8, 4}},
    {"Slice", {{10, 4}, {1}, {1}, {1}, {1}}, {}, {{1, {0}}, {2, {5}}, {3, {0}}, {4, {0}}}, kRefused},
    {"Gather", {{5, 6}, {2, 3}}, {{"axis", int64_t{1}}}, {}, {5, 2, 3}},
    {"GatherND", {{2, 3, 4}, {2, 1}}, {{"batch_dims", int64_t{1}}}, {}, {2, 4}},
    {"GatherND", {{2, 3}, {2, 1}}, {{"batch_dims", int64_t{-1}}}, {}, kRefused},
    {"Expand", {{3, 1}, {3}}, {}, {{1, {2, 1, 6}}}, {2, 3, 6}},
    {"Tile", {{2, 3}, {2}}, {}, {{1, {2, 3}}}, {4, 9}},
    {"Pad", {{2, 3}, {4}}, {}, {{1, {0, 1, 0, 2}}}, {2, 6}},
    {"Pad", {{2, 3}, {2}, {1}, {1}}, {}, {{1, {1, 1}}, {3, {-1}}}, {2, 5}},
    {"Resize", {{1, 2, 4, 4}, {0}, {0}, {4}}, {}, {{3, {1, 2, 8, 6}}}, {1, 2, 8, 6}},
    {"Resize", {{1, 2, 4, 4}, {0}, {0}, {2}}, {{"axes", Ints{2, 3}}}, {{3, {8, 6}}}, {1, 2, 8, 6}},
    {"ConstantOfShape", {{2}}, {}, {{0, {3, 4}}}, {3, 4}},
    {"Range", {{}, {}, {}}, {}, {{0, {1}}, {1, {10}}, {2, {4}}}, {3}},
    {"ReduceMean", {{2, 3, 4}}, {{"axes", Ints{-1}}, {"keepdims", int64_t{0}}}, {}, {2, 3}},
    {"ReduceSum", {{2, 3, 4}, {1}}, {}, {{1, {1}}}, {2, 1, 4}},
    {"ArgMax", {{2, 3}}, {{"axis", int64_t{1}}}, {}, {2, 1}},
    {"TopK", {{2, 9}, {1}}, {}, {{1, {4}}}, {2, 4}},
    {"OneHot", {{3}, {}, {2}}, {}, {{1, {5}}}, {3, 5}},
    {"DepthToSpace", {{1, 8, 2, 3}}, {{"blocksize", int64_t{2}}}, {}, {1, 2, 4, 6}},
    {"GridSample", {{1, 3, 8, 8}, {1, 4, 5, 2}}, {}, {}, {1, 3, 4, 5}},
};

TEST(InferShapes, RulesOfOperators) {
  for (const RuleCase& c : kRuleCases) {
    GraphBuilder b("g");
    std::vector<std::string> inputs;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      const auto constant = c.constants.find(i);
      if (constant != c.constants.end()) {
        const Shape& shape = c.inputs[i];
        inputs.push_back(b.Constant("c", Tensor::From<int64_t>(shape, constant->second)));
        continue;
      }
      std::vector<Dim> dims;
      for (const int64_t extent : c.inputs[i]) dims.push_back(Dim::Fixed(extent));
      inputs.push_back(b.Input("x" + std::to_string(i), DType::kF32, dims));
    }
    const auto y = b.Op(c.op_type, inputs, c.attributes, "node");
    b.Output(b.Op("Identity", {y}), "y", DType::kF32, {});
    const auto graph = b.Finish();
    ASSERT_TRUE(graph.ok()) << c.op_type << graph.error().ToString();
    Model model = MakeModel(*graph, "");
    model.graph.outputs[0].has_shape = false;
    model.opsets[""] = 18;
    const auto shapes = InferShapes(model, {});
    if (c.expected == kRefused) {
      EXPECT_FALSE(shapes.ok()) << c.op_type;
      continue;
    }
    ASSERT_TRUE(shapes.ok()) << c.op_type << ": " << shapes.error().ToString();
    ASSERT_TRUE(shapes->contains(y)) << c.op_type << " " << ShapeText(c.expected);
    EXPECT_EQ(shapes->at(y).shape, c.expected) << c.op_type;
  }
}

// The pads of PyTorch's pad: a list turned round through two axes; and sizes by float arithmetic.
TEST(InferShapes, FollowsArithmeticOfSmallTensors) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(10), Dim::Named("width")});
  const auto shape = b.Op("Shape", {x});
  const auto width = b.Op("Gather", {shape, b.Constant(Ints{2})});
  const auto more = b.Op("Sub", {b.Constant(Ints{16}), b.Op("Mod", {width, b.Constant(Ints{16})})});
  const auto flat = b.Op("Concat", {b.Constant(Ints{0}), more, b.Constant(Ints{0, 0, 0, 0})}, {{"axis", int64_t{0}}});
  const auto pairs = b.Op("Reshape", {flat, b.Constant(Ints{-1, 2})});
  const auto turned = b.Op("Slice", {pairs, b.Constant("from", Tensor::From<int64_t>({1}, Ints{-1})),
                                     b.Constant("to", Tensor::From<int64_t>({1}, Ints{-100})), b.Constant(Ints{0}),
                                     b.Constant("by", Tensor::From<int64_t>({1}, Ints{-1}))});
  const auto pads = b.Op("Reshape", {b.Op("Transpose", {turned}, {{"perm", Ints{1, 0}}}), b.Constant(Ints{-1})});
  const auto padded = b.Op("Pad", {x, pads}, {}, "padded");
  b.Output(b.Op("Identity", {padded}), "y", DType::kF32, {});
  Model model = MakeModel(*b.Finish(), "");
  model.graph.outputs[0].has_shape = false;
  const auto shapes = InferShapes(model, {{"batch", 2}, {"width", 20}});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_THAT(shapes->at("padded").shape, ElementsAre(2, 10, 32));
}

TEST(InferShapes, TakesWhatTheFileDeclaresOfNodesThatItDoesNotKnow) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Named("batch")});
  b.SetDomain("Fancy", "com.example");
  const auto fancy = b.Op("Fancy", {x}, {}, "fancy");
  b.Output(b.Op("Relu", {fancy}), "y", DType::kF32, {});
  Model model = MakeModel(*b.Finish(), "");
  model.graph.outputs[0].has_shape = false;
  model.graph.values = {{"fancy", DType::kF32, true, {Dim::Named("batch"), Dim::Fixed(4)}, ""}};
  const auto shapes = InferShapes(model, {{"batch", 3}});
  ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
  EXPECT_THAT(shapes->at("y").shape, ElementsAre(3, 4));
  EXPECT_EQ(KnownShapes(model, model.graph).at("y"), (Shape{-1, 4}));
}

// torch.squeeze of an axis that may be 1: two ways, of which the shapes decide.
TEST(InferShapes, FollowsTheBranchThatShapesDecide) {
  const auto branch = [](const std::string& name, bool squeezes) {
    Graph graph;
    graph.name = name;
    Node node{squeezes ? "Squeeze" : "Identity", name, "", {"x"}, {name}, {}};
    if (squeezes) node.inputs.push_back("axis");
    graph.nodes.push_back(std::move(node));
    graph.outputs.push_back({name, DType::kF32, false, {}, ""});
    return std::make_shared<const Graph>(std::move(graph));
  };
  for (const int64_t extent : {1, 4}) {
    GraphBuilder b("g");
    const auto x = b.Input("x", DType::kF32, {Dim::Fixed(3), Dim::Fixed(extent)});
    const auto one =
        b.Op("Equal", {b.Op("Gather", {b.Op("Shape", {x}), b.Constant(int64_t{1})}), b.Constant(int64_t{1})});
    Graph graph = *b.Finish();
    graph.initializers.push_back({"axis", DType::kI64, {1}, Tensor::From<int64_t>({1}, Ints{1})});
    graph.nodes.push_back(
        {"If", "if", "", {one}, {"y"}, {{"then_branch", branch("a", true)}, {"else_branch", branch("b", false)}}});
    const auto shapes = InferShapes(MakeModel(std::move(graph), ""), {});
    ASSERT_TRUE(shapes.ok()) << shapes.error().ToString();
    EXPECT_EQ(shapes->at("y").shape, extent == 1 ? (Shape{3}) : (Shape{3, 4}));
  }
}

}  // namespace
}  // namespace vlaq::onnx
