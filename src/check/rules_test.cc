// Each rule fires on a graph that breaks it and is silent on one that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/testing.h"
#include "target/operator_table.h"

namespace vlaq::check {
namespace {

using onnx::Attributes;
using onnx::Dim;
using onnx::GraphBuilder;
using onnx::Ints;
using target::FindImporter;
using target::HasOperator;
using target::KnowsType;
using target::TakesType;
using ::testing::AllOf;
using testing::Broken;
using testing::Build;
using ::testing::Contains;
using testing::FixedDims;
using testing::Floats;
using ::testing::HasSubstr;
using testing::Make;
using ::testing::Not;
using testing::Values;
using testing::X;

// One rule, a graph that breaks it and one that keeps it.
struct Case {
  std::string rule, version;
  Build breaks, keeps;
  int64_t opset = 17, kept_opset = 17;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.rule << " " << c.version; }

template <typename T>
std::string Zeros(GraphBuilder& b, Shape shape = {}) {
  return b.Constant("zeros", Tensor::Make(kDTypeOf<T>, std::move(shape)));
}
Build Unary(const std::string& op_type, DType dtype = DType::kF32, const Attributes& attributes = {}) {
  return [=](GraphBuilder& b) { b.Output(b.Op(op_type, {X(b, dtype)}, attributes), "y", dtype, FixedDims({2, 4})); };
}
Build OfDomain(const std::string& op_type, const std::string& domain) {
  return [=](GraphBuilder& b) {
    b.SetDomain(op_type, domain);
    b.Op(op_type, {X(b)});
  };
}
Build WithConstant(const Tensor& tensor, const std::string& op_type = "Mul") {
  return [=](GraphBuilder& b) { b.Op(op_type, {X(b, tensor.dtype()), b.Constant("c", tensor)}); };
}
Build Axes(const std::string& op_type, bool computed) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b);
    b.Op(op_type, {x, computed ? b.Input("axes", DType::kI64, FixedDims({1})) : b.Constant(Ints{0})});
  };
}
Build Lstm(const Attributes& attributes, const std::string& op_type = "LSTM") {
  return [=](GraphBuilder& b) {
    const std::string x = X(b, DType::kF32, FixedDims({5, 2, 4}));
    b.Ops(op_type, {x, Floats(b, {1, 12, 4}), Floats(b, {1, 12, 3})}, 3, attributes);
  };
}

Build Resized(const Attributes& attributes) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b);
    b.Op("Resize", {x, "", b.Constant("scales", Values<float>({2, 2}))}, attributes);
  };
}
Build Scaled(const std::string& mode, std::initializer_list<float> scales) {
  return [mode, scales = Values<float>(scales)](GraphBuilder& b) {
    const std::string x = X(b, DType::kF32, FixedDims({1, 1, 4, 4}));
    b.Op("Resize", {x, "", b.Constant("scales", scales)}, {{"mode", mode}});
  };
}
Build Sampled(const std::string& mode, std::initializer_list<int64_t> extents) {
  return [mode, dims = FixedDims(extents)](GraphBuilder& b) {
    b.Op("GridSample", {X(b, DType::kF32, dims), Floats(b, {1, 2, 2, 2})}, {{"mode", mode}});
  };
}
Build DropoutIn(bool training) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b);
    b.Op("Dropout", {x, "", b.Constant("training", Tensor::Scalar<bool>(training))});
  };
}
Build SplitInto(size_t parts) {
  return [=](GraphBuilder& b) {
    b.Ops("Split", {X(b)}, parts, {{"axis", int64_t{1}}, {"num_outputs", static_cast<int64_t>(parts)}});
  };
}
Build Filled(float value) {
  return [=](GraphBuilder& b) {
    b.Op("ConstantOfShape", {b.Constant(Ints{2, 2})}, {{"value", Values<float>({value})}});
  };
}
// By what follows from x's shape, turned round through a matrix or not.
Build PaddedBy(bool wide) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b, DType::kF32, {Dim::Named("batch"), Dim::Fixed(4)});
    const std::string shape = b.Op("Shape", {x});
    const std::string pads = b.Op("Concat", {shape, shape}, {{"axis", int64_t{0}}});
    const std::string pairs = wide ? b.Op("Reshape", {pads, b.Constant(Ints{-1, 2})}) : pads;
    b.Op("Pad", {x, wide ? b.Op("Reshape", {pairs, b.Constant(Ints{-1})}) : pairs});
  };
}

