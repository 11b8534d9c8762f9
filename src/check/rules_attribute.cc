// Rules about attributes that an importer does not look at, so that the engine computes something else, or refuses.
// Each was read in the importers' sources: what they ask of a node and what they check.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {
namespace {

using target::k10;
using target::kBoth;
using target::kOnly86;

// An attribute that says what the importer does anyway if it is absent or has its usual value.
struct NumberRow {
  std::string_view op_type, attribute;
  Applies applies;
  int64_t usual;
};
struct WordRow {
  std::string_view op_type, attribute;
  Applies applies;
  std::array<std::string_view, 5> taken;
};

void ReportNumbers(std::span<const NumberRow> rows, const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const NumberRow& row : rows) {
    const bool asked = row.op_type == node.op_type && row.applies(view.version());
    const int64_t value = asked ? node.Int(row.attribute, row.usual) : row.usual;
    if (value != row.usual) findings.Add(node, "", fmt::format("{} = {}", row.attribute, value));
  }
}

void ReportWords(std::span<const WordRow> rows, const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const WordRow& row : rows) {
    const bool asked = row.op_type == node.op_type && row.applies(view.version());
    if (!asked || !node.attributes.contains(std::string(row.attribute))) continue;
    const std::string word = node.String(row.attribute, "");
    if (std::ranges::find(row.taken, word) == row.taken.end()) {
      findings.Add(node, "", fmt::format("{} = {}", row.attribute, word));
    }
  }
}

// ---- Shape ----

void ShapeBounds(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto shape = view.ShapeOf(InputName(node, 0));
  const int64_t start = node.Int("start", 0);
  const bool whole_start = start == 0 || (shape && start <= -static_cast<int64_t>(shape->size()));
  const int64_t end = node.Int("end", 0);
  const bool ends = node.attributes.contains("end") && !(shape && end >= static_cast<int64_t>(shape->size()));
  if (whole_start && !ends) return;
  findings.Add(node, InputName(node, 0),
               fmt::format("start = {}, end = {}", start, ends ? std::to_string(end) : "the last"));
}

// ---- Resize ----

constexpr std::array kResizeNumbers = {NumberRow{"Resize", "antialias", kBoth, 0}};
constexpr std::array kResizeWords = {WordRow{"Resize", "keep_aspect_ratio_policy", kBoth, {"stretch"}}};
constexpr std::array kResizeModes = {
    WordRow{"Resize",
            "coordinate_transformation_mode",
            kBoth,
            {"align_corners", "asymmetric", "half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn"}},
    WordRow{"Resize", "mode", kBoth, {"cubic", "linear", "nearest"}},
};

void ResizePolicy(const GraphView& view, const onnx::Node& node, Findings& findings) {
  ReportNumbers(kResizeNumbers, view, node, findings);
  ReportWords(kResizeWords, view, node, findings);
}

// 8.6 reads scales and sizes as if they were given for all axes.
void ResizeAxes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  ResizePolicy(view, node, findings);
  if (!node.Ints("axes").empty()) findings.Add(node, "", "names axes");
}

void ResizeMode(const GraphView& view, const onnx::Node& node, Findings& findings) {
  ReportWords(kResizeModes, view, node, findings);
  if (node.String("coordinate_transformation_mode", "") != "tf_half_pixel_for_nn") return;
  if (node.String("nearest_mode", "round_prefer_floor") != "round_prefer_floor") {
    findings.Add(node, "", "tf_half_pixel_for_nn with another nearest_mode than round_prefer_floor");
  }
  if (Given(node, 3)) findings.Add(node, node.inputs[3], "tf_half_pixel_for_nn with sizes");
}

// Constant scales, which the importers look at; in front of the last axes they must be 1.
void ResizeManyAxes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const std::string mode = node.String("mode", "nearest");
  const size_t most = mode == "linear" ? 3 : mode == "cubic" ? 2 : 0;
  const auto scales = view.Value(InputName(node, view.opset() >= 11 ? 2 : 1));
  if (most == 0 || !scales || scales->dtype() != DType::kF32 || !node.Ints("axes").empty()) return;
  for (int64_t i = 0; i + static_cast<int64_t>(most) < scales->size(); ++i) {
    const float scale = LoadLittle<float>(scales->bytes(), static_cast<size_t>(i) * sizeof(float));
    if (scale == 1) continue;
    findings.Add(node, InputName(node, 2), fmt::format("{} over more than the last {} axes", mode, most));
    return;
  }
}

