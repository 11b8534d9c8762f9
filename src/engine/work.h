// What a graph of a bundle asks of an engine: the shapes of its inputs, and which precision each multiplying operator
// was planned in. And whether an engine does it: the share of the work that runs as planned.
//
// In scope: bundles with a plan. Not aware of: trtexec. Judging is a pure function.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bundle/bundle.h"
#include "engine/layers.h"
#include "engine/version.h"
#include "tensor/shape.h"

namespace vlaq::engine {

inline constexpr int64_t kLargestBatch = 8;

struct PlannedOperator {
  std::string node, group;
  Precision planned = Precision::kFloat32;
  double macs = 0;
};

struct GraphWork {
  std::vector<InputProfile> inputs;        // ProfilesOf(), where an engine is to be built
  std::vector<PlannedOperator> operators;  // those with weights that the graph holds
  bool quantized = false;                  // it has Q/DQ
  // Bytes of the weights, as planned.
  double planned_bytes = 0;
  // Bounds for an engine that does as planned: a builder may hold what is float32 in the graph as float16, or not.
  double least_bytes = 0, most_bytes = 0;
  // What comes on top if all weights that were planned narrower than float32 are one step wider.
  double widening_bytes = 0;
};

// All but the inputs. `graph`: a name in bundle.policy.graphs. Errors: kInput if the bundle has no plan (it is not
// quantized).
Result<GraphWork> DescribeWork(const bundle::Bundle& bundle, std::string_view graph);

// The lengths that a value of an instruction may have, without its batch axis.
struct TextExtent {
  Shape min, opt, max;
};
using TextExtents = std::map<std::string, TextExtent, std::less<>>;  // by value: "task.input_ids"

// The shapes that an engine of a graph shall take, by what the policy's schedules bind to its inputs: a batch of 1 to
// kLargestBatch, a window of 1 to its length, anything else as the policy and the graphs before it say. Errors: kInput
// for an extent that nobody says.
Result<std::vector<InputProfile>> ProfilesOf(const bundle::Bundle& bundle, std::string_view graph,
                                             const TextExtents& text);

struct PrecisionCount {
  Precision precision = Precision::kUnknown;
  size_t layers = 0;
  double macs_share = 0;  // of the operators with weights
};

struct PrecisionReport {
  std::vector<PrecisionCount> by_precision;  // what runs, narrowest first
  size_t layers = 0, reformats = 0;
  std::optional<double> layers_ms, reformats_ms;  // if the layers were timed
  // Shares of the MACs that were planned narrower than float32: run so; are in layers that do not say.
  double as_planned = 0, unknown = 0;
  bool by_size = false;  // too much is unknown: the engine's size was asked
  bool proven = true;    // false: neither layers nor size tell
  std::string evidence;  // in words
};

// Errors: kVerification if the engine fell back, naming the first operators that did, or if it computes in INT8 what
// has no scales.
Result<PrecisionReport> JudgePrecision(const GraphWork& work, const std::vector<Layer>& layers, uint64_t engine_bytes,
                                       const std::string& engine);

}  // namespace vlaq::engine