// x -> Q -> DQ, or constants of other kinds; every part can be made otherwise.
struct Pair {
  DType data = DType::kF32;
  std::vector<Dim> dims = FixedDims({2, 4});
  Tensor scale = Tensor::Scalar<float>(0.1F);
  std::optional<Tensor> zero = Tensor::Scalar<int8_t>(0);
  Attributes attributes{};
  std::optional<Tensor> constant{};  // instead of the input
  bool only_dequantize = false;
  bool computed_scale = false;

  void operator()(GraphBuilder& b) const {
    const std::string x = constant ? b.Constant("data", *constant) : X(b, data, dims);
    const std::string s = computed_scale ? b.Input("scale", DType::kF32, {}) : b.Constant("scale", scale);
    const std::string z = zero ? b.Constant("zero", *zero) : "";
    std::vector<std::string> inputs{x, s};
    if (zero) inputs.push_back(z);
    if (!only_dequantize) inputs[0] = b.Op("QuantizeLinear", inputs, attributes);
    b.Op("DequantizeLinear", inputs, attributes);
  }
};

Tensor Many(DType dtype, Shape shape, float number = 0.5F) {
  Tensor tensor = Tensor::Make(dtype, std::move(shape));
  if (dtype == DType::kF32) {
    for (float& value : tensor.mutable_data<float>()) value = number;
  }
  return tensor;
}

std::shared_ptr<const onnx::Graph> Branch(const std::string& output, size_t rank) {
  onnx::Graph graph;
  graph.name = output;
  onnx::Node node = testing::MakeNode("Constant", output + ".node", {}, output);
  node.attributes["value"] = Tensor::Make(DType::kF32, Shape(rank, 1));
  graph.nodes.push_back(std::move(node));
  graph.outputs.push_back({output, DType::kF32, true, std::vector<Dim>(rank, Dim::Fixed(1)), ""});
  return std::make_shared<const onnx::Graph>(std::move(graph));
}
Build If(const std::string& one, const std::string& other, size_t rank) {
  return [=](GraphBuilder& b) {
    b.Op("If", {b.Input("condition", DType::kBool, {})},
         {{"then_branch", Branch(one, 2)}, {"else_branch", Branch(other, rank)}});
  };
}
Build Loop(bool computed) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b);
    const std::string turns = computed ? b.Input("turns", DType::kI64, {}) : b.Constant(int64_t{3});
    b.Ops("Loop", {turns, b.Constant("go", Tensor::Make(DType::kBool, {})), x}, 2, {{"body", Branch("y", 2)}});
  };
}
Build ReshapeFrom(DType dtype) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b);
    const std::string wanted = b.Input("wanted", dtype, FixedDims({2}));
    b.Op("Reshape", {x, b.Op("Cast", {wanted}, {{"to", int64_t{7}}})});
  };
}
void ReshapeFromShape(GraphBuilder& b) {
  const std::string x = X(b);
  b.Op("Reshape", {x, b.Op("Shape", {x})});
}
void NormInPieces(GraphBuilder& b) {
  const std::string x = X(b);
  const std::string centered = b.Op("Sub", {x, b.Op("ReduceMean", {x})});
  b.Op("ReduceMean", {b.Op("Pow", {centered, b.Constant(2.F)})});
}
Build Norm(size_t inputs, size_t outputs) {
  return [=](GraphBuilder& b) {
    std::vector<std::string> given{X(b), Floats(b, {4}), Floats(b, {4}, 2)};
    given.resize(inputs);
    b.Ops("LayerNormalization", given, outputs);
  };
}
Build TopK(int64_t k, int64_t sorted) {
  return [=](GraphBuilder& b) { b.Ops("TopK", {X(b), b.Constant(Ints{k})}, 2, {{"sorted", sorted}}); };
}
Build MaxPool(size_t outputs, const Attributes& attributes) {
  return [=](GraphBuilder& b) { b.Ops("MaxPool", {X(b, DType::kF32, FixedDims({1, 2, 8, 8}))}, outputs, attributes); };
}
Build Einsum(const std::string& equation) {
  return [=](GraphBuilder& b) { b.Op("Einsum", {X(b), Floats(b, {4, 3})}, {{"equation", equation}}); };
}
Build Scatter(const std::string& reduction, const std::string& op_type = "ScatterND") {
  return [=](GraphBuilder& b) {
    b.Op(op_type, {X(b), b.Constant("i", Tensor::Make(DType::kI64, {1, 1})), Floats(b, {1, 4})},
         {{"reduction", reduction}});
  };
}
Build OneHot(bool computed) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b, DType::kI64);
    b.Op("OneHot", {x, computed ? b.Input("depth", DType::kI64, {}) : b.Constant(int64_t{5}), Floats(b, {2})});
  };
}
Build SliceTo(int64_t end) {
  return [=](GraphBuilder& b) { b.Op("Slice", {X(b), b.Constant(Ints{0}), b.Constant(Ints{end})}); };
}
void FloatAndInt8(GraphBuilder& b, DType first) {
  Pair{}(b);
  b.Op("DequantizeLinear", {b.Constant("narrow", Tensor::Make(first, {4})), b.Constant("s", Tensor::Scalar<float>(1))});
}

