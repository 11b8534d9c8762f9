#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>

#include "onnx/dtype_codes.h"
#include "onnx/model_file.h"
#include "onnx/names.h"
#include "onnx/protobuf.h"
#include "onnx/tensor_proto.h"

namespace vlaq::onnx {
namespace {

constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int>::max());

Status WriteValueInfo(const ValueInfo& info, ::onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  if (info.other_type == kUntyped) return {};
  const auto code = CodeOfDType(info.dtype);
  if (!info.other_type.empty() || !code) {
    const std::string type = info.other_type.empty() ? std::string(DTypeName(info.dtype)) : info.other_type;
    return InputError(fmt::format("value '{}'", info.name), fmt::format("its type, {}, cannot be written", type));
  }
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(*code);
  if (!info.has_shape) return {};
  auto* shape = type->mutable_shape();
  for (const Dim& dim : info.dims) {
    auto* written = shape->add_dim();
    if (dim.value >= 0) {
      written->set_dim_value(dim.value);
    } else if (!dim.name.empty()) {
      written->set_dim_param(dim.name);
    }
  }
  return {};
}

Status WriteGraph(const Graph& graph, ::onnx::GraphProto& proto);

// Fills one AttributeProto from whichever alternative the value holds.
struct AttributeWriter {
  using Proto = ::onnx::AttributeProto;
  Proto& proto;

  Status operator()(int64_t value) const {
    proto.set_type(Proto::INT);
    proto.set_i(value);
    return {};
  }
  Status operator()(float value) const {
    proto.set_type(Proto::FLOAT);
    proto.set_f(value);
    return {};
  }
  Status operator()(const std::string& value) const {
    proto.set_type(Proto::STRING);
    proto.set_s(value);
    return {};
  }
  Status operator()(const std::vector<int64_t>& values) const {
    proto.set_type(Proto::INTS);
    proto.mutable_ints()->Add(values.begin(), values.end());
    return {};
  }
  Status operator()(const std::vector<float>& values) const {
    proto.set_type(Proto::FLOATS);
    proto.mutable_floats()->Add(values.begin(), values.end());
    return {};
  }
  Status operator()(const std::vector<std::string>& values) const {
    proto.set_type(Proto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
    return {};
  }
  Status operator()(const Tensor& value) const {
    proto.set_type(Proto::TENSOR);
    return WriteTensor(value, *proto.mutable_t());
  }
  Status operator()(const std::shared_ptr<const Graph>& value) const {
    proto.set_type(Proto::GRAPH);
    return WriteGraph(*value, *proto.mutable_g());
  }
};

Status WriteNode(const Node& node, ::onnx::NodeProto& proto) {
  proto.set_op_type(node.op_type);
  proto.set_name(node.name);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const auto& [name, value] : node.attributes) {
    auto* attribute = proto.add_attribute();
    attribute->set_name(name);
    const Status status = std::visit(AttributeWriter{*attribute}, value);
    if (!status.ok()) return Within(fmt::format("node '{}': attribute '{}'", node.name, name), status.error());
  }
  return {};
}

Status WriteGraph(const Graph& graph, ::onnx::GraphProto& proto) {
  proto.set_name(graph.name);
  for (const ValueInfo& info : graph.inputs) VLAQ_RETURN_IF_ERROR(WriteValueInfo(info, *proto.add_input()));
  for (const ValueInfo& info : graph.outputs) VLAQ_RETURN_IF_ERROR(WriteValueInfo(info, *proto.add_output()));
  for (const ValueInfo& info : graph.values) {  // nobody needs them, so those of other types are left out
    if (info.other_type.empty()) VLAQ_RETURN_IF_ERROR(WriteValueInfo(info, *proto.add_value_info()));
  }
  for (const Initializer& initializer : graph.initializers) {
    const Status status = WriteInitializer(initializer, *proto.add_initializer());
    if (!status.ok()) return Within(fmt::format("initializer '{}'", initializer.name), status.error());
  }
  for (const Node& node : graph.nodes) VLAQ_RETURN_IF_ERROR(WriteNode(node, *proto.add_node()));
  return {};
}

// Inline weights of the main graph; looked at before anything is copied.
uint64_t InlineBytes(const Graph& graph) {
  uint64_t bytes = 0;
  for (const Initializer& initializer : graph.initializers)
    bytes += initializer.is_external() ? 0 : initializer.bytes();
  return bytes;
}

Error TooLarge(uint64_t bytes) {
  return InputError("", fmt::format("{} bytes do not fit an ONNX file (2 GB); weights must be external", bytes));
}

}  // namespace

Result<std::string> Serialize(const Model& model) {
  QuietProtobuf();
  if (model.local_functions > 0)
    return InputError("", "has functions of its own, which vlaq cannot write",
                      "inline them: onnx.inliner.inline_local_functions in Python");
  if (InlineBytes(model.graph) > kLargest) return TooLarge(InlineBytes(model.graph));
  ::onnx::ModelProto proto;
  proto.set_ir_version(model.ir_version);
  proto.set_producer_name(model.producer_name);
  proto.set_producer_version(model.producer_version);
  for (const auto& [domain, version] : model.opsets) {
    auto* opset = proto.add_opset_import();
    opset->set_domain(domain);
    opset->set_version(version);
  }
  for (const auto& [key, value] : model.metadata) {
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  VLAQ_RETURN_IF_ERROR(WriteGraph(model.graph, *proto.mutable_graph()));
  const size_t size = proto.ByteSizeLong();
  if (size > kLargest) return TooLarge(size);
  std::string text;
  text.reserve(size);
  {
    google::protobuf::io::StringOutputStream stream(&text);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    proto.SerializeWithCachedSizes(&coded);
  }
  return text;
}

}  // namespace vlaq::onnx
