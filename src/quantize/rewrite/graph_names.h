// What nodes and values are called where all graphs of a policy are spoken of at once, as plans and statistics do.
//
// Graphs that never run in one schedule are ways to the same thing: a name that both have means the same in both. Two
// graphs of one schedule may use a name for two things (exporters call things "/MatMul" in every file): such a name is
// said with its graph, "encoder./MatMul". Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/graph.h"
#include "policy/policy.h"
#include "quantize/rewrite/apply_plan.h"

namespace vlaq::onnx {
class GraphIndex;
}

namespace vlaq::rewrite {

// "GRAPH.NAME", as a probe of the executor says it.
std::string WithGraph(std::string_view graph, std::string_view name);

// The names of the policy's graphs: those of the default schedule in the order in which they run, then the others.
std::vector<std::string> GraphsInOrder(const policy::Policy& policy);
// The graphs that a schedule runs, in order, each once.
std::vector<std::string> GraphsOf(const std::vector<policy::Step>& schedule);

class GraphNames {
 public:
  GraphNames(const policy::Policy& policy, const Graphs& graphs);

  std::string Node(std::string_view graph, std::string_view node) const;
  std::string Value(std::string_view graph, std::string_view value) const;
  // The other way round: what `graph` would call the value of this name; nullopt where the name means several things.
  std::optional<std::string> LocalValue(std::string_view graph, std::string_view name) const;

 private:
  using Named = std::pair<const std::string, onnx::GraphIndex>;
  void Compare(const policy::Policy& policy, const Named& a, const Named& b, bool in_one_schedule);

  std::set<std::string, std::less<>> shared_nodes_, shared_values_;  // names that mean several things
};

}  // namespace vlaq::rewrite
