// Rules about the scales of QuantizeLinear and DequantizeLinear, and blocks of INT4.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <optional>

#include "check/graph_view.h"
#include "check/rule.h"
#include "tensor/convert.h"

namespace vlaq::check {
namespace {

// The number of scales where they are one axis; nullopt for one scale, blocks and what is not known.
std::optional<int64_t> Channels(const GraphView& view, const onnx::Node& node) {
  const auto scales = view.ShapeOf(InputName(node, 1));
  if (!scales || scales->size() != 1 || scales->front() <= 1) return std::nullopt;
  return scales->front();
}

void ScaleNotFloat32(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto dtype = view.Type(InputName(node, 1));
  if (dtype && *dtype != DType::kF32)
    findings.Add(node, InputName(node, 1), fmt::format("scale of {}", DTypeName(*dtype)));
}

void HalfScaleTooEarly(const GraphView& view, const onnx::Node& node, Findings& findings) {
  constexpr int64_t kOtherScales = 19;  // the opset whose Q/DQ take them
  if (view.opset() < kOtherScales) ScaleNotFloat32(view, node, findings);
}

void NotPositive(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto value = view.Value(InputName(node, 1));
  const auto scales = value ? ToFloat32(*value) : Result<Tensor>(Tensor());
  if (!value || !scales.ok()) return;
  if (scales->size() == 0) findings.Add(node, InputName(node, 1), "has no scales");
  for (size_t at = 0; at + sizeof(float) <= scales->bytes().size(); at += sizeof(float)) {
    float scale = 0;
    std::memcpy(&scale, scales->bytes().data() + at, sizeof scale);
    if (scale > 0 && std::isfinite(scale)) continue;
    findings.Add(node, InputName(node, 1), fmt::format("scale {:g} (index {})", scale, at / sizeof(float)));
    return;
  }
}

// A constant, or one behind a Cast, which 8.6 takes too.
bool KnownAtBuild(const GraphView& view, const std::string& value) {
  if (view.IsConstant(value)) return true;
  const onnx::Node* node = view.Producer(value);
  return node != nullptr && node->op_type == "Cast" && view.IsConstant(InputName(*node, 0));
}

void Computed(const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const size_t input : {size_t{1}, size_t{2}}) {
    if (!Given(node, input) || KnownAtBuild(view, node.inputs[input])) continue;
    findings.Add(node, node.inputs[input], input == 1 ? "its scale is computed" : "its zero point is computed");
  }
}

void NoAxis(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto channels = Channels(view, node);
  if (channels && !node.attributes.contains("axis")) {
    findings.Add(node, InputName(node, 1), fmt::format("{} scales and no axis", *channels));
  }
}

void WrongCount(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto channels = Channels(view, node);
  const auto data = view.ShapeOf(InputName(node, 0));
  if (!channels || !data || data->empty()) return;
  const int64_t given = node.Int("axis", 1);
  const auto rank = static_cast<int64_t>(data->size());
  const int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) {
    findings.Add(node, InputName(node, 0), fmt::format("axis {} of {}", given, ShapeText(*data)));
    return;
  }
  const int64_t extent = (*data)[static_cast<size_t>(axis)];
  if (extent >= 0 && extent != *channels) {
    findings.Add(node, InputName(node, 1),
                 fmt::format("{} scales for axis {} of {}", *channels, axis, ShapeText(*data)));
  }
}

// As many zero points as scales.
void ZeroPointCount(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto scales = view.ShapeOf(InputName(node, 1));
  const auto zeros = Given(node, 2) ? view.ShapeOf(node.inputs[2]) : std::nullopt;
  if (!scales || !zeros || ElementCount(*scales) == ElementCount(*zeros)) return;
  findings.Add(node, node.inputs[2], fmt::format("zero points {}, scales {}", ShapeText(*zeros), ShapeText(*scales)));
}

// What is wrong with blocks of 4 bits; "" if nothing.
std::string BlockProblem(const Shape& data, const Shape& scales) {
  if (data.size() != 2) return fmt::format("weight {} is not a matrix", ShapeText(data));
  if (data.back() % 2 != 0) return fmt::format("the last axis of {} is odd", ShapeText(data));
  if (scales.size() != 2) return fmt::format("scales {} are not a matrix", ShapeText(scales));
  const int blocked = (scales[0] != data[0] ? 1 : 0) + (scales[1] != data[1] ? 1 : 0);
  return blocked == 1 ? "" : fmt::format("scales {} block {} axes of {}", ShapeText(scales), blocked, ShapeText(data));
}

void Int4Blocks(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (view.Type(InputName(node, 0)) != DType::kI4) return;
  const auto data = view.ShapeOf(InputName(node, 0));
  const auto scales = view.ShapeOf(InputName(node, 1));
  if (!data || !scales) return;
  const std::string problem = BlockProblem(*data, *scales);
  if (!problem.empty()) findings.Add(node, InputName(node, 0), problem);
}

constexpr std::array kScaleChecks = {
    Check{.rule = "TRT-Q04", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = ScaleNotFloat32},
    Check{.rule = "TRT-Q05", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = HalfScaleTooEarly},
    Check{.rule = "TRT-Q06", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = NotPositive},
    Check{.rule = "TRT-Q07", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = Computed},
    Check{.rule = "TRT-Q08a", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = NoAxis},
    Check{.rule = "TRT-Q08b", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = WrongCount},
    Check{.rule = "TRT-Q08c", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = ZeroPointCount},
    Check{.rule = "TRT-Q16", .operators = {"DequantizeLinear"}, .node = Int4Blocks},
};

}  // namespace

std::span<const Check> ScaleChecks() { return kScaleChecks; }

}  // namespace vlaq::check