std::vector<Case> Cases() {
  const Build plain = Unary("Relu");
  const Build pair = Pair{};
  const Tensor channels = Many(DType::kF32, {4});
  const Tensor zeros = Many(DType::kI8, {4});
  const Pair weight{
      .scale = channels, .zero = zeros, .attributes = {{"axis", int64_t{1}}}, .constant = Many(DType::kF32, {2, 4})};
  const auto with = [](Pair from, const std::function<void(Pair&)>& change) {
    change(from);
    return Build(from);
  };
  const Pair int4{.scale = Many(DType::kF32, {2, 4}),
                  .zero = std::nullopt,
                  .attributes = {{"axis", int64_t{0}}, {"block_size", int64_t{16}}},
                  .constant = Tensor::Make(DType::kI4, {32, 4}),
                  .only_dequantize = true};
  constexpr int64_t kLarge = int64_t{1} << 40U;
  return {
      {"TRT-G01", "8.6", plain, plain, 18},
      {"TRT-G02", "10.3", plain, plain, 22},
      {"TRT-G03a", "8.6", WithConstant(Values<int64_t>({1, kLarge})), SliceTo(kLarge)},
      {"TRT-G03b", "8.6", SliceTo(kLarge), SliceTo(2)},
      {"TRT-G03c", "8.6", SliceTo(2), plain},
      {"TRT-G04a", "8.6", Unary("Neg", DType::kI64), Unary("Neg", DType::kI32)},
      {"TRT-G04b", "10.3", Unary("Neg", DType::kI64), Unary("Neg", DType::kI32)},
      {"TRT-G05", "8.6", Unary("Exp", DType::kF64), plain},
      {"TRT-G05", "10.3", WithConstant(Tensor::Make(DType::kF64, {1})), plain},
      {"TRT-T01", "8.6", Unary("Abs", DType::kU16), plain},
      {"TRT-T01", "8.6", Unary("Abs", DType::kBF16), Unary("Abs", DType::kF16)},
      {"TRT-T01", "10.3", WithConstant(Tensor::Make(DType::kU32, {1})), Unary("Abs", DType::kBF16)},
      {"TRT-Q16a", "10.3", plain, plain, 21, 20},
      {"FP-05", "8.6", WithConstant(Tensor::Scalar<float>(1e-12F)), WithConstant(Tensor::Scalar<float>(1e-5F))},
      {"FP-06", "10.3", WithConstant(Tensor::Scalar<float>(-3.4e38F)), WithConstant(Tensor::Scalar<float>(-1e4F))},
      {"TRT-G07", "8.6", Unary("Gelu"), Unary("Erf"), 20},
      {"TRT-G08", "8.6", OfDomain("QuickGelu", "com.microsoft"), Unary("Sigmoid")},
      {"TRT-G08", "10.3", OfDomain("Foo", "my.company"), OfDomain("EfficientNMS_TRT", "trt.plugins")},
      {"TRT-G09", "8.6", Unary("DynamicQuantizeLinear"), pair},
      {"TRT-G09", "10.3", WithConstant(Tensor::Make(DType::kI8, {4, 4}), "MatMulInteger"), pair},
      {"TRT-G19", "10.3", OfDomain("EfficientNMS_TRT", "trt.plugins"), OfDomain("Foo", "my.company")},
      {"TRT-O01", "8.6", Unary("Hardmax"), Unary("Softmax")},
      {"TRT-O01", "10.3", Unary("Det"), Unary("Hardmax")},
      {"TRT-T02a", "8.6", Unary("Sqrt", DType::kI32), Unary("Abs", DType::kI64)},
      {"TRT-T02a", "10.3", Unary("Erf", DType::kI32), Unary("Erf", DType::kBF16)},
      {"TRT-T02b", "8.6", Unary("Clip", DType::kI32), Unary("Clip", DType::kF16)},
      {"TRT-T03", "10.3", Unary("Transpose", DType::kU8), Unary("Cast", DType::kU8, {{"to", int64_t{1}}})},
      {"TRT-G10a", "8.6", Norm(3, 3), Norm(3, 1)},
      {"TRT-G10a", "10.3", Norm(3, 2), Norm(2, 1)},
      {"TRT-G10b", "10.3", Norm(2, 1), Norm(3, 1)},
      {"TRT-G11", "8.6", NormInPieces, Axes("ReduceMean", false)},
      {"TRT-G12", "8.6", Einsum("...j,jk->...k"), Einsum("ij,jk->ik")},
      {"TRT-G12", "8.6", Einsum("ii,jk->ik"), Einsum("ij,jk->ik")},
      {"TRT-G12", "8.6", Einsum("Ij,jk->Ik"), Einsum("ij,jk->ik")},
      {"TRT-G13", "8.6", Axes("Squeeze", true), Axes("Squeeze", false)},
      {"TRT-G13", "10.3", Axes("ReduceMean", true), Axes("ReduceMean", false), 18, 18},
      {"TRT-G14a", "10.3", TopK(2, 0), TopK(2, 1)},
      {"TRT-G14b", "10.3", TopK(3840, 1), TopK(3839, 1)},
      {"TRT-G14c", "10.3", OneHot(true), OneHot(false)},
      {"TRT-G15a", "8.6", MaxPool(1, {{"kernel_shape", Ints{2, 2, 2, 2}}}), MaxPool(1, {{"kernel_shape", Ints{2, 2}}})},
      {"TRT-G15b", "8.6", MaxPool(2, {{"kernel_shape", Ints{2, 2}}}), MaxPool(1, {{"kernel_shape", Ints{2, 2}}})},
      {"TRT-G15c", "10.3", MaxPool(1, {{"dilations", Ints{2, 2}}}), MaxPool(1, {{"dilations", Ints{1, 1}}})},
      {"TRT-G15c", "8.6", MaxPool(1, {{"dilations", Ints{2, 2}}}), MaxPool(1, {{"dilations", Ints{1, 1}}})},
      {"TRT-G16", "10.3", Scatter("add"), Unary("Relu")},
      {"TRT-G16", "10.3", Scatter("none"), Unary("Relu")},
      {"TRT-A01", "8.6", Unary("Shape", DType::kF32, {{"start", int64_t{1}}}),
       Unary("Shape", DType::kF32, {{"start", int64_t{-2}}})},
      {"TRT-A01", "8.6", Unary("Shape", DType::kF32, {{"end", int64_t{-1}}}),
       Unary("Shape", DType::kF32, {{"end", int64_t{2}}})},
      {"TRT-A02a", "8.6", Resized({{"antialias", int64_t{1}}}), Resized({{"antialias", int64_t{0}}}), 18, 18},
      {"TRT-A02a", "8.6", Resized({{"axes", Ints{0}}}), Resized({}), 18, 18},
      {"TRT-A02a", "8.6", Resized({{"keep_aspect_ratio_policy", "not_larger"}}),
       Resized({{"keep_aspect_ratio_policy", "stretch"}}), 18, 18},
      {"TRT-A02b", "10.3", Resized({{"antialias", int64_t{1}}}), Resized({{"axes", Ints{0}}}), 18, 18},
      {"TRT-A02b", "10.3", Resized({{"keep_aspect_ratio_policy", "not_smaller"}}), Resized({}), 18, 18},
      {"TRT-A02c", "10.3", Resized({{"coordinate_transformation_mode", "half_pixel_symmetric"}}),
       Resized({{"coordinate_transformation_mode", "asymmetric"}}), 19, 19},
      {"TRT-A02c", "8.6", Resized({{"coordinate_transformation_mode", "tf_crop_and_resize"}}), Resized({})},
      {"TRT-A02c", "8.6",
       Resized({{"coordinate_transformation_mode", "tf_half_pixel_for_nn"}, {"nearest_mode", "floor"}}),
       Resized({{"coordinate_transformation_mode", "half_pixel"}, {"nearest_mode", "floor"}})},
      {"TRT-A02d", "8.6", Scaled("linear", {2, 1, 2, 2}), Scaled("linear", {1, 2, 2, 2})},
      {"TRT-A02d", "10.3", Scaled("cubic", {1, 2, 2, 2}), Scaled("nearest", {2, 2, 2, 2})},
      {"TRT-A03", "8.6", Scatter("add"), Scatter("none")},
      {"TRT-A04", "10.3", Scatter("add", "ScatterElements"), Scatter("none", "ScatterElements")},
      {"TRT-A05", "8.6",
       [](GraphBuilder& b) {
         b.Op("Squeeze", {X(b, DType::kF32, {Dim::Named("batch"), Dim::Fixed(1)})});
       },
       Unary("Squeeze")},
      {"TRT-A05", "10.3",
       [](GraphBuilder& b) {
         b.Op("Squeeze", {X(b, DType::kF32, {Dim::Named("batch"), Dim::Fixed(1)})});
       },
       Axes("Squeeze", false)},
      {"TRT-A06", "8.6", Unary("BatchNormalization", DType::kF32, {{"training_mode", int64_t{1}}}),
       Unary("BatchNormalization")},
      {"TRT-A06", "10.3", DropoutIn(true), DropoutIn(false)},
      {"TRT-A07", "8.6", Unary("ReduceSum", DType::kF32, {{"noop_with_empty_axes", int64_t{1}}}), Unary("ReduceSum")},
      {"TRT-A07", "8.6", SplitInto(3), SplitInto(2), 18, 18},
      {"TRT-A07", "10.3", Unary("BatchNormalization", DType::kF32, {{"spatial", int64_t{0}}}),
       Unary("BatchNormalization"), 8, 8},
      {"TRT-A08", "8.6", Unary("Pad", DType::kF32, {{"mode", "wrap"}}), Unary("Pad", DType::kF32, {{"mode", "edge"}}),
       19, 19},
      {"TRT-A08", "10.3", Sampled("linear", {1, 1, 2, 2}), Sampled("bilinear", {1, 1, 2, 2}), 20, 20},
      {"TRT-A08", "10.3", Sampled("bilinear", {1, 1, 2, 2, 2}), Sampled("bilinear", {1, 1, 2, 2}), 20, 20},
      {"TRT-A09", "8.6", Unary("LpNormalization", DType::kF32, {{"p", int64_t{3}}}), Unary("LpNormalization")},
      {"TRT-A10", "10.3",
       Unary("AveragePool", DType::kF32, {{"ceil_mode", int64_t{1}}, {"count_include_pad", int64_t{1}}}),
       Unary("AveragePool", DType::kF32, {{"ceil_mode", int64_t{1}}})},
      {"TRT-A12", "8.6",
       [](GraphBuilder& b) {
         b.Op("EyeLike", {X(b, DType::kF32, {Dim::Named("n"), Dim::Fixed(4)})});
       },
       Unary("EyeLike")},
      {"TRT-A12", "10.3",
       [](GraphBuilder& b) {
         b.Op("Hardmax", {X(b, DType::kF32, {Dim::Fixed(4), Dim::Named("n")})});
       },
       [](GraphBuilder& b) {
         b.Op("Hardmax", {X(b, DType::kF32, {Dim::Named("n"), Dim::Fixed(4)})});
       }},
      {"TRT-A11", "10.3", Unary("RandomNormalLike"), plain},
      {"TRT-S05", "8.6", PaddedBy(true), PaddedBy(false)},
      {"TRT-L03a", "8.6",
       Lstm({{"direction", "bidirectional"}, {"activation_alpha", std::vector<float>{0.1F, 0.2F}}}, "RNN"),
       Lstm({{"direction", "bidirectional"}, {"activation_alpha", std::vector<float>{0.1F, 0.1F}}}, "RNN")},
      {"TRT-L06", "10.3", Lstm({}), Lstm({{"hidden_size", int64_t{3}}})},
      {"TRT-T01", "8.6", Unary("Cast", DType::kF32, {{"to", int64_t{5}}}),
       Unary("Cast", DType::kF32, {{"to", int64_t{7}}})},
      {"FP-06", "8.6", Filled(-3.4e38F), Filled(-1e4F)},
      {"FP-06", "8.6", WithConstant(Many(DType::kF32, {32, 32}, -3.4e38F)), WithConstant(Many(DType::kF32, {32, 32}))},
      {"TRT-S01", "8.6", ReshapeFrom(DType::kF32), ReshapeFrom(DType::kI32)},
      {"TRT-S02", "10.3", ReshapeFrom(DType::kI32), ReshapeFromShape},
      {"TRT-S03", "8.6", [](GraphBuilder& b) { b.Op("Relu", {X(b, DType::kF32, {Dim::Named("batch")})}); }, plain},
      {"TRT-G17", "10.3", Loop(true), Loop(false)},
      {"TRT-G18a", "8.6", If("a", "a", 2), If("a", "b", 2)},
      {"TRT-G18b", "10.3", If("a", "b", 1), If("a", "b", 2)},
      {"TRT-L01", "8.6", Lstm({{"input_forget", int64_t{1}}}), Lstm({})},
      {"TRT-L02", "10.3", Lstm({{"layout", int64_t{1}}}, "GRU"), Lstm({{"layout", int64_t{0}}}, "GRU")},
      {"TRT-L03", "8.6",
       Lstm({{"direction", "bidirectional"}, {"activations", std::vector<std::string>{"Tanh", "Relu"}}}, "RNN"),
       Lstm({{"direction", "bidirectional"}, {"activations", std::vector<std::string>{"Tanh", "Tanh"}}}, "RNN")},
      {"TRT-L04", "10.3", Lstm({{"activations", std::vector<std::string>{"Affine"}}}, "RNN"),
       Lstm({{"activations", std::vector<std::string>{"LeakyRelu"}}}, "RNN")},
      {"TRT-L05", "8.6", Lstm({}), plain},
      {"TRT-Q01a", "8.6", Pair{.zero = std::nullopt}, pair},
      {"TRT-Q01b", "10.3", Pair{.zero = std::nullopt}, pair},
      {"TRT-Q02", "8.6", Pair{.zero = Tensor::Scalar<int8_t>(3)}, pair},
      {"TRT-Q02", "10.3", Pair{.zero = Tensor::Scalar<uint8_t>(128)}, Pair{.zero = Tensor::Scalar<uint8_t>(0)}},
      {"TRT-Q03a", "8.6", Pair{.zero = Tensor::Scalar<uint8_t>(0)}, pair},
      {"TRT-Q03b", "10.3", Pair{.zero = Tensor::Scalar<uint8_t>(0)}, pair},
      {"TRT-Q03c", "10.3",
       Pair{.zero = Tensor::Scalar<uint8_t>(0), .constant = Many(DType::kU8, {2, 4}), .only_dequantize = true}, pair},
      {"TRT-Q04", "8.6", Pair{.scale = Tensor::Make(DType::kF16, {})}, pair},
      {"TRT-Q05", "10.3", Pair{.scale = Tensor::Make(DType::kF16, {})}, Pair{.scale = Tensor::Make(DType::kF16, {})},
       17, 19},
      {"TRT-Q06", "8.6", Pair{.scale = Tensor::Scalar<float>(0)}, pair},
      {"TRT-Q06", "10.3", Pair{.scale = Tensor::Scalar<float>(-1)}, pair},
      {"TRT-Q06", "10.3", Pair{.scale = Tensor::Make(DType::kF32, {0})}, pair},
      {"TRT-Q07", "8.6", Pair{.computed_scale = true}, pair},
      {"TRT-Q08a", "8.6", with(weight, [](Pair& p) { p.attributes.clear(); }), weight},
      {"TRT-Q08b", "10.3", with(weight, [](Pair& p) { p.attributes["axis"] = int64_t{0}; }), weight},
      {"TRT-Q08b", "8.6", with(weight, [](Pair& p) { p.attributes["axis"] = int64_t{7}; }), weight},
      {"TRT-Q08c", "8.6", with(weight, [](Pair& p) { p.zero = Tensor::Scalar<int8_t>(0); }), weight},
      {"TRT-Q09", "10.3", with(weight, [](Pair& p) { p.constant.reset(); }), weight},
      {"TRT-Q10", "8.6", Pair{.data = DType::kF16}, pair},
      {"TRT-Q11a", "10.3", Pair{.data = DType::kF16}, pair},
      {"TRT-Q11b", "10.3", Pair{.dims = {}}, pair},
      {"TRT-Q11c", "10.3", Pair{.attributes = {{"output_dtype", int64_t{2}}}}, pair, 21, 20},
      {"TRT-Q12", "8.6",
       Pair{.zero = std::nullopt, .constant = Tensor::Make(DType::kI32, {4}), .only_dequantize = true}, pair},
      {"TRT-Q13", "8.6", Pair{.constant = Tensor::Make(DType::kI8, {4}), .only_dequantize = true}, weight},
      {"TRT-Q14", "10.3", weight, Pair{.constant = Tensor::Make(DType::kI8, {4}), .only_dequantize = true}},
      {"TRT-Q15a", "8.6", int4, pair, 21},
      {"TRT-Q15b", "10.3", [](GraphBuilder& b) { FloatAndInt8(b, DType::kF8E4M3FN); },
       [](GraphBuilder& b) { FloatAndInt8(b, DType::kI8); }, 19, 19},
      {"TRT-Q16", "10.3",
       with(int4,
            [](Pair& p) {
              p.constant = Tensor::Make(DType::kI4, {2, 32, 4});
            }),
       int4, 21, 21},
      {"TRT-Q16", "10.3",
       with(int4,
            [](Pair& p) {
              p.scale = Many(DType::kF32, {2, 2});
            }),
       int4, 21, 21},
      {"TRT-Q16", "10.3",
       with(int4,
            [](Pair& p) {
              p.constant = Tensor::Make(DType::kI4, {32, 5});
            }),
       int4, 21, 21},
      {"TRT-Q17", "8.6", pair, plain},
  };
}

