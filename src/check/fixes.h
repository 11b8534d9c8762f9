// What makes a graph keep a rule without changing what it computes: one small rewrite of a node for each such rule.
// Pure. Subgraphs are not entered. Private to this module.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {

// Collects what takes a node's place. New constants are inline.
class Patch {
 public:
  explicit Patch(const onnx::Graph& graph);

  void Add(onnx::Node node) { nodes_.push_back(std::move(node)); }
  // A node with one output that bears the node's name. Returns it.
  std::string Op(const std::string& op_type, const std::string& name, std::vector<std::string> inputs,
                 std::map<std::string, onnx::AttributeValue> attributes = {});
  // A new initializer, under a name that is made free. Equal requests of one name give one initializer.
  std::string Constant(const std::string& name, const Tensor& tensor);
  // A name for a new value, made free.
  std::string FreeName(const std::string& name);
  // Why this node cannot be fixed.
  void Refuse(const onnx::Node& node, std::string why) { refused_[node.name] = std::move(why); }

  std::vector<onnx::Node>& nodes() { return nodes_; }
  std::vector<onnx::Initializer>& constants() { return constants_; }
  const std::map<std::string, std::string>& refused() const { return refused_; }

 private:
  std::vector<onnx::Node> nodes_;
  std::vector<onnx::Initializer> constants_;
  std::map<std::string, std::string> refused_;  // node -> why
  std::set<std::string> taken_;
  std::map<std::string, std::vector<size_t>> by_request_;  // places in constants_
};

struct GraphFix {
  RuleId rule;
  std::string_view what;  // "composed of Erf, Mul and Add"
  std::array<std::string_view, 4> operators{};
  std::string_view domain;
  // True if it put something in the node's place.
  bool (*rewrite)(const GraphView&, const onnx::Node&, Patch&) = nullptr;
};
// In the order in which they are applied.
std::vector<GraphFix> GraphFixes();

// The rows of one file each.
std::span<const GraphFix> OperatorFixes();
std::span<const GraphFix> PairFixes();

// Why a rule has no fix here, for a reader: "" if there is nothing special to say.
std::string_view WhyNotFixed(const Rule& rule);

}  // namespace vlaq::check