// ---- ScatterND and ScatterElements ----

void ScatterIgnored(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const std::string reduction = node.String("reduction", "none");
  if (reduction != "none") findings.Add(node, "", fmt::format("reduction = {}", reduction));
}

void ScatterNamed(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (!node.attributes.contains("reduction")) return;
  findings.Add(node, "", fmt::format("reduction = {}", node.String("reduction", "none")));
}

// ---- training ----

constexpr std::array kTrainingNumbers = {NumberRow{"BatchNormalization", "training_mode", kBoth, 0}};

void Training(const GraphView& view, const onnx::Node& node, Findings& findings) {
  ReportNumbers(kTrainingNumbers, view, node, findings);
  if (node.op_type != "Dropout") return;
  if (view.opset() < 7 && node.Int("is_test", 0) == 0) findings.Add(node, "", "is_test = 0");
  if (!Given(node, 2)) return;
  const auto mode = view.Value(node.inputs[2]);
  if (!mode) {
    findings.Add(node, node.inputs[2], "its training_mode is computed");
  } else if (!mode->bytes().empty() && mode->bytes()[0] != std::byte{0}) {
    findings.Add(node, node.inputs[2], "training_mode is true");
  }
}

// ---- what nobody looks at ----

constexpr std::array kIgnoredNumbers = {
    NumberRow{"BatchNormalization", "spatial", kBoth, 1},
    NumberRow{"LpPool", "ceil_mode", kOnly86, 0},
};

bool IsReduction(std::string_view op_type) { return op_type.starts_with("Reduce"); }

// ONNX: without axes over all, or over none with noop_with_empty_axes. 8.6 reduces over all where there is no list, and
// over none where the list is empty.
void EmptyAxes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const bool nothing = node.Int("noop_with_empty_axes", 0) != 0;
  const auto axes = view.Integers(InputName(node, 1));
  const bool listed = Given(node, 1) || node.attributes.contains("axes");
  if (!listed && nothing) findings.Add(node, "", "noop_with_empty_axes = 1");
  if (axes && axes->empty() && !nothing) findings.Add(node, node.inputs[1], "its axes are an empty list");
}

// 8.6 divides evenly; ONNX makes the last part smaller.
void UnevenSplit(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (!node.attributes.contains("num_outputs") || Given(node, 1)) return;
  const auto shape = view.ShapeOf(InputName(node, 0));
  const auto parts = static_cast<int64_t>(node.outputs.size());
  const int64_t given = node.Int("axis", 0);
  const auto rank = static_cast<int64_t>(shape ? shape->size() : 0);
  const int64_t axis = given < 0 ? given + rank : given;
  const bool even = axis >= 0 && axis < rank && (*shape)[static_cast<size_t>(axis)] >= 0 && parts > 0 &&
                    (*shape)[static_cast<size_t>(axis)] % parts == 0;
  if (!even) findings.Add(node, InputName(node, 0), fmt::format("its axis is not known to divide by {}", parts));
}

void Ignored(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (!node.domain.empty()) return;
  ReportNumbers(kIgnoredNumbers, view, node, findings);
  const std::string padding = node.String("auto_pad", "NOTSET");
  const bool sized = node.op_type == "ConvTranspose" && !node.Ints("output_shape").empty();
  if (sized && padding != "NOTSET") findings.Add(node, "", fmt::format("output_shape beside auto_pad = {}", padding));
  if (!kOnly86(view.version())) return;
  if (IsReduction(node.op_type)) EmptyAxes(view, node, findings);
  if (node.op_type == "Split") UnevenSplit(view, node, findings);
}

// ---- modes that a version does not have ----

