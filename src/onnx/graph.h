// An ONNX model as a plain value: what readers give, architectures build, passes change and writers take.
// In scope: structure. Not aware of: protobuf (onnx/README.md names the files that are), execution, rules of
// targets. Copies are cheap for weights (Tensor shares its bytes). Not synchronized.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::onnx {

struct Graph;

// One extent of a declared shape: a number, a name ("batch"), or unknown (neither).
struct Dim {
  int64_t value = -1;  // -1: not a number
  std::string name;

  static Dim Fixed(int64_t value) { return {value, ""}; }
  static Dim Named(std::string name) { return {-1, std::move(name)}; }
  bool operator==(const Dim&) const = default;
};

// A graph input, output or intermediate value with its declared type. Non-tensor types (sequences, maps) keep their
// name in `other_type` and have no shape.
struct ValueInfo {
  std::string name;
  DType dtype = DType::kF32;
  bool has_shape = true;
  std::vector<Dim> dims;
  std::string other_type;
};
std::string DimsText(const std::vector<Dim>& dims);  // "[batch, 3, 224, 224]"

// Where an external initializer's bytes lie, relative to the model's folder.
struct ExternalData {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct Initializer {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::variant<Tensor, ExternalData> data;

  bool is_external() const { return std::holds_alternative<ExternalData>(data); }
  uint64_t bytes() const { return ByteCount(dtype, shape).value_or(0); }
};

using AttributeValue = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                                    std::vector<std::string>, Tensor, std::shared_ptr<const Graph>>;

struct Node {
  std::string op_type;
  std::string name;
  std::string domain;               // "" is ai.onnx
  std::vector<std::string> inputs;  // "" for an optional input left out
  std::vector<std::string> outputs;
  std::map<std::string, AttributeValue> attributes;  // sorted, so that files are deterministic

  // Typed access with a default for an absent attribute. A present attribute of another type counts as absent; the
  // checker refuses such models.
  int64_t Int(std::string_view attribute, int64_t otherwise) const;
  float Float(std::string_view attribute, float otherwise) const;
  std::string String(std::string_view attribute, std::string_view otherwise) const;
  std::vector<int64_t> Ints(std::string_view attribute) const;
  const Tensor* TensorAttribute(std::string_view attribute) const;
};

// A Constant node's value as a tensor; nullopt for another node, and for text or sparse values.
std::optional<Tensor> ConstantOf(const Node& node);

struct Graph {
  std::string name;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<ValueInfo> values;  // declared intermediate values, optional
  std::vector<Initializer> initializers;
  std::vector<Node> nodes;  // topologically sorted

  const Initializer* FindInitializer(std::string_view wanted) const;
};

struct Model {
  int64_t ir_version = 8;
  std::map<std::string, int64_t> opsets = {{"", 17}};
  std::string producer_name = "vlaq";
  std::string producer_version;
  std::map<std::string, std::string> metadata;
  Graph graph;
  size_t local_functions = 0;  // counted when reading; vlaq neither writes nor runs them
};

}  // namespace vlaq::onnx
