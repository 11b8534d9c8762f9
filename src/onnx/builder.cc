#include "onnx/builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/bytes.h"

namespace vlaq::onnx {

void GraphBuilder::Fail(std::string where, std::string what) {
  if (!error_) error_ = InternalError(std::move(where), std::move(what));
}

void GraphBuilder::Define(const std::string& name) {
  if (name.empty()) Fail(graph_.name, "a value has no name");
  if (!defined_.insert(name).second) Fail(graph_.name, fmt::format("the value '{}' is defined twice", name));
}

std::string GraphBuilder::Unique(std::string_view name) {
  const std::string full = scope_ + std::string(name);
  std::string candidate = full;
  size_t& count = suffixes_[full];
  while (defined_.count(candidate) > 0) candidate = fmt::format("{}_{}", full, ++count);
  return candidate;
}

std::string GraphBuilder::Input(std::string name, DType dtype, std::vector<Dim> dims) {
  Define(name);
  graph_.inputs.push_back({name, dtype, true, std::move(dims), ""});
  return name;
}

void GraphBuilder::Output(std::string_view value, std::string name, DType dtype, std::vector<Dim> dims) {
  const std::string from(value);
  if (!IsDefined(from)) Fail(fmt::format("output '{}'", name), fmt::format("'{}' is not defined", from));
  if (from != name) Define(name);
  const auto is_from = [&](const auto& it) { return it.name == from; };
  const bool made_by_node = std::none_of(graph_.inputs.begin(), graph_.inputs.end(), is_from) &&
                            std::none_of(graph_.initializers.begin(), graph_.initializers.end(), is_from);
  const bool taken =
      std::any_of(renamed_.begin(), renamed_.end(), [&](const auto& pair) { return pair.first == from; });
  if (made_by_node && !taken) {
    renamed_.emplace_back(from, name);
  } else {
    graph_.nodes.push_back({"Identity", name, "", {from}, {name}, {}});
  }
  graph_.outputs.push_back({std::move(name), dtype, true, std::move(dims), ""});
}

std::string GraphBuilder::External(std::string name, DType dtype, Shape shape, ExternalData data) {
  const auto [it, is_new] = externals_.emplace(name, graph_.initializers.size());
  if (is_new) {
    Define(name);
    graph_.initializers.push_back({name, dtype, std::move(shape), std::move(data)});
    return name;
  }
  const Initializer& known = graph_.initializers[it->second];
  const auto& known_data = std::get<ExternalData>(known.data);
  if (known.dtype != dtype || known.shape != shape || known_data.location != data.location ||
      known_data.offset != data.offset || known_data.length != data.length) {
    Fail(fmt::format("initializer '{}'", name), "is asked for twice with different data");
  }
  return name;
}

std::string GraphBuilder::Constant(std::string_view name, const Tensor& tensor) {
  std::string content = fmt::format("{}{}:", DTypeName(tensor.dtype()), ShapeText(tensor.shape()));
  content += AsText(tensor.bytes());
  const auto it = constants_.find(content);
  if (it != constants_.end()) return it->second;
  // Shared by everything that needs this content, so it belongs to no scope.
  const std::string scope = std::exchange(scope_, "");
  std::string unique = Unique(name);
  scope_ = scope;
  Define(unique);
  graph_.initializers.push_back({unique, tensor.dtype(), tensor.shape(), tensor});
  constants_.emplace(std::move(content), unique);
  return unique;
}

std::string GraphBuilder::Constant(const Ints& values) {
  const Tensor tensor = Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values);
  const std::string name = values.size() > 8 ? "constant/ints" : fmt::format("constant/[{}]", fmt::join(values, ","));
  return Constant(name, tensor);
}

std::string GraphBuilder::Constant(int64_t value) {
  return Constant(fmt::format("constant/{}", value), Tensor::Scalar(value));
}

std::string GraphBuilder::Constant(float value) {
  return Constant(fmt::format("constant/{:g}f", value), Tensor::Scalar(value));
}

std::vector<std::string> GraphBuilder::Ops(std::string op_type, std::vector<std::string> inputs, size_t outputs,
                                           Attributes attributes, std::string_view name) {
  Node node;
  node.name = Unique(name.empty() ? op_type : name);
  for (const std::string& input : inputs) {
    if (!input.empty() && !IsDefined(input)) {
      Fail(fmt::format("node '{}' ({})", node.name, op_type), fmt::format("its input '{}' is not defined", input));
    }
  }
  for (size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(i == 0 ? node.name : fmt::format("{}.{}", node.name, i));
    Define(node.outputs.back());
  }
  const auto domain = domains_.find(op_type);
  if (domain != domains_.end()) node.domain = domain->second;
  node.op_type = std::move(op_type);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs;
}

std::string GraphBuilder::Op(std::string op_type, std::vector<std::string> inputs, Attributes attributes,
                             std::string_view name) {
  return Ops(std::move(op_type), std::move(inputs), 1, std::move(attributes), name).front();
}

void GraphBuilder::RenameValue(const std::string& from, const std::string& to) {
  for (Node& node : graph_.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    std::replace(node.outputs.begin(), node.outputs.end(), from, to);
  }
}

Result<Graph> GraphBuilder::Finish() {
  if (error_) return *error_;
  for (const auto& [from, to] : renamed_) RenameValue(from, to);
  Graph graph = std::move(graph_);
  *this = GraphBuilder("");
  return graph;
}

Model MakeModel(Graph graph, std::string_view producer_version) {
  Model model;
  model.producer_version = producer_version;
  model.graph = std::move(graph);
  return model;
}

}  // namespace vlaq::onnx
