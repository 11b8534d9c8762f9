// Whether a policy's engines fit into a device's memory, when they run and when they are built: sums of what is known
// to be there, as an estimate. Pure functions.
//
// The model of a build: the parser holds the weights as the graph stores them, the builder a copy in the engine's
// precision, the serialized engine another until it is written, and kernels are tried in the workspace. Not counted:
// the CUDA context, the libraries' own memory, cameras.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cost/devices.h"
#include "cost/model_cost.h"

namespace vlaq::cost {

struct DeviceMemory {
  uint64_t total = 0;
  std::optional<uint64_t> reserved;  // absent: not known, and so not taken off
  uint64_t available = 0;
};
DeviceMemory MemoryOf(const Device& device);

// Engines that are loaded together.
struct RunFit {
  std::vector<std::string> engines;
  const PrecisionRow* precision = nullptr;
  uint64_t weights = 0;
  uint64_t activations = 0;
  uint64_t loading = 0;  // the largest engine's file, which is there once more while it is read
  uint64_t running() const { return weights + activations; }
  bool fits = false;  // loading included
};

// One way to build a policy's engines. `parts` are those of the engine at which the sum is largest (or of all, where
// they are built at once).
struct BuildFit {
  // "one_engine", "at_once", "in_turn", "in_turn_small", "in_turn_stripped"; of a single graph "small", "stripped"
  std::string_view id;
  std::string title;   // in words
  std::string doing;   // what to do: "build encoder+head in turn"
  bool whole = false;  // one engine of the whole policy; else one of each graph
  size_t run = 0;      // index of its engines in PrecisionFit::runs
  uint64_t stored = 0, engine = 0, serialized = 0, workspace = 0, activations = 0;
  uint64_t peak() const { return stored + engine + serialized + workspace + activations; }
  bool fits = false;
};

struct PrecisionFit {
  const PrecisionRow* precision = nullptr;
  std::vector<RunFit> runs;      // the graphs of a step; the whole policy, if it is a graph of its own
  std::vector<BuildFit> builds;  // the plainest first
  // Index of the first that fits; absent: none does.
  std::optional<size_t> advised;

  const RunFit& RunOf(const BuildFit& build) const { return runs[build.run]; }
  // The first that fits, else the one that takes least.
  const BuildFit& Advised() const;
  // It can be built, and the engines can be loaded together.
  bool fits() const { return advised && RunOf(Advised()).fits; }
};

// The precision in which engines of a bundle are built: its own, and fp16 for one that stores float32 or INT4.
const PrecisionFit& OwnFit(const std::vector<PrecisionFit>& fits, std::string_view stored);

// For each precision that an engine can be built in; once for those that take the same memory. `cost` is of a bundle.
std::vector<PrecisionFit> FitOf(const ModelCost& cost, const Device& device, uint64_t workspace);

}  // namespace vlaq::cost