constexpr std::array kModes = {
    WordRow{"GridSample", "mode", kBoth, {"bicubic", "bilinear", "nearest"}},
    WordRow{"Pad", "mode", kOnly86, {"constant", "edge", "reflect"}},
    WordRow{"Pad", "mode", k10, {"constant", "edge", "reflect", "wrap"}},
};

void Modes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  ReportWords(kModes, view, node, findings);
  const bool old = kOnly86(view.version());
  if (old && node.op_type == "Pad" && Given(node, 3)) findings.Add(node, node.inputs[3], "names axes");
  const auto shape = view.ShapeOf(InputName(node, 0));
  const bool images = node.op_type != "GridSample" || old || !shape || shape->size() == 4;
  if (!images) findings.Add(node, InputName(node, 0), fmt::format("samples {} axes", shape->size()));
}

void Norms(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const int64_t p = node.Int("p", 2);
  if (p != 1 && p != 2) findings.Add(node, "", fmt::format("p = {}", p));
}

void CountedPadding(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("ceil_mode", 0) != 0 && node.Int("count_include_pad", 0) != 0) {
    findings.Add(node, "", "ceil_mode = 1 and count_include_pad = 1");
  }
}

void Seed(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  findings.Add(node, node.outputs.empty() ? "" : node.outputs.front(), "makes random numbers");
}

void PlainSqueeze(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (Given(node, 1) || node.attributes.contains("axes")) return;
  const auto shape = view.ShapeOf(InputName(node, 0));
  const bool fixed = shape && std::ranges::all_of(*shape, [](int64_t extent) { return extent >= 0; });
  if (!fixed) findings.Add(node, InputName(node, 0), "has no axes, and its data has dynamic ones");
}

// EyeLike fills a constant, Hardmax a one-hot along an axis.
void StaticExtents(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto shape = view.ShapeOf(InputName(node, 0));
  if (!shape) return;
  const auto rank = static_cast<int64_t>(shape->size());
  const int64_t axis = node.Int("axis", -1) + (node.Int("axis", -1) < 0 ? rank : 0);
  const bool dynamic = node.op_type == "EyeLike"
                           ? std::ranges::any_of(*shape, [](int64_t extent) { return extent < 0; })
                           : axis >= 0 && axis < rank && (*shape)[static_cast<size_t>(axis)] < 0;
  if (dynamic) findings.Add(node, InputName(node, 0), "its extents are dynamic");
}

constexpr std::array kAttributeChecks = {
    Check{.rule = "TRT-A01", .operators = {"Shape"}, .node = ShapeBounds},
    Check{.rule = "TRT-A02a", .operators = {"Resize"}, .node = ResizeAxes},
    Check{.rule = "TRT-A02b", .operators = {"Resize"}, .node = ResizePolicy},
    Check{.rule = "TRT-A02c", .operators = {"Resize"}, .node = ResizeMode},
    Check{.rule = "TRT-A02d", .operators = {"Resize", "Upsample"}, .node = ResizeManyAxes},
    Check{.rule = "TRT-A03", .operators = {"ScatterElements", "ScatterND"}, .node = ScatterIgnored},
    Check{.rule = "TRT-A04", .operators = {"ScatterElements"}, .node = ScatterIgnored},
    Check{.rule = "TRT-G16", .operators = {"ScatterND"}, .node = ScatterNamed},
    Check{.rule = "TRT-A05", .operators = {"Squeeze"}, .node = PlainSqueeze},
    Check{.rule = "TRT-A06", .operators = {"BatchNormalization", "Dropout"}, .node = Training},
    Check{.rule = "TRT-A07", .node = Ignored},
    Check{.rule = "TRT-A08", .operators = {"GridSample", "Pad"}, .node = Modes},
    Check{.rule = "TRT-A09", .operators = {"LpNormalization", "LpPool"}, .node = Norms},
    Check{.rule = "TRT-A10", .operators = {"AveragePool"}, .node = CountedPadding},
    Check{.rule = "TRT-A12", .operators = {"EyeLike", "Hardmax"}, .node = StaticExtents},
    Check{.rule = "TRT-A11",
          .operators = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"},
          .node = Seed},
};

}  // namespace

std::span<const Check> AttributeChecks() { return kAttributeChecks; }

}  // namespace vlaq::check