class RuleTest : public ::testing::TestWithParam<Case> {};

TEST_P(RuleTest, FiresOnAGraphThatBreaksItOnly) {
  const Case& c = GetParam();
  const onnx::Model breaks = Make(c.breaks, c.opset);
  const onnx::Model keeps = Make(c.keeps, c.kept_opset);
  ASSERT_FALSE(breaks.graph.nodes.empty());
  ASSERT_FALSE(keeps.graph.nodes.empty());
  EXPECT_THAT(Broken(breaks, c.version), Contains(c.rule));
  EXPECT_THAT(Broken(keeps, c.version), Not(Contains(c.rule)));
}

INSTANTIATE_TEST_SUITE_P(All, RuleTest, ::testing::ValuesIn(Cases()));

// A rule without a case would be one that nobody has seen to fire.
TEST(Rules, AllHaveACase) {
  const std::set<std::string> elsewhere{"TRT-G06", "TRT-G20a", "TRT-G20b", "TRT-S04"};  // in check_test.cc and below
  for (const Rule& rule : target::kTensorRtRules) {
    bool seen = elsewhere.contains(std::string(rule.id));
    for (const Case& c : Cases()) seen = seen || (c.rule == rule.id && rule.applies(**FindImporter(c.version)));
    EXPECT_TRUE(seen) << rule.id << " " << target::AppliesText(rule.applies);
  }
}

