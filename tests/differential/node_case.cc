#include "node_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "onnx/model_file.h"
#include "tensor/convert.h"

namespace vlaq::differential {
namespace {

using backend::Backend;
using backend::ModelSource;
using backend::NamedTensors;

// Expects `actual` to be `expected` within the tolerance; floats of 16 bits are compared as floats too.
void ExpectClose(const Tensor& expected, const Tensor& actual, Tolerance tolerance) {
  ASSERT_EQ(DTypeName(expected.dtype()), DTypeName(actual.dtype()));
  ASSERT_EQ(expected.shape(), actual.shape());
  if (!IsFloat(expected.dtype())) {
    EXPECT_TRUE(std::equal(expected.bytes().begin(), expected.bytes().end(), actual.bytes().begin()));
    return;
  }
  const Tensor reference = *ToFloat32(expected);
  const Tensor other = *ToFloat32(actual);
  for (size_t i = 0; i < static_cast<size_t>(reference.size()); ++i) {
    const auto want = static_cast<double>(reference.data<float>()[i]);
    const auto got = static_cast<double>(other.data<float>()[i]);
    if (std::isnan(want) && std::isnan(got)) continue;
    if (want == got) continue;  // infinities
    const double bound = tolerance.absolute + tolerance.relative * std::fabs(want);
    ASSERT_LE(std::fabs(got - want), bound) << "element " << i << ": " << got << " instead of " << want;
  }
}

Result<NamedTensors> RunModel(const Backend& engine, const onnx::Model& model, const NamedTensors& inputs,
                              bool optimize) {
  VLAQ_ASSIGN_OR_RETURN(std::string bytes, onnx::Serialize(model));
  const ModelSource source{"case", std::make_shared<const std::string>(std::move(bytes)), "."};
  backend::OpenOptions options;
  options.threads = 1;
  options.optimize = optimize;
  VLAQ_ASSIGN_OR_RETURN(const auto opened, engine.Open(source, options));
  const std::string proof = engine.name() == "reference" ? "reference evaluator" : "ONNX Runtime 1.";
  EXPECT_THAT(opened->Description(), testing::HasSubstr(proof));  // which back end really runs
  return opened->Run(inputs);
}

std::string OutputName(size_t i) { return "out" + std::to_string(i); }
std::string InputName(size_t i) { return "in" + std::to_string(i); }

}  // namespace

Tolerance SumOf(int64_t terms, double largest) {
  const auto n = static_cast<double>(terms);
  return {8 * std::sqrt(n) * largest * 0x1p-24, 0x1p-21};
}

NodeCase& NodeCase::Ints(const std::vector<int64_t>& values) {
  return Constant(Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values));
}

onnx::Model NodeCase::Build(const std::vector<Tensor>& expected) const {
  onnx::GraphBuilder builder("case");
  std::vector<std::string> inputs;
  for (size_t i = 0; i < operands_.size(); ++i) {
    const Tensor& tensor = operands_[i].tensor;
    std::vector<onnx::Dim> dims;
    for (const int64_t extent : tensor.shape()) dims.push_back(onnx::Dim::Fixed(extent));
    if (operands_[i].kind == Kind::kInput) inputs.push_back(builder.Input(InputName(i), tensor.dtype(), dims));
    if (operands_[i].kind == Kind::kConstant) inputs.push_back(builder.Constant(InputName(i), tensor));
    if (operands_[i].kind == Kind::kLeftOut) inputs.emplace_back();
  }
  if (!domain_.empty()) builder.SetDomain(op_type_, domain_);
  const auto values = builder.Ops(op_type_, inputs, outputs_, attributes_, "node");
  for (size_t i = 0; i < values.size(); ++i) {
    std::vector<onnx::Dim> dims;
    for (const int64_t extent : expected[i].shape()) dims.push_back(onnx::Dim::Fixed(extent));
    builder.Output(values[i], OutputName(i), expected[i].dtype(), dims);
  }
  auto graph = builder.Finish();
  EXPECT_TRUE(graph.ok()) << graph.error().ToString();
  onnx::Model model = onnx::MakeModel(*std::move(graph), "test");
  if (!domain_.empty()) model.opsets[domain_] = 1;
  model.opsets[""] = opset_;
  if (opset_ >= 21) model.ir_version = 10;
  return model;
}

