#include "preflight/operator_table.h"

#include <algorithm>
#include <array>

namespace vlaq::preflight {
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

// The types of an operator's data in TensorRT 8.6 and 10.1 (docs/operators.md of onnx-tensorrt's branches 8.6-GA and
// 10.1-GA); empty: the version does not have it.
struct Row {
  std::string_view op_type;
  std::string_view types86, types10;
};
constexpr std::array kRows = {
    Row{"Abs", "fhi", "fhgil"},
    Row{"Acos", "fh", "fhg"},
    Row{"Acosh", "fh", "fhg"},
    Row{"Add", "fhi", "fhgil"},
    Row{"AffineGrid", "", ""},
    Row{"And", "b", "b"},
    Row{"ArgMax", "fhi", "fhgil"},
    Row{"ArgMin", "fhi", "fhgil"},
    Row{"Asin", "fh", "fhg"},
    Row{"Asinh", "fh", "fhg"},
    Row{"Atan", "fh", "fhg"},
    Row{"Atanh", "fh", "fhg"},
    Row{"AveragePool", "fhci", "fhg"},
    Row{"BatchNormalization", "fh", "fhg"},
    Row{"Bernoulli", "", ""},
    Row{"BitShift", "", ""},
    Row{"BitwiseAnd", "", ""},
    Row{"BitwiseNot", "", ""},
    Row{"BitwiseOr", "", ""},
    Row{"BitwiseXor", "", ""},
    Row{"BlackmanWindow", "", ""},
    Row{"Cast", "fhicub", "fhgilub"},
    Row{"CastLike", "", "fhgilub"},
    Row{"Ceil", "fh", "fhg"},
    Row{"Celu", "fh", "fhg"},
    Row{"CenterCropPad", "", ""},
    Row{"Clip", "fhc", "fhg"},
    Row{"Col2Im", "", ""},
    Row{"Compress", "", ""},
    Row{"Concat", "fhicb", "fhgilb"},
    Row{"ConcatFromSequence", "", ""},
    Row{"Constant", "fhicb", "fhgilb"},
    Row{"ConstantOfShape", "f", "fhgilb"},
    Row{"Conv", "fhc", "fhg"},
    Row{"ConvInteger", "", ""},
    Row{"ConvTranspose", "fhc", "fhg"},
    Row{"Cos", "fh", "fhg"},
    Row{"Cosh", "fh", "fhg"},
    Row{"CumSum", "fh", "fhg"},
    Row{"DFT", "", ""},
    Row{"DeformConv", "", "fh"},
    Row{"DepthToSpace", "fhi", "fhgil"},
    Row{"DequantizeLinear", "c", "cen"},
    Row{"Det", "", ""},
    Row{"Div", "fhi", "fhgil"},
    Row{"Dropout", "fh", "fhg"},
    Row{"DynamicQuantizeLinear", "", ""},
    Row{"Einsum", "fh", "fhg"},
    Row{"Elu", "fhc", "fhg"},
    Row{"Equal", "fhi", "fhgil"},
    Row{"Erf", "fh", "fhg"},
    Row{"Exp", "fh", "fhg"},
    Row{"Expand", "fhib", "fhgilb"},
    Row{"EyeLike", "fhib", "fhgilb"},
    Row{"Flatten", "fhib", "fhgilb"},
    Row{"Floor", "fh", "fhg"},
    Row{"GRU", "fh", "fhg"},
    Row{"Gather", "fhcib", "fhgilb"},
    Row{"GatherElements", "fhcib", "fhgilb"},
    Row{"GatherND", "fhcib", "fhgilb"},
    Row{"Gelu", "", "fhgcil"},
    Row{"Gemm", "fhc", "fhg"},
    Row{"GlobalAveragePool", "fhc", "fhg"},
    Row{"GlobalLpPool", "fhc", "fhg"},
    Row{"GlobalMaxPool", "fhc", "fhg"},
    Row{"Greater", "fhi", "fhgil"},
    Row{"GreaterOrEqual", "fhi", "fhgil"},
    Row{"GridSample", "fh", "fh"},
    Row{"GroupNormalization", "fh", "fhg"},
    Row{"HammingWindow", "", ""},
    Row{"HannWindow", "", ""},
    Row{"HardSigmoid", "fhc", "fhg"},
    Row{"HardSwish", "fhc", "fhg"},
    Row{"Hardmax", "", "fhg"},
    Row{"Identity", "fhicb", "fhgilb"},
    Row{"If", "fhib", "fhgilb"},
    Row{"ImageDecoder", "", ""},
    Row{"ImageScaler", "fh", "fhg"},
    Row{"InstanceNormalization", "fh", "fhg"},
    Row{"IsInf", "fh", "fhg"},
    Row{"IsNaN", "fhi", "fhgil"},
    Row{"LRN", "fh", "fhg"},
    Row{"LSTM", "fh", "fhg"},
    Row{"LayerNormalization", "fh", "fhg"},
    Row{"LeakyRelu", "fhc", "fhg"},
    Row{"Less", "fhi", "fhgil"},
    Row{"LessOrEqual", "fhi", "fhgil"},
    Row{"Log", "fh", "fhg"},
    Row{"LogSoftmax", "fh", "fhg"},
    Row{"Loop", "fhib", "fhgilb"},
    Row{"LpNormalization", "fh", "fhg"},
    Row{"LpPool", "fhc", "fhg"},
    Row{"MatMul", "fh", "fhg"},
    Row{"MatMulInteger", "", ""},
    Row{"Max", "fhi", "fhgil"},
    Row{"MaxPool", "fhc", "fhg"},
    Row{"MaxRoiPool", "", ""},
    Row{"MaxUnpool", "", ""},
    Row{"Mean", "fhi", "fhgeil"},
    Row{"MeanVarianceNormalization", "fh", "fhg"},
    Row{"MelWeightMatrix", "", ""},
    Row{"Min", "fhi", "fhgil"},
    Row{"Mish", "", "fh"},
    Row{"Mod", "fhi", "fhgil"},
    Row{"Mul", "fhi", "fhgil"},
    Row{"Multinomial", "", ""},
    Row{"Neg", "fhi", "fhgil"},
    Row{"NegativeLogLikelihoodLoss", "", ""},
    Row{"NonMaxSuppression", "fh", "fh"},
    Row{"NonZero", "fh", "fh"},
    Row{"Not", "b", "b"},
    Row{"OneHot", "fhib", "fhgilb"},
    Row{"Optional", "", ""},
    Row{"OptionalGetElement", "", ""},
    Row{"OptionalHasElement", "", ""},
    Row{"Or", "b", "b"},
    Row{"PRelu", "fhc", "fhg"},
    Row{"Pad", "fhci", "fhgil"},
    Row{"ParametricSoftplus", "fhc", "fhg"},
    Row{"Pow", "fh", "fhg"},
    Row{"QLinearConv", "", ""},
    Row{"QLinearMatMul", "", ""},
    Row{"QuantizeLinear", "fh", "fhg"},
    Row{"RNN", "fh", "fhg"},
    Row{"RandomNormal", "fh", "fhg"},
    Row{"RandomNormalLike", "fh", "fhg"},
    Row{"RandomUniform", "fh", "fhg"},
    Row{"RandomUniformLike", "fh", "fhg"},
    Row{"Range", "fhi", "fhgil"},
    Row{"Reciprocal", "fh", "fhg"},
    Row{"ReduceL1", "fh", "fhgil"},
    Row{"ReduceL2", "fh", "fhgil"},
    Row{"ReduceLogSum", "fh", "fhgil"},
    Row{"ReduceLogSumExp", "fh", "fhgil"},
    Row{"ReduceMax", "fh", "fhgil"},
    Row{"ReduceMean", "fh", "fhgil"},
    Row{"ReduceMin", "fh", "fhgil"},
    Row{"ReduceProd", "fh", "fhgil"},
    Row{"ReduceSum", "fh", "fhgil"},
    Row{"ReduceSumSquare", "fh", "fhgil"},
    Row{"RegexFullMatch", "", ""},
    Row{"Relu", "fhc", "fhgil"},
    Row{"Reshape", "fhicb", "fhgilb"},
    Row{"Resize", "fh", "fhg"},
    Row{"ReverseSequence", "fhicb", "fhgilb"},
    Row{"RoiAlign", "fh", "fh"},
    Row{"Round", "fhc", "fhg"},
    Row{"STFT", "", ""},
    Row{"ScaledTanh", "fhc", "fhg"},
    Row{"Scan", "fh", "fhg"},
    Row{"Scatter", "fhci", "fhgil"},
    Row{"ScatterElements", "fhci", "fhgil"},
    Row{"ScatterND", "fhci", "fhgil"},
    Row{"Selu", "fhc", "fhg"},
    Row{"SequenceAt", "", ""},
    Row{"SequenceConstruct", "", ""},
    Row{"SequenceEmpty", "", ""},
    Row{"SequenceErase", "", ""},
    Row{"SequenceInsert", "", ""},
    Row{"SequenceLength", "", ""},
    Row{"SequenceMap", "", ""},
    Row{"Shape", "fhicb", "fhgilb"},
    Row{"Shrink", "fhi", "fhgil"},
    Row{"Sigmoid", "fhc", "fhg"},
    Row{"Sign", "fhci", "fhgil"},
    Row{"Sin", "fh", "fhg"},
    Row{"Sinh", "fh", "fhg"},
    Row{"Size", "fhicb", "fhgilb"},
    Row{"Slice", "fhicb", "fhgilb"},
    Row{"Softmax", "fh", "fhg"},
    Row{"SoftmaxCrossEntropyLoss", "", ""},
    Row{"Softplus", "fhc", "fhg"},
    Row{"Softsign", "fhc", "fhg"},
    Row{"SpaceToDepth", "fhi", "fhgil"},
    Row{"Split", "fhib", "fhgilb"},
    Row{"SplitToSequence", "", ""},
    Row{"Sqrt", "fh", "fhg"},
    Row{"Squeeze", "fhicb", "fhgilb"},
    Row{"StringConcat", "", ""},
    Row{"StringNormalizer", "", ""},
    Row{"StringSplit", "", ""},
    Row{"Sub", "fhi", "fhgil"},
    Row{"Sum", "fhi", "fhgil"},
    Row{"Tan", "fh", "fhg"},
    Row{"Tanh", "fhc", "fhg"},
    Row{"TfIdfVectorizer", "", ""},
    Row{"ThresholdedRelu", "fhc", "fhg"},
    Row{"Tile", "fhib", "fhgilb"},
    Row{"TopK", "fhi", "fhgil"},
    Row{"Transpose", "fhicb", "fhgilb"},
    Row{"Trilu", "fhicb", "fhgilb"},
    Row{"Unique", "", ""},
    Row{"Unsqueeze", "fhicb", "fhgilb"},
    Row{"Upsample", "fh", "fhg"},
    Row{"Where", "fhib", "fhgilb"},
    Row{"Xor", "b", "b"},
};

// 8.6 turns INT64 into INT32 and both turn DOUBLE into FLOAT before the operator sees it.
DType AsImported(DType dtype, bool old) {
  if (dtype == DType::kF64) return DType::kF32;
  return old && dtype == DType::kI64 ? DType::kI32 : dtype;
}

std::string_view LettersOf(std::string_view op_type, const Version& version) {
  const auto* row = std::lower_bound(kRows.begin(), kRows.end(), op_type,
                                     [](const Row& r, std::string_view name) { return r.op_type < name; });
  if (row == kRows.end() || row->op_type != op_type) return {};
  return version.number < 1000 ? row->types86 : row->types10;
}

}  // namespace

bool HasOperator(std::string_view op_type, const Version& version) { return !LettersOf(op_type, version).empty(); }

bool TakesType(std::string_view op_type, DType dtype, const Version& version) {
  const std::string_view letters = LettersOf(op_type, version);
  const DType wanted = AsImported(dtype, version.number < 1000);
  return std::any_of(kLetters.begin(), kLetters.end(), [&](const Letter& l) {
    return l.dtype == wanted && letters.find(l.letter) != std::string_view::npos;
  });
}

bool KnowsType(DType dtype, const Version& version) {
  const bool old = version.number < 1000;
  constexpr std::string_view kSince10 = "gne";  // BF16, INT4, FP8
  const DType wanted = AsImported(dtype, old);
  return std::any_of(kLetters.begin(), kLetters.end(), [&](const Letter& l) {
    return l.dtype == wanted && !(old && kSince10.find(l.letter) != std::string_view::npos);
  });
}

}  // namespace vlaq::preflight