TEST(Rules, OtherVersionsAreSilent) {
  EXPECT_THAT(Broken(Make(Unary("Gelu"), 17), "10.3"), Not(Contains("TRT-G07")));
  EXPECT_THAT(Broken(Make(Scatter("add")), "8.6"), Not(Contains("TRT-G16")));
  EXPECT_THAT(Broken(Make(Scatter("add")), "10.3"), Not(Contains("TRT-A03")));
  EXPECT_THAT(Broken(Make(Unary("Shape", DType::kF32, {{"start", int64_t{1}}})), "10.3"), Not(Contains("TRT-A01")));
  const Build computed_axes = [](GraphBuilder& b) {
    const std::string x = X(b);
    b.Op("Slice", {x, b.Constant(Ints{0}), b.Constant(Ints{1}), b.Input("axes", DType::kI64, FixedDims({1}))});
  };
  EXPECT_THAT(Broken(Make(computed_axes), "10.1"), Contains("TRT-G13"));
  EXPECT_THAT(Broken(Make(computed_axes), "10.3"), Not(Contains("TRT-G13")));
}

// It is UINT8 because nobody said otherwise, which 10.x reads as INT8: a warning, and no second finding at its reader.
TEST(Rules, Uint8ByDefaultIsTrtQ01sAlone) {
  const std::set<std::string> broken = Broken(Make(Pair{.zero = std::nullopt}), "10.3");
  EXPECT_THAT(broken, Contains("TRT-Q01b"));
  EXPECT_THAT(broken, Not(Contains("TRT-Q03c")));
}

