// Stage 2: does the engine really run what the bundle says it is? Bytes by type against the source, and the work
// (multiply-accumulates) and time in each arithmetic as the engine's own profile reports them. An `int8` that is not
// int8 where the time goes fails, with the names of the nodes.
//
// What should run is taken from the plan and, for how much work that is, from one run of the graphs as they are written
// (without the engine's optimizations); what does run, from runs as a user has them. Not aware of: which library runs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "onnx/cost.h"
#include "onnx/graph.h"
#include "quantize/numerics/plan.h"
#include "verify/report.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

struct ExecutedPrecisionOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  // What its graphs are run on; null: noise.
  const StepInputs* inputs = nullptr;
};

// Adds the checks "bytes", "kernels" (of a control step in the default schedule, each graph once) and, for another
// schedule with other graphs, "kernels, SCHEDULE graph" to `report`. Where report.of_files, graphs may be of any
// arithmetic and work that cannot be counted is a note.
// `plan` may be null: then every operator with weights must be what the precision says. `reference` may be null: then
// bytes are only told. An engine that is not the target's, or keeps no record, makes the kernels untestable. With
// finished engines (OpenOptions::engines) the checks are "layers of the engine, GRAPH", from their records. Errors:
// kInput if the graphs cannot be read, or an engine is not this bundle's; kBackend.
Status CheckExecutedPrecision(const bundle::Bundle& bundle, const numerics::Plan* plan, const bundle::Bundle* reference,
                              const ExecutedPrecisionOptions& options, Log& log, Report& report);

// One graph with what ran of it. For CheckExecutedPrecision and its tests.
struct ExecutedGraph {
  std::vector<backend::ExecutedNode> as_written;  // one run, nothing optimized
  std::vector<backend::ExecutedNode> executed;    // `runs` runs
  int runs = 1;
};

// What an operator with weights must compute in, by node of the source (or of the graph itself, if there is no plan).
struct ExpectedPrecision {
  std::optional<onnx::Arithmetic> arithmetic = std::nullopt;  // absent: it does not matter
  bool small = false;                                         // its weights or its arithmetic are small
  std::string left_by = "";  // the rule by which the plan leaves it as it was; empty: the plan gives no reason
};
using ExpectedPrecisions = std::map<std::string, ExpectedPrecision, std::less<>>;
// `name`: the graph's in the policy, which plans say where graphs have nodes of one name.
ExpectedPrecisions ExpectedPrecisionsOf(const onnx::Graph& graph, const numerics::Plan* plan,
                                        const std::string& precision, std::string_view name = "");

// Work and time of one graph.
struct Work {
  std::map<onnx::Arithmetic, double> macs;          // per run
  std::map<onnx::Arithmetic, double> microseconds;  // per run, of the operators that multiply matrices
  double all_microseconds = 0;                      // of all operators
  double converting_microseconds = 0;               // of quantizing, dequantizing and casts that remained
  double promised = 0, kept = 0;                    // MACs of operators with a promised arithmetic; run in it
  double weighted = 0, small = 0;                   // MACs of all operators with weights; of those that are small
  std::map<std::string, double> left;               // MACs that the plan leaves as they were, by rule
  std::vector<std::string> broken;                  // "'fc1' ran as MatMul in float32", the most work first
  std::vector<std::string> elsewhere;               // nodes that ran on another provider
  std::vector<std::string> both_signed;             // 8-bit products of two signed operands
  std::vector<std::string> unknown;                 // operators whose work cannot be counted
  int64_t widened = 0;                              // stored weights that are dequantized again in every run

  void Add(const Work& other);
};
Work Judge(const onnx::Graph& graph, const ExpectedPrecisions& promises, const ExecutedGraph& ran,
           const std::string& provider);

}  // namespace vlaq::verify
