// Random models and a full text form of a model, for the tests of this module.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "base/random.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Every field of a graph as text; two graphs are equal when their texts are.
inline std::string Describe(const Graph& graph);

inline std::string Describe(const Tensor& tensor) {
  std::string hex;
  for (const std::byte byte : tensor.bytes()) hex += fmt::format("{:02x}", std::to_integer<int>(byte));
  return fmt::format("{}{}={}", DTypeName(tensor.dtype()), ShapeText(tensor.shape()), hex);
}

struct DescribeAttribute {
  std::string operator()(int64_t value) const { return fmt::format("int {}", value); }
  std::string operator()(float value) const { return fmt::format("float {}", value); }
  std::string operator()(const std::string& value) const { return fmt::format("string {}", value); }
  std::string operator()(const std::vector<int64_t>& value) const { return fmt::format("ints {}", value); }
  std::string operator()(const std::vector<float>& value) const { return fmt::format("floats {}", value); }
  std::string operator()(const std::vector<std::string>& value) const { return fmt::format("strings {}", value); }
  std::string operator()(const Tensor& value) const { return Describe(value); }
  std::string operator()(const std::shared_ptr<const Graph>& value) const { return Describe(*value); }
};

inline std::string Describe(const ValueInfo& info) {
  return fmt::format("{} {} {} {} '{}'\n", info.name, DTypeName(info.dtype), info.has_shape, DimsText(info.dims),
                     info.other_type);
}

inline std::string Describe(const Graph& graph) {
  std::string text = "graph " + graph.name + "\n";
  for (const auto* infos : {&graph.inputs, &graph.outputs, &graph.values}) {
    for (const ValueInfo& info : *infos) text += Describe(info);
    text += "--\n";
  }
  for (const Initializer& initializer : graph.initializers) {
    text += fmt::format("{} {} {} ", initializer.name, DTypeName(initializer.dtype), ShapeText(initializer.shape));
    if (const auto* external = std::get_if<ExternalData>(&initializer.data)) {
      text += fmt::format("{} {} {}\n", external->location, external->offset, external->length);
    } else {
      text += Describe(std::get<Tensor>(initializer.data)) + "\n";
    }
  }
  for (const Node& node : graph.nodes) {
    text += fmt::format("{} '{}' '{}' {} {}", node.op_type, node.name, node.domain, node.inputs, node.outputs);
    for (const auto& [name, value] : node.attributes) {
      text += fmt::format(" {}:{}", name, std::visit(DescribeAttribute{}, value));
    }
    text += "\n";
  }
  return text;
}

inline std::string Describe(const Model& model) {
  return fmt::format("{} {} {} {} {} {}\n", model.ir_version, model.opsets, model.producer_name, model.producer_version,
                     model.metadata, model.local_functions) +
         Describe(model.graph);
}

// Valid graphs of operators that do not exist, a pure function of the seed. External data
// lies inside "weights.bin", which must have kRandomWeightBytes bytes.
class RandomModel {
 public:
  static constexpr uint64_t kWeightBytes = 4096;

  explicit RandomModel(uint64_t seed) : random_(seed) {}

  Model Make() {
    Model model;
    model.ir_version = Number(3, 10);
    model.opsets = {{"", Number(9, 21)}};
    model.opsets["com.microsoft"] = 1;
    model.producer_name = Name();
    model.producer_version = Coin() ? "" : "1.2";
    for (int64_t i = Number(0, 3); i > 0; --i) model.metadata[Name()] = Name();
    model.graph = MakeGraph(0);
    return model;
  }

