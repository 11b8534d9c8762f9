// Rules about attributes that an importer does not look at, so that the engine computes something else, or refuses.
// Each was read in the importers' sources: what they ask of a node and what they check.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "preflight/rule.h"
#include "preflight/scene.h"

namespace vlaq::preflight {
namespace {

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

void ReportNumbers(std::span<const NumberRow> rows, const Scene& scene, const onnx::Node& node, Findings& findings) {
  for (const NumberRow& row : rows) {
    const bool asked = row.op_type == node.op_type && row.applies.To(scene.version());
    const int64_t value = asked ? node.Int(row.attribute, row.usual) : row.usual;
    if (value != row.usual) findings.Add(node, "", fmt::format("{} = {}", row.attribute, value));
  }
}

void ReportWords(std::span<const WordRow> rows, const Scene& scene, const onnx::Node& node, Findings& findings) {
  for (const WordRow& row : rows) {
    const bool asked = row.op_type == node.op_type && row.applies.To(scene.version());
    if (!asked || !node.attributes.contains(std::string(row.attribute))) continue;
    const std::string word = node.String(row.attribute, "");
    if (std::ranges::find(row.taken, word) == row.taken.end()) {
      findings.Add(node, "", fmt::format("{} = {}", row.attribute, word));
    }
  }
}

// ---- Shape ----

void ShapeBounds(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const auto shape = scene.ShapeOf(InputName(node, 0));
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

void ResizePolicy(const Scene& scene, const onnx::Node& node, Findings& findings) {
  ReportNumbers(kResizeNumbers, scene, node, findings);
  ReportWords(kResizeWords, scene, node, findings);
}

// 8.6 reads scales and sizes as if they were given for all axes.
void ResizeAxes(const Scene& scene, const onnx::Node& node, Findings& findings) {
  ResizePolicy(scene, node, findings);
  if (!node.Ints("axes").empty()) findings.Add(node, "", "names axes");
}

void ResizeMode(const Scene& scene, const onnx::Node& node, Findings& findings) {
  ReportWords(kResizeModes, scene, node, findings);
  if (node.String("coordinate_transformation_mode", "") != "tf_half_pixel_for_nn") return;
  if (node.String("nearest_mode", "round_prefer_floor") != "round_prefer_floor") {
    findings.Add(node, "", "tf_half_pixel_for_nn with another nearest_mode than round_prefer_floor");
  }
  if (Given(node, 3)) findings.Add(node, node.inputs[3], "tf_half_pixel_for_nn with sizes");
}

// Constant scales, which the importers look at; in front of the last axes they must be 1.
void ResizeManyAxes(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const std::string mode = node.String("mode", "nearest");
  const size_t most = mode == "linear" ? 3 : mode == "cubic" ? 2 : 0;
  const auto scales = scene.Value(InputName(node, scene.opset() >= 11 ? 2 : 1));
  if (most == 0 || !scales || scales->dtype() != DType::kF32 || !node.Ints("axes").empty()) return;
  for (int64_t i = 0; i + static_cast<int64_t>(most) < scales->size(); ++i) {
    const float scale = LoadLittle<float>(scales->bytes(), static_cast<size_t>(i) * sizeof(float));
    if (scale == 1) continue;
    findings.Add(node, InputName(node, 2), fmt::format("{} over more than the last {} axes", mode, most));
    return;
  }
}

// ---- ScatterND and ScatterElements ----

void ScatterIgnored(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  const std::string reduction = node.String("reduction", "none");
  if (reduction != "none") findings.Add(node, "", fmt::format("reduction = {}", reduction));
}

void ScatterNamed(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  if (!node.attributes.contains("reduction")) return;
  findings.Add(node, "", fmt::format("reduction = {}", node.String("reduction", "none")));
}

// ---- training ----

constexpr std::array kTrainingNumbers = {NumberRow{"BatchNormalization", "training_mode", kBoth, 0}};

void Training(const Scene& scene, const onnx::Node& node, Findings& findings) {
  ReportNumbers(kTrainingNumbers, scene, node, findings);
  if (node.op_type != "Dropout") return;
  if (scene.opset() < 7 && node.Int("is_test", 0) == 0) findings.Add(node, "", "is_test = 0");
  if (!Given(node, 2)) return;
  const auto mode = scene.Value(node.inputs[2]);
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
void EmptyAxes(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const bool nothing = node.Int("noop_with_empty_axes", 0) != 0;
  const auto axes = scene.Integers(InputName(node, 1));
  const bool listed = Given(node, 1) || node.attributes.contains("axes");
  if (!listed && nothing) findings.Add(node, "", "noop_with_empty_axes = 1");
  if (axes && axes->empty() && !nothing) findings.Add(node, node.inputs[1], "its axes are an empty list");
}

// 8.6 divides evenly; ONNX makes the last part smaller.
void UnevenSplit(const Scene& scene, const onnx::Node& node, Findings& findings) {
  if (!node.attributes.contains("num_outputs") || Given(node, 1)) return;
  const auto shape = scene.ShapeOf(InputName(node, 0));
  const auto parts = static_cast<int64_t>(node.outputs.size());
  const int64_t given = node.Int("axis", 0);
  const auto rank = static_cast<int64_t>(shape ? shape->size() : 0);
  const int64_t axis = given < 0 ? given + rank : given;
  const bool even = axis >= 0 && axis < rank && (*shape)[static_cast<size_t>(axis)] >= 0 && parts > 0 &&
                    (*shape)[static_cast<size_t>(axis)] % parts == 0;
  if (!even) findings.Add(node, InputName(node, 0), fmt::format("its axis is not known to divide by {}", parts));
}

void Ignored(const Scene& scene, const onnx::Node& node, Findings& findings) {
  if (!node.domain.empty()) return;
  ReportNumbers(kIgnoredNumbers, scene, node, findings);
  const std::string padding = node.String("auto_pad", "NOTSET");
  const bool sized = node.op_type == "ConvTranspose" && !node.Ints("output_shape").empty();
  if (sized && padding != "NOTSET") findings.Add(node, "", fmt::format("output_shape beside auto_pad = {}", padding));
  if (scene.version().number >= 1000) return;
  if (IsReduction(node.op_type)) EmptyAxes(scene, node, findings);
  if (node.op_type == "Split") UnevenSplit(scene, node, findings);
}

// ---- modes that a version does not have ----

constexpr std::array kModes = {
    WordRow{"GridSample", "mode", kBoth, {"bicubic", "bilinear", "nearest"}},
    WordRow{"Pad", "mode", kOnly86, {"constant", "edge", "reflect"}},
    WordRow{"Pad", "mode", k10, {"constant", "edge", "reflect", "wrap"}},
};

void Modes(const Scene& scene, const onnx::Node& node, Findings& findings) {
  ReportWords(kModes, scene, node, findings);
  const bool old = scene.version().number < 1000;
  if (old && node.op_type == "Pad" && Given(node, 3)) findings.Add(node, node.inputs[3], "names axes");
  const auto shape = scene.ShapeOf(InputName(node, 0));
  const bool images = node.op_type != "GridSample" || old || !shape || shape->size() == 4;
  if (!images) findings.Add(node, InputName(node, 0), fmt::format("samples {} axes", shape->size()));
}

void Norms(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  const int64_t p = node.Int("p", 2);
  if (p != 1 && p != 2) findings.Add(node, "", fmt::format("p = {}", p));
}

void CountedPadding(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("ceil_mode", 0) != 0 && node.Int("count_include_pad", 0) != 0) {
    findings.Add(node, "", "ceil_mode = 1 and count_include_pad = 1");
  }
}

void Seed(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  findings.Add(node, node.outputs.empty() ? "" : node.outputs.front(), "makes random numbers");
}

void PlainSqueeze(const Scene& scene, const onnx::Node& node, Findings& findings) {
  if (Given(node, 1) || node.attributes.contains("axes")) return;
  const auto shape = scene.ShapeOf(InputName(node, 0));
  const bool fixed = shape && std::ranges::all_of(*shape, [](int64_t extent) { return extent >= 0; });
  if (!fixed) findings.Add(node, InputName(node, 0), "has no axes, and its data has dynamic ones");
}

// EyeLike fills a constant, Hardmax a one-hot along an axis.
void StaticExtents(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const auto shape = scene.ShapeOf(InputName(node, 0));
  if (!shape) return;
  const auto rank = static_cast<int64_t>(shape->size());
  const int64_t axis = node.Int("axis", -1) + (node.Int("axis", -1) < 0 ? rank : 0);
  const bool dynamic = node.op_type == "EyeLike"
                           ? std::ranges::any_of(*shape, [](int64_t extent) { return extent < 0; })
                           : axis >= 0 && axis < rank && (*shape)[static_cast<size_t>(axis)] < 0;
  if (dynamic) findings.Add(node, InputName(node, 0), "its extents are dynamic");
}

constexpr std::array kAttributeRules = {
    Rule{.id = "TRT-A01",
         .applies = kOnly86,
         .reason = "does not look at start and end of Shape, and gives all extents",
         .cure = "Shape, then Slice",
         .source = "onnx-tensorrt 8.6-GA",
         .operators = {"Shape"},
         .node = ShapeBounds},
    Rule{.id = "TRT-A02a",
         .applies = kOnly86,
         .reason = "does not look at antialias, keep_aspect_ratio_policy and axes of Resize",
         .cure = "antialias = 0 and stretch, or resize before the model; scales or sizes for all axes",
         .source = "onnx-tensorrt 8.6-GA",
         .operators = {"Resize"},
         .node = ResizeAxes},
    Rule{.id = "TRT-A02b",
         .applies = k10,
         .reason = "resizes without antialiasing, and only to stretch",
         .cure = "antialias = 0 and keep_aspect_ratio_policy = stretch, or resize before the model",
         .source = "onnx-tensorrt 10.1-GA",
         .operators = {"Resize"},
         .node = ResizePolicy},
    Rule{.id = "TRT-A02c",
         .applies = kBoth,
         .reason = "does not have this mode of Resize",
         .cure = "half_pixel, pytorch_half_pixel, asymmetric or align_corners",
         .source = kImporters,
         .operators = {"Resize"},
         .node = ResizeMode},
    Rule{.id = "TRT-A02d",
         .applies = kBoth,
         .reason = "resizes linearly over the last 3 axes at most, by cubes over 2",
         .cure = "several Resize, or nearest",
         .source = kImporters,
         .operators = {"Resize", "Upsample"},
         .node = ResizeManyAxes},
    Rule{.id = "TRT-A03",
         .applies = kOnly86,
         .reason = "does not look at the reduction of ScatterElements and ScatterND, and overwrites",
         .cure = "Slice and Concat, or Add of a Where",
         .source = "onnx-tensorrt 8.6-GA",
         .operators = {"ScatterElements", "ScatterND"},
         .node = ScatterIgnored},
    Rule{.id = "TRT-A04",
         .applies = k10,
         .severity = Severity::kWarning,
         .reason = "reduces in ScatterElements by a plugin, which has to be loaded",
         .cure = "initLibNvInferPlugins before parsing (trtexec does it), or Slice and Concat",
         .source = "onnx-tensorrt 10.1-GA",
         .operators = {"ScatterElements"},
         .node = ScatterIgnored},
    Rule{.id = "TRT-G16",
         .applies = k10,
         .reason = "refuses ScatterND with the attribute reduction, even none",
         .cure = "the attribute left out if it is none; else Slice and Concat, or Add of a Where",
         .source = "onnx-tensorrt 10.1-GA",
         .operators = {"ScatterND"},
         .node = ScatterNamed},
    Rule{.id = "TRT-A05",
         .applies = kBoth,
         .reason = "cannot infer which axes a Squeeze without axes drops from a dynamic shape",
         .cure = "axes",
         .source = kImporters,
         .operators = {"Squeeze"},
         .node = PlainSqueeze},
    Rule{.id = "TRT-A06",
         .applies = kBoth,
         .reason = "does not train: BatchNormalization and Dropout must be as in inference",
         .cure = "model.eval() before the export",
         .source = kImporters,
         .operators = {"BatchNormalization", "Dropout"},
         .node = Training},
    Rule{.id = "TRT-A07",
         .applies = kBoth,
         .reason = "does not look at this, and computes as if it were not there",
         .cure = "the same said without it",
         .source = kImporters,
         .node = Ignored},
    Rule{.id = "TRT-A08",
         .applies = kBoth,
         .reason = "does not have this mode, or reads it as another",
         .cure = "for Pad constant, edge or reflect over all axes; for GridSample bilinear, bicubic or nearest",
         .source = kImporters,
         .operators = {"GridSample", "Pad"},
         .node = Modes},
    Rule{.id = "TRT-A09",
         .applies = kBoth,
         .reason = "has the norms of p = 1 and 2 only",
         .cure = "Abs, Pow and a sum",
         .source = kImporters,
         .operators = {"LpNormalization", "LpPool"},
         .node = Norms},
    Rule{.id = "TRT-A10",
         .applies = kBoth,
         .severity = Severity::kWarning,
         .reason = "may divide by another count at the edge than ONNX where windows overhang the padding",
         .cure = "pads so that every window fits, and ceil_mode = 0",
         .source = "the pooling layer's rounding modes, NvInfer.h",
         .operators = {"AveragePool"},
         .node = CountedPadding},
    Rule{.id = "TRT-A12",
         .applies = kBoth,
         .reason = "wants extents that are known when the engine is built",
         .cure = "fixed extents; for EyeLike a constant, for Hardmax ArgMax and OneHot",
         .source = kImporters,
         .operators = {"EyeLike", "Hardmax"},
         .node = StaticExtents},
    Rule{.id = "TRT-A11",
         .applies = kBoth,
         .severity = Severity::kWarning,
         .reason = "ignores seed: other numbers than ONNX Runtime's, and others each time",
         .cure = "the noise as an input",
         .source = kOperatorTable,
         .operators = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"},
         .node = Seed},
};

}  // namespace

std::span<const Rule> AttributeRules() { return kAttributeRules; }

}  // namespace vlaq::preflight
