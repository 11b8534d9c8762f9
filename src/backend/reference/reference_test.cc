// What the reference back end is as a back end. Its arithmetic is compared with ONNX Runtime's in tests/differential.
#include "backend/reference/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "backend/reference/call.h"
#include "base/output.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"

namespace vlaq::backend {
namespace {

using onnx::Dim;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Floats(Shape shape, const std::vector<float>& values) { return Tensor::From<float>(std::move(shape), values); }

Result<Tensors> Evaluate(const onnx::Node& node, const Tensors& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  return EvaluateNode(node, pointers);
}

ModelSource Source(const onnx::Model& model, const std::filesystem::path& folder = ".") {
  return {"model.onnx", std::make_shared<const std::string>(*onnx::Serialize(model)), folder};
}

onnx::Model Chain() {
  onnx::GraphBuilder b("chain");
  const std::string x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(2)});
  const std::string w = b.External("w", DType::kF32, {2, 1}, {"weights.bin", 0, 8});
  const std::string product = b.Op("MatMul", {x, w});
  b.Ops("Split", {x}, 2, {{"axis", 1}});  // unused results
  b.Output(product, "y", DType::kF32, {Dim::Named("batch"), Dim::Fixed(1)});
  b.Output(b.Op("Add", {product, product}), "twice", DType::kF32, {Dim::Named("batch"), Dim::Fixed(1)});
  b.Output(x, "same", DType::kF32, {Dim::Named("batch"), Dim::Fixed(2)});
  return onnx::MakeModel(*b.Finish(), "test");
}