// What a foreign name stands for is not known then; 8.6 refuses it either way.
TEST(Rules, AForeignNameMayBeAFunction) {
  onnx::Model model = Make(OfDomain("Foo", "pkg.torch"));
  model.local_functions = 1;
  EXPECT_THAT(Broken(model, "10.3"), Not(Contains("TRT-G08")));
  EXPECT_THAT(Broken(model, "8.6"), Contains("TRT-G08"));
}

TEST(Rules, FunctionsAndUndeclaredShapes) {
  onnx::Model model = Make(Unary("Relu"));
  EXPECT_THAT(Broken(model, "8.6"), Not(Contains("TRT-G20a")));
  EXPECT_THAT(Broken(model, "8.6"), Not(Contains("TRT-S04")));
  model.local_functions = 1;
  model.graph.inputs[0].has_shape = false;
  EXPECT_THAT(Broken(model, "8.6"), AllOf(Contains("TRT-G20a"), Contains("TRT-S04")));
  EXPECT_THAT(Broken(model, "10.3"), AllOf(Contains("TRT-G20b"), Contains("TRT-S04")));
}

// Each rule of TensorRT is asked once, in the order of the manual.
TEST(Checks, AreOneForEachRule) {
  std::vector<std::string_view> asked, known;
  for (const Check& check : Checks()) asked.push_back(check.rule.id());
  for (const Rule& rule : target::kTensorRtRules) known.push_back(rule.id);
  EXPECT_EQ(asked, known);
}

TEST(OperatorTable, KnowsOperatorsAndTypes) {
  const Version& old = **FindImporter("8.6");
  const Version& now = **FindImporter("10.3");
  for (const char* op : {"Abs", "Add", "LSTM", "GRU", "LayerNormalization", "Where", "Xor"}) {
    EXPECT_TRUE(HasOperator(op, old) && HasOperator(op, now)) << op;
  }
  for (const char* op : {"MatMulInteger", "Unique", "NoSuchOperator", ""}) {
    EXPECT_FALSE(HasOperator(op, old) || HasOperator(op, now)) << op;
  }
  EXPECT_TRUE(TakesType("Add", DType::kI64, old)) << "INT64 becomes INT32";
  EXPECT_TRUE(TakesType("Add", DType::kF64, now)) << "DOUBLE becomes FLOAT";
  EXPECT_FALSE(TakesType("Sqrt", DType::kI32, now));
  EXPECT_FALSE(KnowsType(DType::kBF16, old));
  EXPECT_TRUE(KnowsType(DType::kBF16, now));
}

}  // namespace
}  // namespace vlaq::check
