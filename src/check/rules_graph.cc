// Rules about the file as a whole: opsets, element types, ranges of constants, size.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "check/graph_view.h"
#include "check/rule.h"
#include "target/operator_table.h"

namespace vlaq::check {
namespace {

using target::kNoInt4;
using target::KnowsType;

// Larger constants are weights: what float16 does to those is `vlaq quantize`'s report. Masks are larger.
constexpr int64_t kSmallConstant = 16;
constexpr int64_t kMaskConstant = int64_t{256} * 256;
constexpr float kLargestHalf = 65504;
constexpr float kSmallestHalf = 0x1p-25F;  // and below: rounds to zero

// What is read though the documents end before it: of such opsets TRT-Q16a speaks.
bool IsUndocumented(const GraphView& view) {
  const Version& version = view.version();
  return view.opset() > version.documented_opset && view.opset() <= version.takes.newest_opset;
}

void Opset(const GraphView& view, Findings& findings) {
  const Version& version = view.version();
  const int64_t opset = view.opset();
  const bool documented = opset >= version.oldest_opset && opset <= version.documented_opset;
  if (view.is_subgraph() || documented || IsUndocumented(view)) return;
  findings.Add("",
               fmt::format("opset {}, documented are {} to {}", opset, version.oldest_opset, version.documented_opset));
}

void OpsetOfInt4(const GraphView& view, Findings& findings) {
  if (!view.is_subgraph() && IsUndocumented(view)) findings.Add("", fmt::format("opset {}", view.opset()));
}

void LocalFunctions(const GraphView& view, Findings& findings) {
  if (view.is_subgraph() || view.model().local_functions == 0) return;
  findings.Add("", fmt::format("{} functions, into which vlaq does not look", view.model().local_functions));
}

// A Constant's value, and the one that ConstantOfShape repeats.
std::optional<Tensor> ValueOf(const onnx::Node& node) {
  const Tensor* repeated = node.op_type == "ConstantOfShape" ? node.TensorAttribute("value") : nullptr;
  return repeated != nullptr && node.domain.empty() ? std::optional(*repeated) : onnx::ConstantOf(node);
}

// Every constant of the graph: initializers (read only if `wanted`) and nodes that hold one.
using OnConstant = std::function<void(const std::string& name, const Tensor& value)>;
void ForConstants(const GraphView& view, bool (*wanted)(DType dtype, int64_t elements), const OnConstant& act) {
  for (const onnx::Initializer& initializer : view.graph().initializers) {
    if (!wanted(initializer.dtype, ElementCount(initializer.shape).value_or(0))) continue;
    if (const auto value = view.Value(initializer.name)) act(initializer.name, *value);
  }
  for (const onnx::Node& node : view.graph().nodes) {
    const auto value = ValueOf(node);
    if (value && !node.outputs.empty() && wanted(value->dtype(), value->size())) act(node.outputs[0], *value);
  }
}

// The first value outside of int32, if there is one.
std::optional<int64_t> Outside32(const Tensor& tensor) {
  for (size_t at = 0; at + sizeof(int64_t) <= tensor.bytes().size(); at += sizeof(int64_t)) {
    int64_t value = 0;
    std::memcpy(&value, tensor.bytes().data() + at, sizeof value);
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) return value;
  }
  return std::nullopt;
}

bool IsInt64(DType dtype, int64_t /*elements*/) { return dtype == DType::kI64; }

// Bounds of a Slice mean "to the end" when they are large, clamped or not.
bool OnlyBounds(const GraphView& view, const std::string& name) {
  const auto& readers = view.Readers(name);
  return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](const onnx::Node* node) {
    return node->op_type == "Slice" && InputName(*node, 0) != name && InputName(*node, 3) != name;
  });
}

void LargeIntegers(const GraphView& view, Findings& findings, bool bounds) {
  ForConstants(view, IsInt64, [&](const std::string& name, const Tensor& value) {
    const auto outside = Outside32(value);
    if (outside && OnlyBounds(view, name) == bounds) findings.Add(name, fmt::format("holds {}", *outside));
  });
}

void SmallIntegers(const GraphView& view, Findings& findings) {
  int64_t count = 0;
  ForConstants(view, IsInt64, [&](const std::string&, const Tensor& value) { count += Outside32(value) ? 0 : 1; });
  if (count > 0) findings.Add("", fmt::format("{} INT64 constants that fit", count));
}

// Inputs and outputs of the model.
void ForEdges(const GraphView& view, const std::function<void(const onnx::ValueInfo&, std::string_view)>& act) {
  if (view.is_subgraph()) return;
  for (const onnx::ValueInfo& input : view.graph().inputs) {
    if (view.ModelInput(input.name) != nullptr) act(input, "input");
  }
  for (const onnx::ValueInfo& output : view.graph().outputs) act(output, "output");
}

void Int64Edges(const GraphView& view, Findings& findings) {
  ForEdges(view, [&](const onnx::ValueInfo& value, std::string_view what) {
    if (value.other_type.empty() && value.dtype == DType::kI64)
      findings.Add(value.name, fmt::format("an INT64 {}", what));
  });
}