TEST(Reference, RunsAGraphWithExternalWeights) {
  const TemporaryFolder folder;
  const Tensor weight = Floats({2, 1}, {10, 1});
  ASSERT_TRUE(WriteFile(folder.path() / "weights.bin", AsText(weight.bytes()), Existing::kRefuse).ok());
  const auto model = MakeReferenceBackend()->Open(Source(Chain(), folder.path()), {});
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  for (int repeat = 0; repeat < 2; ++repeat) {  // a run leaves nothing behind
    const auto outputs = (*model)->Run({{"x", Floats({2, 2}, {1, 2, 3, 4})}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    EXPECT_THAT(outputs->at("y").data<float>(), ElementsAre(12, 34));
    EXPECT_THAT(outputs->at("twice").data<float>(), ElementsAre(24, 68));
    EXPECT_THAT(outputs->at("same").data<float>(), ElementsAre(1, 2, 3, 4));
  }
  EXPECT_THAT((*model)->Description(), HasSubstr("reference evaluator"));
  EXPECT_THAT((*model)->Run({}).error().ToString(), HasSubstr("'x' is missing"));
}

// This program is not linked with the ONNX Runtime module and runs without the library.
TEST(Reference, NeedsNoOnnxRuntime) {
  std::stringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  EXPECT_THAT(maps.str(), HasSubstr("libonnx"));  // the file format's library, so the test sees maps at all
  EXPECT_EQ(maps.str().find("libonnxruntime"), std::string::npos);
}

TEST(Reference, RefusesWhatItCannotDo) {
  const auto backend = MakeReferenceBackend();
  const auto error = [&](const onnx::Model& model, const OpenOptions& options = {}) {
    const auto opened = backend->Open(Source(model), options);
    return opened.ok() ? "ok" : opened.error().ToString();
  };
  onnx::Model model = Chain();
  model.graph.initializers[0].data = Floats({2, 1}, {1, 1});
  EXPECT_EQ(error(model), "ok");
  OpenOptions cuda;
  cuda.provider = "cuda";
  EXPECT_THAT(error(model, cuda), HasSubstr("'cuda'"));
  OpenOptions profile;
  profile.profile = "profile";
  EXPECT_THAT(error(model, profile), HasSubstr("profile"));
  onnx::Model newer = model;
  newer.opsets[""] = 22;
  EXPECT_THAT(error(newer), HasSubstr("opset 13 to 21, not 22"));
  onnx::Model foreign = model;
  foreign.graph.nodes[0].domain = "com.microsoft";
  foreign.opsets["com.microsoft"] = 1;
  EXPECT_THAT(error(foreign), HasSubstr("com.microsoft.MatMul"));
  EXPECT_FALSE(backend->Open({"m", std::make_shared<const std::string>("junk"), "."}, {}).ok());
}

TEST(EvaluateNode, NamesTheNodeInErrors) {
  const onnx::Node node{"Add", "text/add", "", {"a", "b"}, {"c"}, {}};
  const auto mixed = Evaluate(node, {Floats({1}, {1}), Tensor::Scalar<int64_t>(1)});
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().code, ErrorCode::kBackend);
  EXPECT_EQ(mixed.error().ToString(), "node 'text/add' (Add): mixes float32 and int64");
  EXPECT_THAT(Evaluate(node, {Floats({2}, {1, 1}), Floats({3}, {1, 1, 1})}).error().ToString(),
              HasSubstr("[2] and [3] do not broadcast"));
  EXPECT_THAT(Evaluate(node, {Floats({1}, {1})}).error().ToString(), HasSubstr("input 1 is missing"));
  EXPECT_THAT(Evaluate({"If", "n", "", {}, {"c"}, {}}, {}).error().ToString(), HasSubstr("no such operator"));
  EXPECT_THAT(Evaluate({"Relu", "n", "", {}, {"a", "b"}, {}}, {Floats({1}, {1})}).error().ToString(),
              HasSubstr("1 outputs, not 2"));
}

// Sizes that would not fit memory are refused before they are allocated.
TEST(EvaluateNode, RefusesAbsurdSizes) {
  const auto ints = [](const std::vector<int64_t>& v) {
    return Tensor::From<int64_t>({static_cast<int64_t>(v.size())}, v);
  };
  const Tensor one = Floats({1}, {1});
  const auto error = [](const onnx::Node& node, const Tensors& inputs) {
    const auto outputs = Evaluate(node, inputs);
    return outputs.ok() ? "ok" : outputs.error().ToString();
  };
  EXPECT_THAT(error({"ConstantOfShape", "n", "", {}, {"y"}, {}}, {ints({1LL << 40U})}), HasSubstr("cannot make"));
  EXPECT_THAT(error({"ConstantOfShape", "n", "", {}, {"y"}, {}}, {ints({-1})}), HasSubstr("cannot make"));
  EXPECT_THAT(error({"Expand", "n", "", {}, {"y"}, {}}, {one, ints({1LL << 40U, 1LL << 40U})}),
              HasSubstr("cannot make"));
  EXPECT_THAT(error({"Tile", "n", "", {}, {"y"}, {}}, {one, ints({1LL << 40U})}), HasSubstr("cannot make"));
  EXPECT_THAT(error({"Tile", "n", "", {}, {"y"}, {}}, {one, ints({-1})}), HasSubstr("cannot"));
  const auto scalar = [](int64_t v) { return Tensor::Scalar(v); };
  EXPECT_THAT(error({"Range", "n", "", {}, {"y"}, {}}, {scalar(0), scalar(5), scalar(0)}), HasSubstr("no end"));
  EXPECT_THAT(error({"Range", "n", "", {}, {"y"}, {}}, {scalar(0), scalar(1LL << 39U), scalar(1)}),
              HasSubstr("cannot make"));
}

TEST(EvaluateNode, RefusesLstmVariants) {
  const Tensors inputs{Tensor::Make(DType::kF32, {1, 1, 2}), Tensor::Make(DType::kF32, {1, 4, 2}),
                       Tensor::Make(DType::kF32, {1, 4, 1})};
  const auto error = [&](const onnx::Attributes& attributes) {
    const auto outputs = Evaluate({"LSTM", "n", "", {}, {"y"}, attributes}, inputs);
    return outputs.ok() ? "ok" : outputs.error().ToString();
  };
  EXPECT_EQ(error({}), "ok");
  EXPECT_THAT(error({{"direction", "bidirectional"}}), HasSubstr("direction"));
  EXPECT_THAT(error({{"layout", 1}}), HasSubstr("layout"));
  EXPECT_THAT(error({{"clip", 1.0F}}), HasSubstr("clip"));
  EXPECT_THAT(error({{"activations", std::vector<std::string>{"Relu"}}}), HasSubstr("activations"));
  EXPECT_THAT(error({{"input_forget", 1}}), HasSubstr("input_forget"));
  EXPECT_THAT(error({{"hidden_size", 2}}), HasSubstr("hidden_size"));
}

// ONNX leaves casts of numbers that do not fit undefined; here they are at least the same everywhere.
TEST(EvaluateNode, CastsWhatDoesNotFitToTheNearest) {
  const Tensor x = Floats({5}, {300, -300, 1e30F, std::numeric_limits<float>::quiet_NaN(), -1.9F});
  const auto cast = [&](int64_t to) { return (*Evaluate({"Cast", "n", "", {}, {"y"}, {{"to", to}}}, {x}))[0]; };
  EXPECT_THAT(cast(3).data<int8_t>(), ElementsAre(127, -128, 127, 0, -1));
  EXPECT_THAT(cast(2).data<uint8_t>(), ElementsAre(255, 0, 255, 0, 0));
  EXPECT_THAT(cast(7).data<int64_t>(), ElementsAre(300, -300, std::numeric_limits<int64_t>::max(), 0, -1));
  EXPECT_THAT(cast(13).data<uint64_t>(), ElementsAre(300U, 0U, std::numeric_limits<uint64_t>::max(), 0U, 0U));
  EXPECT_THAT(cast(9).data<uint8_t>(), ElementsAre(1, 1, 1, 1, 1));
}

// Sums are exact to float32 although a float32 accumulator would lose every 1.
TEST(EvaluateNode, SumsInDouble) {
  std::vector<float> values(1001, 1);
  values[0] = 0x1p25F;
  const Tensor x = Floats({1001}, values);
  const auto sum = Evaluate({"ReduceSum", "n", "", {}, {"y"}, {{"keepdims", 0}}}, {x});
  EXPECT_EQ((*sum)[0].data<float>()[0], 0x1p25F + 1000);
  const auto product = Evaluate({"MatMul", "n", "", {}, {"y"}, {}}, {x, Floats({1001}, std::vector<float>(1001, 1))});
  EXPECT_EQ((*product)[0].data<float>()[0], 0x1p25F + 1000);
}

TEST(Operators, AreEachInOneTable) {
  std::vector<std::string_view> names;
  for (const auto family :
       {ElementwiseOperators(), ConvolutionOperators(), GeneratorOperators(), MatMulOperators(), MovementOperators(),
        NormalizationOperators(), RecurrentOperators(), ReductionOperators(), ShapeOperators()}) {
    for (const Operator& op : family) names.push_back(op.name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const std::string_view name : names) EXPECT_TRUE(HasReferenceOperator(name, "")) << name;
  EXPECT_FALSE(HasReferenceOperator("MatMul", "com.microsoft"));
}

}  // namespace
}  // namespace vlaq::backend
