#include "target/operator_table.h"

#include <algorithm>
#include <array>

namespace vlaq::target {
namespace {

// Letters of element types, in the order of TypesOf().
struct Letter {
  char letter;
  DType dtype;
};
constexpr std::array kLetters = {
    Letter{'f', DType::kF32}, Letter{'h', DType::kF16},      Letter{'g', DType::kBF16}, Letter{'i', DType::kI32},
    Letter{'l', DType::kI64}, Letter{'c', DType::kI8},       Letter{'u', DType::kU8},   Letter{'b', DType::kBool},
    Letter{'n', DType::kI4},  Letter{'e', DType::kF8E4M3FN},
};

// The types of an operator's data in TensorRT 8.6 and 10.1 (the operator lists of onnx-tensorrt's branches 8.6-GA and
// 10.1-GA); empty: the version does not have it.
struct OperatorRow {
  std::string_view op_type;
  std::string_view types86, types10;
};
constexpr std::array kOperatorRows = {
    OperatorRow{"Abs", "fhi", "fhgil"},
    OperatorRow{"Acos", "fh", "fhg"},
    OperatorRow{"Acosh", "fh", "fhg"},
    OperatorRow{"Add", "fhi", "fhgil"},
    OperatorRow{"AffineGrid", "", ""},
    OperatorRow{"And", "b", "b"},
    OperatorRow{"ArgMax", "fhi", "fhgil"},
    OperatorRow{"ArgMin", "fhi", "fhgil"},
    OperatorRow{"Asin", "fh", "fhg"},
    OperatorRow{"Asinh", "fh", "fhg"},
    OperatorRow{"Atan", "fh", "fhg"},
    OperatorRow{"Atanh", "fh", "fhg"},
    OperatorRow{"AveragePool", "fhci", "fhg"},
    OperatorRow{"BatchNormalization", "fh", "fhg"},
    OperatorRow{"Bernoulli", "", ""},
    OperatorRow{"BitShift", "", ""},
    OperatorRow{"BitwiseAnd", "", ""},
    OperatorRow{"BitwiseNot", "", ""},
    OperatorRow{"BitwiseOr", "", ""},
    OperatorRow{"BitwiseXor", "", ""},
    OperatorRow{"BlackmanWindow", "", ""},
    OperatorRow{"Cast", "fhicub", "fhgilub"},
    OperatorRow{"CastLike", "", "fhgilub"},
    OperatorRow{"Ceil", "fh", "fhg"},
    OperatorRow{"Celu", "fh", "fhg"},
    OperatorRow{"CenterCropPad", "", ""},
    OperatorRow{"Clip", "fhc", "fhg"},
    OperatorRow{"Col2Im", "", ""},
    OperatorRow{"Compress", "", ""},
    OperatorRow{"Concat", "fhicb", "fhgilb"},
    OperatorRow{"ConcatFromSequence", "", ""},
    OperatorRow{"Constant", "fhicb", "fhgilb"},
    OperatorRow{"ConstantOfShape", "f", "fhgilb"},
    OperatorRow{"Conv", "fhc", "fhg"},
    OperatorRow{"ConvInteger", "", ""},
    OperatorRow{"ConvTranspose", "fhc", "fhg"},
    OperatorRow{"Cos", "fh", "fhg"},
    OperatorRow{"Cosh", "fh", "fhg"},
    OperatorRow{"CumSum", "fh", "fhg"},
    OperatorRow{"DFT", "", ""},
    OperatorRow{"DeformConv", "", "fh"},
    OperatorRow{"DepthToSpace", "fhi", "fhgil"},
    OperatorRow{"DequantizeLinear", "c", "cen"},
    OperatorRow{"Det", "", ""},
    OperatorRow{"Div", "fhi", "fhgil"},
    OperatorRow{"Dropout", "fh", "fhg"},
    OperatorRow{"DynamicQuantizeLinear", "", ""},
    OperatorRow{"Einsum", "fh", "fhg"},
    OperatorRow{"Elu", "fhc", "fhg"},
    OperatorRow{"Equal", "fhi", "fhgil"},
    OperatorRow{"Erf", "fh", "fhg"},
    OperatorRow{"Exp", "fh", "fhg"},
    OperatorRow{"Expand", "fhib", "fhgilb"},
    OperatorRow{"EyeLike", "fhib", "fhgilb"},
    OperatorRow{"Flatten", "fhib", "fhgilb"},
    OperatorRow{"Floor", "fh", "fhg"},
    OperatorRow{"GRU", "fh", "fhg"},
    OperatorRow{"Gather", "fhcib", "fhgilb"},
    OperatorRow{"GatherElements", "fhcib", "fhgilb"},
    OperatorRow{"GatherND", "fhcib", "fhgilb"},
    OperatorRow{"Gelu", "", "fhgcil"},
    OperatorRow{"Gemm", "fhc", "fhg"},
    OperatorRow{"GlobalAveragePool", "fhc", "fhg"},
    OperatorRow{"GlobalLpPool", "fhc", "fhg"},
    OperatorRow{"GlobalMaxPool", "fhc", "fhg"},
    OperatorRow{"Greater", "fhi", "fhgil"},
    OperatorRow{"GreaterOrEqual", "fhi", "fhgil"},
    OperatorRow{"GridSample", "fh", "fh"},
    OperatorRow{"GroupNormalization", "fh", "fhg"},
    OperatorRow{"HammingWindow", "", ""},
    OperatorRow{"HannWindow", "", ""},
    OperatorRow{"HardSigmoid", "fhc", "fhg"},
    OperatorRow{"HardSwish", "fhc", "fhg"},
    OperatorRow{"Hardmax", "", "fhg"},
    OperatorRow{"Identity", "fhicb", "fhgilb"},
    OperatorRow{"If", "fhib", "fhgilb"},
    OperatorRow{"ImageDecoder", "", ""},
    OperatorRow{"ImageScaler", "fh", "fhg"},
    OperatorRow{"InstanceNormalization", "fh", "fhg"},
    OperatorRow{"IsInf", "fh", "fhg"},
    OperatorRow{"IsNaN", "fhi", "fhgil"},
    OperatorRow{"LRN", "fh", "fhg"},
    OperatorRow{"LSTM", "fh", "fhg"},
    OperatorRow{"LayerNormalization", "fh", "fhg"},
    OperatorRow{"LeakyRelu", "fhc", "fhg"},
    OperatorRow{"Less", "fhi", "fhgil"},
    OperatorRow{"LessOrEqual", "fhi", "fhgil"},
    OperatorRow{"Log", "fh", "fhg"},
    OperatorRow{"LogSoftmax", "fh", "fhg"},
    OperatorRow{"Loop", "fhib", "fhgilb"},
    OperatorRow{"LpNormalization", "fh", "fhg"},
    OperatorRow{"LpPool", "fhc", "fhg"},
    OperatorRow{"MatMul", "fh", "fhg"},
    OperatorRow{"MatMulInteger", "", ""},
    OperatorRow{"Max", "fhi", "fhgil"},
    OperatorRow{"MaxPool", "fhc", "fhg"},
    OperatorRow{"MaxRoiPool", "", ""},
    OperatorRow{"MaxUnpool", "", ""},
    OperatorRow{"Mean", "fhi", "fhgeil"},
    OperatorRow{"MeanVarianceNormalization", "fh", "fhg"},
    OperatorRow{"MelWeightMatrix", "", ""},
    OperatorRow{"Min", "fhi", "fhgil"},
    OperatorRow{"Mish", "", "fh"},
    OperatorRow{"Mod", "fhi", "fhgil"},
    OperatorRow{"Mul", "fhi", "fhgil"},
    OperatorRow{"Multinomial", "", ""},
    OperatorRow{"Neg", "fhi", "fhgil"},
    OperatorRow{"NegativeLogLikelihoodLoss", "", ""},
    OperatorRow{"NonMaxSuppression", "fh", "fh"},
    OperatorRow{"NonZero", "fh", "fh"},
    OperatorRow{"Not", "b", "b"},
    OperatorRow{"OneHot", "fhib", "fhgilb"},
    OperatorRow{"Optional", "", ""},
    OperatorRow{"OptionalGetElement", "", ""},
    OperatorRow{"OptionalHasElement", "", ""},
    OperatorRow{"Or", "b", "b"},
    OperatorRow{"PRelu", "fhc", "fhg"},
    OperatorRow{"Pad", "fhci", "fhgil"},
    OperatorRow{"ParametricSoftplus", "fhc", "fhg"},
    OperatorRow{"Pow", "fh", "fhg"},
    OperatorRow{"QLinearConv", "", ""},
    OperatorRow{"QLinearMatMul", "", ""},
    OperatorRow{"QuantizeLinear", "fh", "fhg"},
    OperatorRow{"RNN", "fh", "fhg"},
    OperatorRow{"RandomNormal", "fh", "fhg"},
    OperatorRow{"RandomNormalLike", "fh", "fhg"},
    OperatorRow{"RandomUniform", "fh", "fhg"},
    OperatorRow{"RandomUniformLike", "fh", "fhg"},
    OperatorRow{"Range", "fhi", "fhgil"},
    OperatorRow{"Reciprocal", "fh", "fhg"},
    OperatorRow{"ReduceL1", "fh", "fhgil"},
    OperatorRow{"ReduceL2", "fh", "fhgil"},
    OperatorRow{"ReduceLogSum", "fh", "fhgil"},
    OperatorRow{"ReduceLogSumExp", "fh", "fhgil"},
    OperatorRow{"ReduceMax", "fh", "fhgil"},
    OperatorRow{"ReduceMean", "fh", "fhgil"},
    OperatorRow{"ReduceMin", "fh", "fhgil"},
    OperatorRow{"ReduceProd", "fh", "fhgil"},
    OperatorRow{"ReduceSum", "fh", "fhgil"},
    OperatorRow{"ReduceSumSquare", "fh", "fhgil"},
    OperatorRow{"RegexFullMatch", "", ""},
    OperatorRow{"Relu", "fhc", "fhgil"},
    OperatorRow{"Reshape", "fhicb", "fhgilb"},
    OperatorRow{"Resize", "fh", "fhg"},
    OperatorRow{"ReverseSequence", "fhicb", "fhgilb"},
    OperatorRow{"RoiAlign", "fh", "fh"},
    OperatorRow{"Round", "fhc", "fhg"},
    OperatorRow{"STFT", "", ""},
    OperatorRow{"ScaledTanh", "fhc", "fhg"},
    OperatorRow{"Scan", "fh", "fhg"},
    OperatorRow{"Scatter", "fhci", "fhgil"},
    OperatorRow{"ScatterElements", "fhci", "fhgil"},
    OperatorRow{"ScatterND", "fhci", "fhgil"},
    OperatorRow{"Selu", "fhc", "fhg"},
    OperatorRow{"SequenceAt", "", ""},
    OperatorRow{"SequenceConstruct", "", ""},
    OperatorRow{"SequenceEmpty", "", ""},
    OperatorRow{"SequenceErase", "", ""},
    OperatorRow{"SequenceInsert", "", ""},
    OperatorRow{"SequenceLength", "", ""},
    OperatorRow{"SequenceMap", "", ""},
    OperatorRow{"Shape", "fhicb", "fhgilb"},
    OperatorRow{"Shrink", "fhi", "fhgil"},
    OperatorRow{"Sigmoid", "fhc", "fhg"},
    OperatorRow{"Sign", "fhci", "fhgil"},
    OperatorRow{"Sin", "fh", "fhg"},
    OperatorRow{"Sinh", "fh", "fhg"},
    OperatorRow{"Size", "fhicb", "fhgilb"},
    OperatorRow{"Slice", "fhicb", "fhgilb"},
    OperatorRow{"Softmax", "fh", "fhg"},
    OperatorRow{"SoftmaxCrossEntropyLoss", "", ""},
    OperatorRow{"Softplus", "fhc", "fhg"},
    OperatorRow{"Softsign", "fhc", "fhg"},
    OperatorRow{"SpaceToDepth", "fhi", "fhgil"},
    OperatorRow{"Split", "fhib", "fhgilb"},
    OperatorRow{"SplitToSequence", "", ""},
    OperatorRow{"Sqrt", "fh", "fhg"},
    OperatorRow{"Squeeze", "fhicb", "fhgilb"},
    OperatorRow{"StringConcat", "", ""},
    OperatorRow{"StringNormalizer", "", ""},
    OperatorRow{"StringSplit", "", ""},
    OperatorRow{"Sub", "fhi", "fhgil"},
    OperatorRow{"Sum", "fhi", "fhgil"},
    OperatorRow{"Tan", "fh", "fhg"},
    OperatorRow{"Tanh", "fhc", "fhg"},
    OperatorRow{"TfIdfVectorizer", "", ""},
    OperatorRow{"ThresholdedRelu", "fhc", "fhg"},
    OperatorRow{"Tile", "fhib", "fhgilb"},
    OperatorRow{"TopK", "fhi", "fhgil"},
    OperatorRow{"Transpose", "fhicb", "fhgilb"},
    OperatorRow{"Trilu", "fhicb", "fhgilb"},
    OperatorRow{"Unique", "", ""},
    OperatorRow{"Unsqueeze", "fhicb", "fhgilb"},
    OperatorRow{"Upsample", "fh", "fhg"},
    OperatorRow{"Where", "fhib", "fhgilb"},
    OperatorRow{"Xor", "b", "b"},
};

// DOUBLE becomes FLOAT before the operator sees it, and INT64 INT32 where there is no INT64.
DType AsImported(DType dtype, const TensorRt& version) {
  if (dtype == DType::kF64) return DType::kF32;
  return !version.int64 && dtype == DType::kI64 ? DType::kI32 : dtype;
}

std::string_view LettersOf(std::string_view op_type, const TensorRt& version) {
  const auto* row = std::lower_bound(kOperatorRows.begin(), kOperatorRows.end(), op_type,
                                     [](const OperatorRow& r, std::string_view name) { return r.op_type < name; });
  if (row == kOperatorRows.end() || row->op_type != op_type) return {};
  return version.from.major < 10 ? row->types86 : row->types10;
}

bool HasLetterOf(std::string_view letters, DType dtype) {
  return std::any_of(kLetters.begin(), kLetters.end(), [&](const Letter& l) {
    return l.dtype == dtype && letters.find(l.letter) != std::string_view::npos;
  });
}

}  // namespace

bool HasOperator(std::string_view op_type, const TensorRt& version) { return !LettersOf(op_type, version).empty(); }

bool TakesType(std::string_view op_type, DType dtype, const TensorRt& version) {
  return HasLetterOf(LettersOf(op_type, version), AsImported(dtype, version));
}

bool KnowsType(DType dtype, const TensorRt& version) {
  return HasLetterOf(version.element_types, AsImported(dtype, version));
}

}  // namespace vlaq::target
