// Builds a Graph readably: nodes get hierarchical unique names from the scopes they are made in, and every input must
// be there before it is used, so the result is topologically sorted. A node's value bears the node's name
// ("text/layer.0/attention/query"), further outputs a suffix (".1").
//
// A mistake of the caller (an input that is not defined, a name used twice) is remembered, building goes on, and
// Finish() returns the first one. Not aware of: operators and their types (the checker is). Not thread-safe.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

using Attributes = std::map<std::string, AttributeValue>;
// Spelled out where an attribute is a list: {{"axes", Ints{1, 2}}}.
using Ints = std::vector<int64_t>;

class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name) { graph_.name = std::move(name); }

  // Puts "part/" before the names of what is made while it lives.
  class [[nodiscard]] Scope {
   public:
    Scope(GraphBuilder& builder, std::string_view part) : builder_(builder), outer_(builder.scope_.size()) {
      builder_.scope_.append(part).append("/");
    }
    ~Scope() { builder_.scope_.resize(outer_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    GraphBuilder& builder_;
    size_t outer_;
  };
  Scope Enter(std::string_view part) { return Scope(*this, part); }
  // "text/layer.0/", or "" at the top.
  const std::string& scope() const { return scope_; }

  // Names of inputs, outputs and external weights are taken as they are, without the scope.
  std::string Input(std::string name, DType dtype, std::vector<Dim> dims);
  // Makes `value` a graph output under `name`: whatever made it gives it that name; inputs, initializers and values
  // that are an output already pass through an Identity.
  void Output(std::string_view value, std::string name, DType dtype, std::vector<Dim> dims);

  // A weight in an external file. Asking twice for the same gives the same; other data under the same name is an error.
  std::string External(std::string name, DType dtype, Shape shape, ExternalData data);
  // A small inline initializer. Equal contents are stored once, under the name of the first.
  std::string Constant(std::string_view name, const Tensor& tensor);
  // int64 [n], int64 scalar and float32 scalar, named by their values.
  std::string Constant(const Ints& values);
  std::string Constant(int64_t value);
  std::string Constant(float value);

  // Adds a node; `name` is made unique within its scope and is the operator's when left out. "" as an input leaves an
  // optional input out. Returns the name of the only output.
  std::string Op(std::string op_type, std::vector<std::string> inputs, Attributes attributes = {},
                 std::string_view name = "");
  // The same with several outputs.
  std::vector<std::string> Ops(std::string op_type, std::vector<std::string> inputs, size_t outputs,
                               Attributes attributes = {}, std::string_view name = "");
  // The domain of nodes made from now on is looked up by operator here ("" for all others).
  void SetDomain(std::string op_type, std::string domain) { domains_[std::move(op_type)] = std::move(domain); }

  bool IsDefined(std::string_view value) const { return defined_.count(std::string(value)) > 0; }

  // The graph; the builder is empty afterwards. Errors: kInternal for the first mistake.
  Result<Graph> Finish();

 private:
  void Define(const std::string& name);
  void Fail(std::string where, std::string what);
  std::string Unique(std::string_view name);
  void RenameValue(const std::string& from, const std::string& to);

  Graph graph_;
  std::string scope_;
  std::set<std::string> defined_;
  std::unordered_map<std::string, size_t> suffixes_;          // how often a name was asked for
  std::unordered_map<std::string, std::string> constants_;    // content -> name
  std::unordered_map<std::string, size_t> externals_;         // name -> index of the initializer
  std::vector<std::pair<std::string, std::string>> renamed_;  // value -> output name
  std::map<std::string, std::string> domains_;
  std::optional<Error> error_;
};

// A model around a graph with the module's defaults (IR 8, opset 17).
Model MakeModel(Graph graph, std::string_view producer_version);

}  // namespace vlaq::onnx
