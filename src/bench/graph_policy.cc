#include "bench/graph_policy.h"

#include <fmt/format.h>

#include "bench/inputs.h"
#include "onnx/model_file.h"
#include "onnx/shapes.h"

namespace vlaq::bench {
namespace {

constexpr std::string_view kGraph = "graph", kEveryStep = "default", kSeen = "seen frames";
constexpr size_t kFramesRank = 5;     // [batch, window, 3, H, W]
constexpr int64_t kMaxExtent = 4096;  // of frames and windows
constexpr int64_t kUsualSide = 224;   // of frames whose size the graph leaves open

Shape ExtentsOf(const onnx::ValueInfo& value) {
  Shape shape;
  for (const onnx::Dim& dim : value.dims) shape.push_back(dim.value);
  return shape;
}

bool TakesFramesAlone(const onnx::Graph& graph) {
  if (graph.inputs.size() != 1 || graph.outputs.size() != 1) return false;
  const onnx::ValueInfo &in = graph.inputs[0], &out = graph.outputs[0];
  if (in.dtype != DType::kF32 || out.dtype != DType::kF32 || in.dims.size() != kFramesRank) return false;
  return in.dims[2].value == 3 || in.dims[2].value < 0;
}

policy::Step RunStep() {
  policy::Step step;
  step.kind = policy::StepKind::kRun;
  step.graph = kGraph;
  return step;
}

policy::Output OutputOf(const onnx::ValueInfo& value) {
  policy::Output output;
  output.name = value.name;
  output.dtype = value.dtype;
  output.shape = ExtentsOf(value);
  output.batched = false;
  return output;
}

// The last frames at every step.
policy::Policy OfFrames(const onnx::Graph& graph, int64_t window) {
  const auto& dims = graph.inputs[0].dims;
  const auto side = [&dims](size_t axis) {
    return dims[axis].value > 0 ? std::min(dims[axis].value, kMaxExtent) : kUsualSide;
  };
  policy::Policy policy;
  policy::Input frames;
  frames.name = graph.inputs[0].name;
  frames.type = policy::InputType::kImage;
  frames.shape = {3, side(3), side(4)};
  frames.preprocess.image_size = static_cast<int>(side(4));
  if (side(3) != side(4)) frames.preprocess.image_height = static_cast<int>(side(3));
  policy.inputs.push_back(std::move(frames));
  policy::Step last;
  last.kind = policy::StepKind::kWindow;
  last.value = graph.inputs[0].name;
  last.as = kSeen;
  last.length = dims[1].value > 0 ? std::min(dims[1].value, kMaxExtent) : window;
  policy.schedules[std::string(kEveryStep)] = {std::move(last), RunStep()};
  policy.graphs[std::string(kGraph)].inputs[graph.inputs[0].name] = kSeen;
  return policy;
}

}  // namespace

Result<GraphPolicy> PolicyOf(const onnx::Graph& graph, const std::string& where, int64_t window) {
  GraphPolicy made;
  policy::Policy& policy = made.policy;
  if (graph.inputs.empty() || graph.outputs.empty()) {
    return InputError(where, "has no input or no output: nothing can be measured of it");
  }
  if (TakesFramesAlone(graph)) {
    policy = OfFrames(graph, window);
  } else {
    policy.schedules[std::string(kEveryStep)] = {RunStep()};
    for (const onnx::ValueInfo& value : graph.inputs) {
      if (!value.other_type.empty() || !value.has_shape) {
        return InputError(where, fmt::format("its input '{}' is {}, which cannot be fed", value.name,
                                             value.other_type.empty() ? "of no known shape" : value.other_type));
      }
      policy::Input input;
      input.name = value.name;
      input.dtype = value.dtype;
      input.shape = ExtentsOf(value);
      std::vector<std::string> names;
      for (const onnx::Dim& dim : value.dims) names.push_back(dim.name);
      input.batched = !input.shape.empty() && (input.shape[0] == 1 || (input.shape[0] < 0 && input.shape.size() > 1));
      if (input.batched) {
        input.shape.erase(input.shape.begin());
        names.erase(names.begin());
      }
      made.extents[value.name] = std::move(names);
      policy.graphs[std::string(kGraph)].inputs[value.name] = value.name;
      policy.inputs.push_back(std::move(input));
    }
  }
  policy.family = "onnx";
  policy.default_schedule = kEveryStep;
  for (const onnx::ValueInfo& value : graph.outputs) {
    if (!value.other_type.empty() || policy.FindInput(value.name) != nullptr) continue;  // nothing to compare
    policy.graphs[std::string(kGraph)].outputs[value.name] = value.name;
    policy.outputs.push_back(OutputOf(value));
  }
  if (policy.outputs.empty()) return InputError(where, "gives no tensor: nothing can be measured of it");
  return made;
}

Result<GraphPolicy> PolicyOfGraph(const std::filesystem::path& path, int64_t window) {
  VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(path));
  // Files of IR 3, and those that keep weights as inputs, list what has a value already: nobody feeds it.
  const onnx::Graph& graph = model.graph;
  std::erase_if(model.graph.inputs,
                [&graph](const onnx::ValueInfo& input) { return graph.FindInitializer(input.name) != nullptr; });
  const onnx::PartialShapes known = onnx::KnownShapes(model, graph);
  for (onnx::ValueInfo& output : model.graph.outputs) {  // which may say nothing of its axes
    const auto shape = known.find(output.name);
    if (output.has_shape || shape == known.end()) continue;
    output.has_shape = true;
    for (const int64_t extent : shape->second) output.dims.emplace_back().value = extent;
  }
  return PolicyOf(graph, path.string(), window);
}

void TakeRank(const Shape& step, policy::Input& input) {
  const auto rank = step.size(), wanted = input.shape.size();
  if (rank == wanted) return;
  if (input.batched && rank == wanted + 1) {
    input.batched = false;
    input.shape.insert(input.shape.begin(), -1);
  } else if (!input.batched && rank + 1 == wanted && (input.shape[0] == 1 || input.shape[0] < 0)) {
    input.batched = true;
    input.shape.erase(input.shape.begin());
  }
}

}  // namespace vlaq::bench
