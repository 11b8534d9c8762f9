// How a rule of TensorRT's ONNX importer is held against a graph, and what breaks it. What the rules say stands in
// target/rules.h; here are rows (rules_*.cc) with a small function that looks at one node or one graph. Pure; not aware
// of: files, printing.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "check/version.h"
#include "onnx/graph.h"
#include "target/rules.h"

namespace vlaq::check {

class GraphView;
class Findings;

using target::Applies;
using target::Rule;
using target::RuleId;
using target::Severity;

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): a rule has no default, so each is made with its own
struct Check {
  RuleId rule;
  // Asked for each node of these operators of ai.onnx; of any operator and domain if none is named.
  std::array<std::string_view, 4> operators{};
  void (*node)(const GraphView&, const onnx::Node&, Findings&) = nullptr;
  // Asked once a graph, subgraphs included.
  void (*graph)(const GraphView&, Findings&) = nullptr;
};

struct Finding {
  const Rule* rule = nullptr;
  std::string graph;  // the model's role or file, and the subgraph: "whole", "model.onnx/If.3.then_branch"
  std::string node, op_type, tensor;
  std::string detail;  // what was found
};

// Collects what the functions of checks report.
class Findings {
 public:
  explicit Findings(std::vector<Finding>& list) : list_(list) {}

  void Begin(const Rule& rule, const std::string& graph) {
    rule_ = &rule;
    graph_ = &graph;
  }
  void Add(const onnx::Node& node, std::string tensor, std::string detail) {
    list_.push_back({rule_, *graph_, node.name, node.op_type, std::move(tensor), std::move(detail)});
  }
  void Add(std::string tensor, std::string detail) {
    list_.push_back({rule_, *graph_, "", "", std::move(tensor), std::move(detail)});
  }

 private:
  std::vector<Finding>& list_;
  const Rule* rule_ = nullptr;
  const std::string* graph_ = nullptr;
};

// One for every rule of TensorRT.
std::span<const Check> Checks();

// The rows of one file each.
std::span<const Check> GraphChecks();
std::span<const Check> OperatorChecks();
std::span<const Check> FormChecks();
std::span<const Check> AttributeChecks();
std::span<const Check> ShapeChecks();
std::span<const Check> RecurrentChecks();
std::span<const Check> QuantizedChecks();
std::span<const Check> ScaleChecks();

}  // namespace vlaq::check
