// One graph as rules look at it: onnx::GraphIndex with the graphs around it, the version of TensorRT that is asked
// about, and the numbers of constants. Reads weights only when a rule asks for one. Not thread-safe (WeightFiles is
// not).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/version.h"
#include "onnx/graph.h"
#include "onnx/graph_index.h"
#include "onnx/model_file.h"

namespace vlaq::check {

// A chain of nodes is followed this far: files may hold circles.
inline constexpr int kMaxSteps = 64;

class GraphView {
 public:
  // All must outlive the view. `outer`: the view of the graph around this subgraph, or null.
  GraphView(const onnx::Model& model, const onnx::Graph& graph, const Version& version, onnx::WeightFiles& files,
            const GraphView* outer);

  const onnx::Model& model() const { return model_; }
  const onnx::Graph& graph() const { return index_.graph(); }
  const Version& version() const { return version_; }
  bool is_subgraph() const { return outer_ != nullptr; }
  int64_t opset() const;

  // The node of this graph that makes a value, or null.
  const onnx::Node* Producer(std::string_view value) const { return index_.Producer(value); }
  // Nodes of this graph that read a value, themselves or by a subgraph.
  const std::vector<const onnx::Node*>& Readers(std::string_view value) const { return index_.Readers(value); }
  // An input of the whole model that no initializer stands for, or null.
  const onnx::ValueInfo* ModelInput(std::string_view value) const;

  // An initializer, or the output of a Constant node.
  bool IsConstant(std::string_view value) const;
  // A constant's elements; nullopt for what is none. An unreadable file is remembered: see error().
  std::optional<Tensor> Value(std::string_view value) const;
  // The same for a list of integers of any width.
  std::optional<std::vector<int64_t>> Integers(std::string_view value) const;

  std::optional<DType> Type(std::string_view value) const;
  // -1 where an extent is not known.
  std::optional<Shape> ShapeOf(std::string_view value) const;

  // The first weight that could not be read.
  Status error() const { return error_; }

 private:
  // Whether only a graph around this one can say what the value is.
  bool IsOuter(std::string_view value) const;

  const onnx::Model& model_;
  const Version& version_;
  onnx::WeightFiles& files_;
  const GraphView* outer_;
  onnx::GraphIndex index_;
  mutable Status error_;
};

// An optional input that is given. Absent ones are "" or beyond the list.
bool Given(const onnx::Node& node, size_t input);
// That input's name, "" if it is absent.
const std::string& InputName(const onnx::Node& node, size_t input);

inline bool IsFloat8(std::optional<DType> dtype) { return dtype == DType::kF8E4M3FN || dtype == DType::kF8E5M2; }

// "int64 [2, 3]" for a tensor in messages.
std::string Described(const Tensor& tensor);

}  // namespace vlaq::check