void Doubles(const GraphView& view, Findings& findings) {
  ForEdges(view, [&](const onnx::ValueInfo& value, std::string_view what) {
    if (value.other_type.empty() && value.dtype == DType::kF64)
      findings.Add(value.name, fmt::format("a DOUBLE {}", what));
  });
  const auto is_double = [](DType dtype, int64_t) { return dtype == DType::kF64; };
  ForConstants(view, is_double,
               [&](const std::string& name, const Tensor&) { findings.Add(name, "a DOUBLE constant"); });
  for (const onnx::Node& node : view.graph().nodes) {
    constexpr int64_t kDouble = 11;  // TensorProto.DOUBLE
    if (node.op_type == "Cast" && node.Int("to", 0) == kDouble)
      findings.Add(node, InputName(node, 0), "casts to DOUBLE");
  }
}

// By a Cast, or a constant of texts.
void UnknownTypeMade(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (!node.domain.empty()) return;
  for (const char* text : {"value_string", "value_strings"}) {
    if (node.op_type == "Constant" && node.attributes.contains(text)) findings.Add(node, "", "a constant of strings");
  }
  if (node.op_type == "Cast" && node.attributes.contains("to")) {
    const auto dtype = onnx::DTypeOfNumber(node.Int("to", 0));
    if (!dtype || !KnowsType(*dtype, view.version())) {
      findings.Add(node, InputName(node, 0),
                   fmt::format("casts to {}", dtype ? std::string(DTypeName(*dtype)) : "a type without a DType"));
    }
  }
  const auto value = ValueOf(node);
  const bool refused = value && (!KnowsType(value->dtype(), view.version()) ||
                                 (node.op_type == "ConstantOfShape" && value->dtype() == DType::kU8));
  if (refused) findings.Add(node, "", fmt::format("a constant of {}", DTypeName(value->dtype())));
}

void UnknownTypes(const GraphView& view, Findings& findings) {
  ForEdges(view, [&](const onnx::ValueInfo& value, std::string_view what) {
    if (!value.other_type.empty()) {
      findings.Add(value.name, fmt::format("an {} of type {}", what, value.other_type));
    } else if (!KnowsType(value.dtype, view.version())) {
      findings.Add(value.name, fmt::format("an {} of {}", what, DTypeName(value.dtype)));
    }
  });
  for (const onnx::Initializer& initializer : view.graph().initializers) {
    // TRT-Q15a speaks of weights in small formats, with its own fix.
    const bool said = kNoInt4(view.version()) && (initializer.dtype == DType::kI4 || IsFloat8(initializer.dtype));
    if (said || KnowsType(initializer.dtype, view.version())) continue;
    findings.Add(initializer.name, fmt::format("a constant of {}", DTypeName(initializer.dtype)));
  }
  for (const onnx::Node& node : view.graph().nodes) UnknownTypeMade(view, node, findings);
}

void HalfRange(const GraphView& view, Findings& findings, bool large) {
  const auto small = [](DType dtype, int64_t elements) { return dtype == DType::kF32 && elements <= kSmallConstant; };
  const auto masks = [](DType dtype, int64_t elements) { return dtype == DType::kF32 && elements <= kMaskConstant; };
  ForConstants(view, large ? +masks : +small, [&](const std::string& name, const Tensor& value) {
    for (size_t at = 0; at + sizeof(float) <= value.bytes().size(); at += sizeof(float)) {
      float number = 0;
      std::memcpy(&number, value.bytes().data() + at, sizeof number);
      const float size = std::abs(number);
      const bool found = large ? std::isfinite(number) && size > kLargestHalf : number != 0 && size <= kSmallestHalf;
      if (!found) continue;
      findings.Add(name, fmt::format("holds {:g}", number));
      return;
    }
  });
}

constexpr std::array kGraphChecks = {
    Check{.rule = "TRT-G01", .graph = Opset},
    Check{.rule = "TRT-G02", .graph = Opset},
    Check{.rule = "TRT-G03a",
          .graph = [](const GraphView& view, Findings& findings) { LargeIntegers(view, findings, false); }},
    Check{.rule = "TRT-G03b",
          .graph = [](const GraphView& view, Findings& findings) { LargeIntegers(view, findings, true); }},
    Check{.rule = "TRT-G03c", .graph = SmallIntegers},
    Check{.rule = "TRT-G04a", .graph = Int64Edges},
    Check{.rule = "TRT-G04b", .graph = Int64Edges},
    Check{.rule = "TRT-G05", .graph = Doubles},
    Check{.rule = "TRT-G06"},  // asked before the file is read: check.cc
    Check{.rule = "TRT-G20a", .graph = LocalFunctions},
    Check{.rule = "TRT-G20b", .graph = LocalFunctions},
    Check{.rule = "TRT-T01", .graph = UnknownTypes},
    Check{.rule = "TRT-Q16a", .graph = OpsetOfInt4},
    Check{.rule = "FP-05",
          .graph = [](const GraphView& view, Findings& findings) { HalfRange(view, findings, false); }},
    Check{.rule = "FP-06", .graph = [](const GraphView& view, Findings& findings) { HalfRange(view, findings, true); }},
};

}  // namespace

std::span<const Check> GraphChecks() { return kGraphChecks; }

}  // namespace vlaq::check