void NodeCase::ExpectSame(Tolerance tolerance) const {
  SCOPED_TRACE(op_type_);
  onnx::Node node{op_type_, "node", domain_, std::vector<std::string>(operands_.size(), "x"), {}, attributes_};
  for (size_t i = 0; i < outputs_; ++i) node.outputs.push_back(OutputName(i));
  std::vector<const Tensor*> inputs;
  NamedTensors named;
  std::string shapes;
  for (size_t i = 0; i < operands_.size(); ++i) {
    inputs.push_back(operands_[i].kind == Kind::kLeftOut ? nullptr : &operands_[i].tensor);
    if (operands_[i].kind == Kind::kInput) named.emplace(InputName(i), operands_[i].tensor);
    shapes += std::string(DTypeName(operands_[i].tensor.dtype())) + ShapeText(operands_[i].tensor.shape()) + " ";
  }
  SCOPED_TRACE(shapes);
  const auto expected = backend::EvaluateNode(node, inputs);
  ASSERT_TRUE(expected.ok()) << expected.error().ToString();
  const onnx::Model model = Build(*expected);
  const auto reference = backend::MakeReferenceBackend();
  const auto ort = backend::MakeOnnxRuntimeBackend();
  struct {
    const Backend& engine;
    bool optimize = false;
    Tolerance tolerance;
  } const runs[] = {{*reference, false, {}}, {*ort, false, tolerance}, {*ort, true, tolerance}};
  for (const auto& run : runs) {
    SCOPED_TRACE(std::string(run.engine.name()) + (run.optimize ? ", optimized" : ""));
    const auto outputs = RunModel(run.engine, model, named, run.optimize);
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    ASSERT_EQ(outputs->size(), outputs_);
    for (size_t i = 0; i < outputs_; ++i) ExpectClose((*expected)[i], outputs->at(OutputName(i)), run.tolerance);
  }
}

void NodeCase::ExpectResult(const Tensor& expected, Tolerance tolerance) const {
  SCOPED_TRACE(op_type_ + " " + ShapeText(expected.shape()));
  NamedTensors named;
  for (size_t i = 0; i < operands_.size(); ++i) {
    if (operands_[i].kind == Kind::kInput) named.emplace(InputName(i), operands_[i].tensor);
  }
  const onnx::Model model = Build({expected});
  for (const bool optimize : {false, true}) {
    const auto outputs = RunModel(*backend::MakeOnnxRuntimeBackend(), model, named, optimize);
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    ExpectClose(expected, outputs->at(OutputName(0)), tolerance);
  }
}

void NodeCase::ExpectBothRefuse() const {
  SCOPED_TRACE(op_type_);
  NamedTensors named;
  for (size_t i = 0; i < operands_.size(); ++i) {
    if (operands_[i].kind == Kind::kInput) named.emplace(InputName(i), operands_[i].tensor);
  }
  onnx::Model model = Build(std::vector<Tensor>(outputs_));
  for (onnx::ValueInfo& output : model.graph.outputs) output.has_shape = false;
  for (const auto& engine : {backend::MakeReferenceBackend(), backend::MakeOnnxRuntimeBackend()}) {
    const auto outputs = RunModel(*engine, model, named, false);
    ASSERT_FALSE(outputs.ok()) << engine->name();
    EXPECT_EQ(outputs.error().code, ErrorCode::kBackend);
    EXPECT_THAT(outputs.error().ToString(), testing::HasSubstr("node")) << engine->name();
  }
}

Tensor RandomTensor(Random& random, DType dtype, Shape shape, double low, double high) {
  Tensor wide = Tensor::Make(DType::kF64, shape);
  for (double& value : wide.mutable_data<double>()) value = random.Uniform(low, high);
  if (dtype == DType::kF64) return wide;
  Tensor tensor = Tensor::Make(dtype, std::move(shape));
  if (IsConvertible(DType::kF64, dtype)) {
    Convert(DType::kF64, wide.bytes(), dtype, tensor.mutable_bytes());
    return tensor;
  }
  for (size_t i = 0; i < static_cast<size_t>(tensor.size()); ++i) {  // whole numbers; little-endian bytes of int64
    const auto whole = static_cast<int64_t>(std::floor(wide.data<double>()[i]));
    const int64_t value = dtype == DType::kBool ? whole & 1 : whole;
    const size_t item = DTypeBits(dtype) / 8;
    std::memcpy(tensor.mutable_bytes().data() + i * item, &value, item);
  }
  return tensor;
}

Shape RandomShape(Random& random, size_t rank, int64_t largest) {
  Shape shape(rank);
  for (int64_t& extent : shape) extent = Extent(random, largest);
  return shape;
}

std::pair<Shape, Shape> RandomBroadcastPair(Random& random) {
  Shape a = RandomShape(random, random.Below(5));
  Shape b = a;
  for (size_t i = 0; i < a.size(); ++i) {
    const uint64_t choice = random.Below(4);
    if (choice == 0) a[i] = 1;
    if (choice == 1) b[i] = 1;
  }
  Shape& shorter = random.Below(2) == 0 ? a : b;
  shorter.erase(shorter.begin(), shorter.begin() + static_cast<ptrdiff_t>(random.Below(shorter.size() + 1)));
  return {a, b};
}

}  // namespace vlaq::differential
