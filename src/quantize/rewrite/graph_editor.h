// One graph being rewritten: nodes are taken over or replaced one by one, in order, and the result holds the
// initializers that are used. New nodes must be added before those that read them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/builder.h"
#include "onnx/graph_index.h"
#include "quantize/rewrite/new_weights.h"

namespace vlaq::rewrite {

class GraphEditor {
 public:
  // `source` and `weights` must outlive the editor.
  GraphEditor(const onnx::Model& source, NewWeights& weights);

  const onnx::Graph& source() const { return source_.graph; }
  const onnx::GraphIndex& source_index() const { return index_; }
  // The source's initializer, or null if `value` is not one.
  const onnx::Initializer* SourceWeight(std::string_view value) const { return index_.FindInitializer(value); }

  // Takes a node over, with the initializers that it or its subgraphs read: weights of the shared file as they are.
  Status Copy(const onnx::Node& node);
  // A value for a new node to read; kept if it is an initializer.
  Result<std::string> Operand(const std::string& value);
  // Adds a node as it is.
  void Add(onnx::Node node) { nodes_.push_back(std::move(node)); }
  // `name`, or where the graph has that (or will: a part of a weight may be called so) the name with _ behind it.
  std::string Free(std::string name) const;
  // Adds a node with one output, which bears the node's name, or that of Free(). `attributes` as onnx::GraphBuilder
  // takes them.
  std::string Op(std::string op_type, std::string name, std::vector<std::string> inputs,
                 onnx::Attributes attributes = {}, std::string domain = "");
  // The same for the last node of a replacement: its output bears `output`.
  void OpAs(std::string output, std::string op_type, std::string name, std::vector<std::string> inputs,
            onnx::Attributes attributes = {}, std::string domain = "");

  // A small inline initializer; the same name is stored once.
  std::string Constant(std::string name, const Tensor& tensor);
  // Part of a weight, placed in the shared file. Inline initializers of the source (small constants) cannot be parts:
  // kInternal.
  Result<std::string> Weight(const onnx::Initializer& source, Part part,
                             const std::optional<numerics::WeightChoice>& choice = std::nullopt);

  // A value that was already derived from another in this graph ("x" as int8), so that its readers share it.
  std::optional<std::string> Derived(std::string_view value, std::string_view as) const;
  void SetDerived(std::string_view value, std::string_view as, std::string name);

  // A domain besides ai.onnx whose operators the graph uses now.
  void UseDomain(std::string domain, int64_t version) { model_.opsets[std::move(domain)] = version; }

  // The rewritten model; external initializers have no place in the file yet (ExternalData is empty).
  onnx::Model Finish();

 private:
  // What a copied node reads, or its subgraphs do, if it is an initializer.
  Status Keep(const std::string& value);

  const onnx::Model& source_;
  NewWeights& weights_;
  onnx::GraphIndex index_;  // of the source
  onnx::Model model_;
  std::vector<onnx::Node> nodes_;
  std::map<std::string, onnx::Initializer> kept_;  // of the result, by name
  std::map<std::pair<std::string, std::string>, std::string> derived_;
};

}  // namespace vlaq::rewrite