 private:
  bool Coin() { return random_.Below(2) == 0; }
  int64_t Number(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(high - low + 1)));
  }
  std::string Name() { return fmt::format("n{}", next_name_++); }

  DType Type() {
    static constexpr DType kTypes[] = {DType::kBool, DType::kU8,  DType::kI8,  DType::kU16,  DType::kI16,
                                       DType::kU32,  DType::kI32, DType::kU64, DType::kI64,  DType::kF8E4M3FN,
                                       DType::kF16,  DType::kF32, DType::kF64, DType::kBF16, DType::kC64};
    return kTypes[random_.Below(std::size(kTypes))];
  }
  Shape MakeShape() {
    Shape shape(static_cast<size_t>(Number(0, 3)));
    for (int64_t& extent : shape) extent = Number(0, 4);
    return shape;
  }
  Tensor MakeTensor(DType dtype, Shape shape) {
    Tensor tensor = Tensor::Make(dtype, std::move(shape));
    for (std::byte& byte : tensor.mutable_bytes()) byte = static_cast<std::byte>(random_.Below(256));
    return tensor;
  }
  ValueInfo Info() {
    ValueInfo info{Name(), Type(), Coin(), {}, ""};
    for (int64_t i = info.has_shape ? Number(0, 4) : 0; i > 0; --i) {
      info.dims.push_back(Coin() ? Dim::Fixed(Number(0, 9)) : Coin() ? Dim::Named(Name()) : Dim{});
    }
    return info;
  }
  AttributeValue Attribute(int depth) {
    switch (random_.Below(depth < 3 ? 8 : 7)) {
      case 0:
        return Number(-5, 5);
      case 1:
        return static_cast<float>(random_.Normal());
      case 2:
        return std::string("text with \0 zero", 16);
      case 3:
        return std::vector<int64_t>(static_cast<size_t>(Number(0, 3)), 1LL << 40U);
      case 4:
        return std::vector<float>(static_cast<size_t>(Number(0, 3)), 0.25F);
      case 5:
        return std::vector<std::string>(static_cast<size_t>(Number(0, 3)), "s");
      case 6:
        return MakeTensor(Type(), MakeShape());
      default:
        return std::shared_ptr<const Graph>(std::make_shared<Graph>(MakeGraph(depth + 1)));
    }
  }
  Initializer MakeInitializer() {
    Initializer initializer{Name(), Type(), MakeShape(), {}};
    if (Coin()) {
      initializer.data = MakeTensor(initializer.dtype, initializer.shape);
    } else {
      const uint64_t bytes = initializer.bytes();
      initializer.data = ExternalData{"weights.bin", random_.Below(kWeightBytes - bytes + 1), bytes};
    }
    return initializer;
  }
  Graph MakeGraph(int depth) {
    Graph graph;
    graph.name = Name();
    for (int64_t i = Number(0, 3); i > 0; --i) graph.inputs.push_back(Info());
    for (int64_t i = Number(0, 3); i > 0; --i) graph.values.push_back(Info());
    for (int64_t i = Number(0, 3); i > 0; --i) graph.initializers.push_back(MakeInitializer());
    std::vector<std::string> defined;
    for (const ValueInfo& input : graph.inputs) defined.push_back(input.name);
    for (const Initializer& initializer : graph.initializers) defined.push_back(initializer.name);
    const auto any = [&] { return defined[random_.Below(defined.size())]; };
    for (int64_t i = Number(0, 4); i > 0; --i) {
      Node node{Name(), Coin() ? "" : Name(), Coin() ? "" : "com.microsoft", {}, {}, {}};
      for (int64_t k = Number(0, 3); k > 0; --k) node.inputs.push_back(Coin() || defined.empty() ? "" : any());
      for (int64_t k = Number(1, 2); k > 0; --k) node.outputs.push_back(Name());
      for (int64_t k = Number(0, 3); k > 0; --k) node.attributes.emplace(Name(), Attribute(depth));
      defined.insert(defined.end(), node.outputs.begin(), node.outputs.end());
      graph.nodes.push_back(std::move(node));
    }
    for (int64_t i = defined.empty() ? 0 : Number(0, 3); i > 0; --i) {
      graph.outputs.push_back(Info());
      graph.outputs.back().name = any();
    }
    return graph;
  }

  Random random_;
  int next_name_ = 0;
};

}  // namespace vlaq::onnx
