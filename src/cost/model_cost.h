// What a policy, or any ONNX file, costs by arithmetic: parameters, bytes, multiply-accumulates of one frame and of one
// control step, memory between operators. Nothing is run and no weight is read. Not aware of: devices (roofline.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/work.h"

namespace vlaq::cost {

struct CostOptions {
  std::optional<int64_t> window;  // instead of the policy's
  onnx::Extents extents;          // of the graph's inputs, by name or place ("x:0"); over what the policy says
};

struct GraphCost {
  std::string name;  // its role in the bundle, or the file's name
  std::string file;
  onnx::Work work;
  onnx::PeakMemory peak32, peak16;  // of activations, with floats of 32 and 16 bits
};

// Graphs that run one after the other.
struct Scenario {
  std::string id;     // "step_NAME" of a schedule; "frame": what a new observation takes before a window; "run"
  std::string name;   // "streaming step"
  std::string title;  // what it is, for people
  std::vector<size_t> graphs;  // as often as they run
  bool is_step = false;        // of the control loop: one a period
};

struct ModelCost {
  std::filesystem::path path;
  bool is_bundle = false;
  std::string precision;   // of a bundle: how its weights are stored
  int64_t parameters = 0;  // of the checkpoint, whatever they are stored as; of a file: what its weights stand for
  int64_t computed = 0;    // numbers stored beside them that export computed (positions)
  std::optional<int64_t> window;   // frames
  std::optional<int64_t> tokens;   // of the instruction
  std::optional<double> period_s;  // between two control steps
  std::vector<GraphCost> graphs;
  std::vector<Scenario> scenarios;
  uint64_t weights_bytes = 0;  // of all graphs, each weight once

  const GraphCost* Find(std::string_view name) const;
  const Scenario* FindScenario(std::string_view id) const;
  // A control step as the robot runs it; null for a file.
  const Scenario* Step() const;
  int64_t MacsOf(const Scenario& scenario) const;
};

// `path` is a bundle or an .onnx file. Batch is 1. Nodes whose cost is not known are listed (onnx::Work::unknown).
// Errors: kInput if it cannot be read, naming all extents that have no number; kUsage for an extent that no input
// leaves open.
Result<ModelCost> CostOfModel(const std::filesystem::path& path, const CostOptions& options);

}  // namespace vlaq::cost
