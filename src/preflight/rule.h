// A rule of TensorRT's ONNX importer, and what breaks it. Rules are rows of data (rules_*.cc) with a small function
// that looks at one node or one graph. Pure; not aware of: files, printing.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/graph.h"
#include "preflight/version.h"

namespace vlaq::preflight {

class Scene;
class Findings;

// kError: the importer or builder refuses the graph, or computes something else. kWarning: it is taken, with a loss or
// a risk. kNote: worth knowing.
enum class Severity { kNote, kWarning, kError };
std::string_view SeverityName(Severity severity);

// Version numbers, both ends included.
struct Applies {
  int from = 0, to = 0;

  bool To(const Version& version) const { return from <= version.number && version.number <= to; }
};
inline constexpr Applies kBoth{806, 1099};
inline constexpr Applies kOnly86{806, 806};
inline constexpr Applies kBefore103{806, 1002};
inline constexpr Applies k10{1000, 1099};
std::string AppliesText(const Applies& applies);  // "8.6", "10.x", "all", "8.6 to 10.1"

// Sources that many rules have.
inline constexpr std::string_view kImporters = "onnx-tensorrt 8.6-GA and 10.1-GA";
inline constexpr std::string_view kOperatorTable = "onnx-tensorrt docs/operators.md, 8.6-GA and 10.1-GA";

struct Rule {
  std::string_view id;  // of quantisation.md's list; a letter behind it where that list says several things in a row
  Applies applies;
  Severity severity = Severity::kError;
  std::string_view reason;  // what TensorRT does
  std::string_view cure;    // what to emit instead
  std::string_view source;
  // Asked for each node of these operators of ai.onnx; of any operator and domain if none is named.
  std::array<std::string_view, 4> operators{};
  void (*node)(const Scene&, const onnx::Node&, Findings&) = nullptr;
  // Asked once a graph, subgraphs included.
  void (*graph)(const Scene&, Findings&) = nullptr;
  // In graphs that vlaq writes for TensorRT this is meant so: of its own bundles it is told only if asked for.
  bool by_design = false;
};

struct Finding {
  const Rule* rule = nullptr;
  std::string graph;  // the model's role or file, and the subgraph: "whole", "model.onnx/If.3.then_branch"
  std::string node, op_type, tensor;
  std::string detail;  // what was found
};

// Collects what the functions of rules report.
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

// Every rule of every version, in the order of docs/preflight.md.
std::span<const Rule> Rules();

// The rows of one file each.
std::span<const Rule> GraphRules();
std::span<const Rule> OperatorRules();
std::span<const Rule> FormRules();
std::span<const Rule> AttributeRules();
std::span<const Rule> ShapeRules();
std::span<const Rule> RecurrentRules();
std::span<const Rule> QuantizedRules();
std::span<const Rule> ScaleRules();

}  // namespace vlaq::preflight
