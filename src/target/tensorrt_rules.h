// The rules of TensorRT's ONNX importers and builders, each once: what it says, of which versions, what to emit instead
// and where it was read. The graphs that break them are found by check, plans that would by quantizing. Ids are
// those of docs/check.md; a letter splits what one row of the list behind it says. Included by rules.h.
#pragma once

#include <array>
#include <string_view>

#include "target/tensorrt.h"

namespace vlaq::target {

// kError: the importer or builder refuses the graph, or computes something else. kWarning: it is taken, with a loss or
// a risk. kNote: worth knowing.
enum class Severity { kNote, kWarning, kError };
std::string_view SeverityName(Severity severity);

struct Rule {
  std::string_view id;
  Applies applies = nullptr;  // to versions of TensorRT; null: not a rule of TensorRT
  Severity severity = Severity::kNote;
  std::string_view meaning;  // what TensorRT does, or why a plan is as it is
  std::string_view fix;      // what to emit instead; "" for a reason of plans
  std::string_view source;
  // In graphs that vlaq writes for TensorRT this is meant so: of its own bundles it is told only if asked for.
  bool by_design = false;
};

// The versions that rules speak of, by number and by fact.
inline constexpr Applies kBoth = [](const TensorRt&) { return true; };
inline constexpr Applies kOnly86 = [](const TensorRt& version) { return version.from.major == 8; };
inline constexpr Applies k10 = [](const TensorRt& version) { return version.from.major >= 10; };
inline constexpr Applies kBefore103 = [](const TensorRt& version) { return version.from < Version{10, 3, 0}; };
inline constexpr Applies kInt64 = [](const TensorRt& version) { return version.int64; };
inline constexpr Applies kNoInt64 = [](const TensorRt& version) { return !version.int64; };
inline constexpr Applies kFunctions = [](const TensorRt& version) { return version.local_functions; };
inline constexpr Applies kNoFunctions = [](const TensorRt& version) { return !version.local_functions; };
inline constexpr Applies kNeedsZeros = [](const TensorRt& version) { return version.needs_zero_points; };
inline constexpr Applies kNoZeros = [](const TensorRt& version) { return !version.needs_zero_points; };
inline constexpr Applies kFloat32Scales = [](const TensorRt& version) { return version.float32_scales_only; };
inline constexpr Applies kOtherScales = [](const TensorRt& version) { return !version.float32_scales_only; };
inline constexpr Applies kHasInt4 = [](const TensorRt& version) { return version.takes.int4; };
inline constexpr Applies kNoInt4 = [](const TensorRt& version) { return !version.takes.int4; };
inline constexpr Applies kNoContrib = [](const TensorRt& version) { return !version.takes.contrib_operators; };
inline constexpr Applies kNoDynamicInt8 = [](const TensorRt& version) { return !version.takes.dynamic_int8; };
inline constexpr Applies kSymmetric = [](const TensorRt& version) { return !version.takes.asymmetric_activations; };
inline constexpr Applies kInt8Weights = [](const TensorRt& version) {
  return !version.takes.float_weights_before_quantize;
};
inline constexpr Applies kFloatWeights = [](const TensorRt& version) {
  return version.takes.float_weights_before_quantize;
};

// Sources that many rules have.
inline constexpr std::string_view kImporters = "onnx-tensorrt 8.6-GA and 10.1-GA";
inline constexpr std::string_view kOperatorTable = "onnx-tensorrt docs/operators.md, 8.6-GA and 10.1-GA";

// In the order of docs/check.md.
inline constexpr auto kTensorRtRules = [] {
  using enum Severity;
  return std::array{
      Rule{"TRT-G01", kOnly86, kError, "documents opsets up to 17; its importer reads newer files and may misread them",
           "opset 17", "onnx-tensorrt docs/operators.md"},
      Rule{"TRT-G02", k10, kError, "documents opsets 9 to 20; its importer reads newer files and may misread them",
           "opset 17 to 20", "onnx-tensorrt docs/operators.md"},
      Rule{"TRT-G03a", kNoInt64, kError, "INT64 constants become INT32 and are clamped, which changes this one",
           "keep integer constants within int32", kImporters},
      Rule{"TRT-G03b", kNoInt64, kWarning,
           "INT64 constants become INT32 and are clamped; as a bound of Slice that means the same",
           "2147483647 for \"to the end\"", kImporters, true},
      Rule{"TRT-G03c", kNoInt64, kNote,
           "INT64 constants become INT32; these fit, and the importer warns of them all the same", "nothing",
           kImporters},
      Rule{"TRT-G04a", kNoInt64, kWarning, "INT64 inputs and outputs become INT32 bindings",
           "read the binding's type from the engine, or declare INT32", kImporters, true},
      Rule{"TRT-G04b", kInt64, kNote, "INT64 inputs and outputs are INT64 bindings, which they were not in 8.6",
           "read the binding's type from the engine", "NvInfer.h of 10.3", true},
      Rule{"TRT-G05", kBoth, kWarning, "DOUBLE becomes FLOAT, clamped to its range", "FLOAT",
           "onnx-tensorrt docs/operators.md"},
      Rule{"TRT-G06", kBoth, kError, "protobuf reads files below 2 GiB only", "weights in a file beside the .onnx",
           kImporters},
      Rule{"TRT-G20a", kNoFunctions, kError, "its importer knows no functions of the model's own",
           "export without functions, or inline them", "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-G20b", kFunctions, kWarning,
           "functions of the model's own are imported, but no rule was held against what is in them",
           "inline them and ask again", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-T01", kBoth, kError, "has no tensors of this element type", "FLOAT, FLOAT16, INT32, INT64 or BOOL",
           "onnx-tensorrt docs/operators.md"},
      Rule{"TRT-Q16a", kHasInt4, kWarning, "opset 21, which INT4 needs, is read, but its documents end at 20",
           "try the graph on the exact version before relying on it", "onnx-tensorrt 10.1-GA; an open question"},
      Rule{"FP-05", kBoth, kWarning, "with FP16 this constant becomes zero",
           "keep its operator in float32, or raise the constant knowingly", "IEEE 754 binary16", true},
      Rule{"FP-06", kBoth, kWarning, "with FP16 this constant becomes infinite, and a mask made by multiplication NaN",
           "-10000 for a mask, or Where", "IEEE 754 binary16", true},
      Rule{"TRT-G07", kOnly86, kError, "has no Gelu", "0.5 x (1 + Erf(x / sqrt 2))", kOperatorTable},
      Rule{"TRT-G08", kNoContrib, kError,
           "has no operators of other domains, com.microsoft's among them, unless somebody writes a plugin",
           "operators of ai.onnx; quick_gelu is x Sigmoid(1.702 x)",
           "onnx-tensorrt, the importer's fallback to plugins"},
      Rule{"TRT-G09", kNoDynamicInt8, kError,
           "does not compute in integers except between QuantizeLinear and DequantizeLinear",
           "QuantizeLinear and DequantizeLinear around float operators: vlaq quantize --target tensorrt-...",
           kOperatorTable},
      Rule{"TRT-G19", kBoth, kWarning,
           "is an operator of the plugin library, which has to be loaded and can differ by version",
           "initLibNvInferPlugins before parsing (trtexec does it)", "TensorRT's plugin folder"},
      Rule{"TRT-O01", kBoth, kError, "does not have this operator", "compose it of operators that the table has",
           kOperatorTable},
      Rule{"TRT-T02a", kBoth, kError, "computes this operator on floating-point numbers only", "Cast to FLOAT and back",
           kOperatorTable},
      Rule{"TRT-T02b", kBoth, kWarning, "its table does not list this operator for this element type",
           "Cast to a listed type and back", kOperatorTable, true},
      Rule{"TRT-T03", kBoth, kError, "UINT8 is for inputs and outputs, which a Cast reads or makes", "Cast first",
           "onnx-tensorrt docs/operators.md, 10.1-GA"},
      Rule{"TRT-G10a", kBoth, kError,
           "LayerNormalization gives its first output only, and a missing scale counts as 0 in 10.1",
           "scale and bias given, only the first output", kOperatorTable},
      Rule{"TRT-G10b", kBoth, kWarning,
           "a LayerNormalization without bias takes the importer's fallback, which differs by version",
           "a bias of zeros", "onnx-tensorrt 8.6-GA and 10.1-GA"},
      Rule{"TRT-G11", kBoth, kWarning, "with FP16 the squares of a LayerNormalization in pieces overflow",
           "the operator LayerNormalization (opset 17)", "NVIDIA/TensorRT issues 2564, 3101, 4493"},
      Rule{"TRT-G12", kOnly86, kError, "Einsum has no ellipsis, no diagonal and only the letters a to z",
           "Transpose and MatMul", kOperatorTable},
      Rule{"TRT-G13", kBoth, kError, "axes must be known when the engine is built", "axes as an initializer",
           kOperatorTable},
      Rule{"TRT-G14a", kBoth, kWarning, "TopK sorts, whatever it is asked for", "sorted = 1", kOperatorTable},
      Rule{"TRT-G14b", k10, kError, "TopK gives fewer than 3840 values", "a smaller K", kOperatorTable},
      Rule{"TRT-G14c", k10, kError, "OneHot's depth must be known when the engine is built", "depth as an initializer",
           kOperatorTable},
      Rule{"TRT-G15a", kBoth, kError, "pools over at most 3 axes", "ReduceMax or ReduceMean", kOperatorTable},
      Rule{"TRT-G15b", kBoth, kError, "MaxPool gives no indices", "ReduceMax, ArgMax", kOperatorTable},
      Rule{"TRT-G15c", kBoth, kError, "pools without dilations", "Slice with steps before the pool", kOperatorTable},
      Rule{"TRT-A01", kOnly86, kError, "does not look at start and end of Shape, and gives all extents",
           "Shape, then Slice", "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-A02a", kOnly86, kError, "does not look at antialias, keep_aspect_ratio_policy and axes of Resize",
           "antialias = 0 and stretch, or resize before the model; scales or sizes for all axes",
           "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-A02b", k10, kError, "resizes without antialiasing, and only to stretch",
           "antialias = 0 and keep_aspect_ratio_policy = stretch, or resize before the model", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-A02c", kBoth, kError, "does not have this mode of Resize",
           "half_pixel, pytorch_half_pixel, asymmetric or align_corners", kImporters},
      Rule{"TRT-A02d", kBoth, kError, "resizes linearly over the last 3 axes at most, by cubes over 2",
           "several Resize, or nearest", kImporters},
      Rule{"TRT-A03", kOnly86, kError,
           "does not look at the reduction of ScatterElements and ScatterND, and overwrites",
           "Slice and Concat, or Add of a Where", "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-A04", k10, kWarning, "reduces in ScatterElements by a plugin, which has to be loaded",
           "initLibNvInferPlugins before parsing (trtexec does it), or Slice and Concat", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-G16", k10, kError, "refuses ScatterND with the attribute reduction, even none",
           "the attribute left out if it is none; else Slice and Concat, or Add of a Where", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-A05", kBoth, kError, "cannot infer which axes a Squeeze without axes drops from a dynamic shape",
           "axes", kImporters},
      Rule{"TRT-A06", kBoth, kError, "does not train: BatchNormalization and Dropout must be as in inference",
           "model.eval() before the export", kImporters},
      Rule{"TRT-A07", kBoth, kError, "does not look at this, and computes as if it were not there",
           "the same said without it", kImporters},
      Rule{"TRT-A08", kBoth, kError, "does not have this mode, or reads it as another",
           "for Pad constant, edge or reflect over all axes; for GridSample bilinear, bicubic or nearest", kImporters},
      Rule{"TRT-A09", kBoth, kError, "has the norms of p = 1 and 2 only", "Abs, Pow and a sum", kImporters},
      Rule{"TRT-A10", kBoth, kWarning,
           "may divide by another count at the edge than ONNX where windows overhang the padding",
           "pads so that every window fits, and ceil_mode = 0", "the pooling layer's rounding modes, NvInfer.h"},
      Rule{"TRT-A12", kBoth, kError, "wants extents that are known when the engine is built",
           "fixed extents; for EyeLike a constant, for Hardmax ArgMax and OneHot", kImporters},
      Rule{"TRT-A11", kBoth, kWarning, "ignores seed: other numbers than ONNX Runtime's, and others each time",
           "the noise as an input", kOperatorTable},
      Rule{"TRT-S01", kBoth, kError, "shapes are computed from shapes and integers, not from floating-point values",
           "fixed shapes, or an INT32 input that carries the shape", "TensorRT's developer guide on shape tensors"},
      Rule{"TRT-S02", kBoth, kWarning,
           "an input whose values are a shape needs these values, not its shape, in the profile",
           "fixed shapes, or values for --minShapes, --optShapes and --maxShapes",
           "TensorRT's developer guide on shape tensors"},
      Rule{"TRT-S03", kBoth, kNote, "an input with dynamic axes needs a profile",
           "--minShapes, --optShapes and --maxShapes", "TensorRT's developer guide on dynamic shapes"},
      Rule{"TRT-S04", kBoth, kError, "an input that declares no shape is taken for one of unknown rank or for a scalar",
           "declare its rank, with names for dynamic axes", "TensorRT's developer guide on dynamic shapes"},
      Rule{"TRT-S05", kOnly86, kWarning,
           "shape tensors have one axis at most; computed through more, 8.0 to 8.5 failed",
           "fixed sizes, or pad outside of the model",
           "onnx-tensorrt 8.6-GA, ShapeTensor.cpp; users' reports of 8.0 to 8.5"},
      Rule{"TRT-G17", k10, kError, "what a Loop gathers must have a length known when the engine is built",
           "a constant number of turns, or the loop unrolled", kOperatorTable},
      Rule{"TRT-G18a", kBoth, kError, "the branches of If must name their outputs differently", "rename one",
           kOperatorTable},
      Rule{"TRT-G18b", kBoth, kError, "the branches of If must give outputs of one rank (8.6: that broadcast)",
           "Unsqueeze the smaller one, or Where instead of If", kOperatorTable},
      Rule{"TRT-L01", kBoth, kError, "has no coupled input and forget gates",
           "input_forget = 0, with weights for both gates", "onnx-tensorrt 8.6-GA and 10.1-GA"},
      Rule{"TRT-L02", kBoth, kError, "does not look at layout: a batch would be read as time",
           "layout = 0, with Transposes around it", kOperatorTable},
      Rule{"TRT-L03", kBoth, kError, "uses the same activations in both directions", "one node for each direction",
           kOperatorTable},
      Rule{"TRT-L03a", kBoth, kError, "uses the same parameters of activations in both directions",
           "one node for each direction", kImporters},
      Rule{"TRT-L04", kBoth, kError, "does not have this activation", "Sigmoid, Tanh, Relu and their kin",
           "onnx-tensorrt, the importer's attributes"},
      Rule{"TRT-L06", kBoth, kError, "wants hidden_size, which ONNX lets out", "hidden_size", kImporters},
      Rule{"TRT-L05", kBoth, kNote, "becomes a loop of matrix products without INT8 kernels",
           "nothing; for a fixed window it can be unrolled", kOperatorTable},
      Rule{"TRT-Q01a", kNeedsZeros, kError, "wants all three inputs", "INT8 zeros, as many as scales",
           "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-Q01b", kNoZeros, kWarning, "reads a missing zero point as INT8, where ONNX says UINT8",
           "INT8 zeros, as many as scales", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q02", kSymmetric, kError, "quantizes symmetrically only",
           "zero points of zero: vlaq quantize --target tensorrt-...", kImporters},
      Rule{"TRT-Q03a", kOnly86, kError, "has no UINT8 in Q/DQ", "INT8", "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-Q03b", k10, kError, "does not quantize to UINT8", "INT8", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q03c", k10, kError, "refuses UINT8 data, and reads a UINT8 zero point as INT8", "INT8",
           "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q09", kBoth, kError, "takes scales by channel for weights only",
           "one scale for an activation; a constant behind scales by channel",
           "NvInfer.h, IQuantizeLayer and IDequantizeLayer"},
      Rule{"TRT-Q10", kOnly86, kError, "quantizes FP32 tensors only", "a float32 tensor in front of QuantizeLinear",
           "NvInfer.h 8.6.1"},
      Rule{"TRT-Q11a", k10, kWarning, "with strong typing a tensor must have its scale's type",
           "a Cast, or a scale of the tensor's type", "NvInfer.h 10.3"},
      Rule{"TRT-Q11b", k10, kError, "quantizes no scalars", "a tensor of rank 1 or more", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q11c", k10, kError, "wants output_dtype and zero point to agree", "leave output_dtype out",
           "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q12", kBoth, kError, "does not dequantize INT32", "a float bias", "onnx-tensorrt issue 850"},
      Rule{"TRT-Q13", kFloatWeights, kError,
           "INT8 constants as weights were refused by earlier 8.x; whether 8.6 builds them is not known",
           "a float32 weight, QuantizeLinear, DequantizeLinear", "microsoft/onnxruntime issue 11535"},
      Rule{"TRT-Q14", kInt8Weights, kNote, "takes INT8 constants as weights, a quarter of the bytes",
           "vlaq quantize --target tensorrt-10", "TensorRT's developer guide"},
      Rule{"TRT-Q15a", kNoInt4, kError, "has neither FP8 nor INT4 in Q/DQ", "INT8", "NvInfer.h 8.6.1"},
      Rule{"TRT-Q15b", k10, kError, "trtexec does not take FP8 and INT8 together", "one of them",
           "NVIDIA/TensorRT 10.3, sampleOptions.cpp"},
      Rule{"TRT-Q17", kBoth, kNote, "a model with Q/DQ must not be given a calibration table", "no --calib",
           "TensorRT's developer guide"},
      Rule{"TRT-Q04", kFloat32Scales, kError, "reads scales as FP32, whatever their type", "FP32 scales",
           "onnx-tensorrt 8.6-GA"},
      Rule{"TRT-Q05", kOtherScales, kError, "takes scales of other types than FP32 from opset 19 on",
           "FP32 scales, or opset 19", "onnx-tensorrt 10.1-GA"},
      Rule{"TRT-Q06", kBoth, kError, "wants scales above zero", "1 for what is always zero", kImporters},
      Rule{"TRT-Q07", kBoth, kError, "scales and zero points must be known when the engine is built", "initializers",
           kImporters},
      Rule{"TRT-Q08a", kBoth, kError, "scales by channel without an axis are read along axis 0, where ONNX says 1",
           "write axis", kImporters},
      Rule{"TRT-Q08b", kBoth, kError, "wants one scale for each channel of the axis",
           "axis 1 for MatMul's weight, 0 for Conv's and for Gemm's with transB", kImporters},
      Rule{"TRT-Q08c", kBoth, kError, "wants as many zero points as scales", "one zero for each scale", kImporters},
      Rule{"TRT-Q16", kHasInt4, kError,
           "takes INT4 as a matrix with an even last axis and blocks along exactly one axis",
           "two axes, a scale for each block", "onnx-tensorrt 10.1-GA"},
  };
}();

}  // namespace vlaq::target
