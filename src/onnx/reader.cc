#include "onnx/reader.h"

#include <fmt/format.h>

#include <set>

#include "onnx/dtype_codes.h"
#include "onnx/external_path.h"
#include "onnx/model_file.h"
#include "onnx/names.h"
#include "onnx/protobuf.h"
#include "onnx/tensor_proto.h"
#include "onnx/validity.h"

namespace vlaq::onnx {
namespace fs = std::filesystem;
namespace {

// What a model's graphs have in common.
struct Source {
  std::shared_ptr<const void> owner;  // of the bytes that tensors look at
  int64_t opset = 0;                  // of ai.onnx; 0: the model names none
};

// The places in error messages: names come out of the file, so they are cut.
std::string Place(std::string_view what, std::string_view name) {
  return fmt::format("{} '{}'", what, name.substr(0, 200));
}

std::string PlainDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::string_view NonTensorTypeName(const ::onnx::TypeProto& type) {
  switch (type.value_case()) {
    case ::onnx::TypeProto::kSequenceType:
      return "sequence";
    case ::onnx::TypeProto::kMapType:
      return "map";
    case ::onnx::TypeProto::kOptionalType:
      return "optional";
    case ::onnx::TypeProto::kSparseTensorType:
      return "sparse tensor";
    case ::onnx::TypeProto::kTensorType:
    case ::onnx::TypeProto::kOpaqueType:
    case ::onnx::TypeProto::VALUE_NOT_SET:
      break;
  }
  return type.value_case() == ::onnx::TypeProto::VALUE_NOT_SET ? kUntyped : "opaque";
}

ValueInfo ReadValueInfo(const ::onnx::ValueInfoProto& proto) {
  ValueInfo info;
  info.name = proto.name();
  const auto& type = proto.type();
  if (!type.has_tensor_type()) {
    info.has_shape = false;
    info.other_type = NonTensorTypeName(type);
    return info;
  }
  const auto dtype = DTypeOfCode(type.tensor_type().elem_type());
  if (!dtype) info.other_type = fmt::format("tensor of {}", CodeName(type.tensor_type().elem_type()));
  info.dtype = dtype.value_or(DType::kF32);
  info.has_shape = type.tensor_type().has_shape();
  for (const auto& dim : type.tensor_type().shape().dim()) {
    // Some exporters write -1 for an unknown extent.
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      info.dims.push_back(Dim::Fixed(dim.dim_value()));
    } else {
      info.dims.push_back(Dim::Named(dim.dim_param()));
    }
  }
  return info;
}

std::vector<ValueInfo> ReadValueInfos(const google::protobuf::RepeatedPtrField<::onnx::ValueInfoProto>& protos) {
  std::vector<ValueInfo> infos;
  infos.reserve(static_cast<size_t>(protos.size()));
  for (const auto& proto : protos) infos.push_back(ReadValueInfo(proto));
  return infos;
}

Result<Graph> ReadGraph(const ::onnx::GraphProto& proto, const Source& source);

Result<AttributeValue> ReadAttribute(const ::onnx::AttributeProto& proto, const Source& source) {
  using Proto = ::onnx::AttributeProto;
  if (!proto.ref_attr_name().empty()) return InputError("", "refers to a function's attribute outside of a function");
  switch (proto.type()) {
    case Proto::INT:
      return AttributeValue(proto.i());
    case Proto::FLOAT:
      return AttributeValue(proto.f());
    case Proto::STRING:
      return AttributeValue(proto.s());
    case Proto::INTS:
      return AttributeValue(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
    case Proto::FLOATS:
      return AttributeValue(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case Proto::STRINGS:
      return AttributeValue(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    case Proto::TENSOR: {
      VLAQ_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(proto.t(), source.owner));
      return AttributeValue(std::move(tensor));
    }
    case Proto::GRAPH: {
      VLAQ_ASSIGN_OR_RETURN(Graph graph, ReadGraph(proto.g(), source));
      return AttributeValue(std::shared_ptr<const Graph>(std::make_shared<Graph>(std::move(graph))));
    }
    case Proto::UNDEFINED:
    case Proto::TENSORS:
    case Proto::GRAPHS:
    case Proto::SPARSE_TENSOR:
    case Proto::SPARSE_TENSORS:
    case Proto::TYPE_PROTO:
    case Proto::TYPE_PROTOS:
      break;
  }
  return InputError("",
                    fmt::format("attributes of kind {} are not supported", Proto::AttributeType_Name(proto.type())));
}

Result<Node> ReadNode(const ::onnx::NodeProto& proto, const Source& source) {
  if (source.opset > 0) VLAQ_RETURN_IF_ERROR(CheckSchema(proto, source.opset));
  Node node;
  node.op_type = proto.op_type();
  node.name = proto.name();
  node.domain = PlainDomain(proto.domain());
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (const auto& attribute : proto.attribute()) {
    auto value = ReadAttribute(attribute, source);
    if (!value.ok()) return Within(Place("attribute", attribute.name()), value.error());
    if (!node.attributes.emplace(attribute.name(), *std::move(value)).second) {
      return InputError(Place("attribute", attribute.name()), "stands twice");
    }
  }
  return node;
}

Result<std::vector<Initializer>> ReadInitializers(const ::onnx::GraphProto& proto, const Source& source) {
  if (proto.sparse_initializer_size() > 0) return InputError("", "sparse initializers are not supported");
  std::vector<Initializer> initializers;
  initializers.reserve(static_cast<size_t>(proto.initializer_size()));
  std::set<std::string_view> names;
  for (const auto& tensor : proto.initializer()) {
    auto initializer = ReadInitializer(tensor, source.owner);
    if (!initializer.ok()) return Within(Place("initializer", tensor.name()), initializer.error());
    if (!names.insert(tensor.name()).second) return InputError(Place("initializer", tensor.name()), "stands twice");
    initializers.push_back(*std::move(initializer));
  }
  return initializers;
}

// The tensor of a Constant node that lies in a file of its own, as some exporters write large ones; null for others.
const ::onnx::TensorProto* ExternalConstant(const ::onnx::NodeProto& node) {
  if (node.op_type() != "Constant" || !PlainDomain(node.domain()).empty() || node.output_size() != 1) return nullptr;
  for (const auto& attribute : node.attribute()) {
    const bool external = attribute.name() == "value" && attribute.has_t() &&
                          attribute.t().data_location() == ::onnx::TensorProto::EXTERNAL;
    if (external) return &attribute.t();
  }
  return nullptr;
}

Result<Graph> ReadGraph(const ::onnx::GraphProto& proto, const Source& source) {
  Graph graph;
  graph.name = proto.name();
  graph.inputs = ReadValueInfos(proto.input());
  graph.outputs = ReadValueInfos(proto.output());
  graph.values = ReadValueInfos(proto.value_info());
  VLAQ_ASSIGN_OR_RETURN(graph.initializers, ReadInitializers(proto, source));
  graph.nodes.reserve(static_cast<size_t>(proto.node_size()));
  for (const auto& node_proto : proto.node()) {
    if (const auto* constant = ExternalConstant(node_proto)) {  // which an initializer says as well
      auto initializer = ReadInitializer(*constant, source.owner);
      if (!initializer.ok()) return Within(Place("node", node_proto.name()), initializer.error());
      initializer->name = node_proto.output(0);
      graph.initializers.push_back(*std::move(initializer));
      continue;
    }
    auto node = ReadNode(node_proto, source);
    if (!node.ok()) {
      const bool named = !node_proto.name().empty();
      return Within(Place(named ? "node" : "operator", named ? node_proto.name() : node_proto.op_type()), node.error());
    }
    graph.nodes.push_back(*std::move(node));
  }
  return graph;
}

// External ranges against the files, each file looked at once. Subgraphs included.
class RangeCheck {
 public:
  explicit RangeCheck(fs::path folder) : folder_(std::move(folder)) {}

  Status Check(const Graph& graph) {
    for (const Initializer& initializer : graph.initializers) {
      if (!initializer.is_external()) continue;
      const Status status = CheckOne(initializer, std::get<ExternalData>(initializer.data));
      if (!status.ok()) return Within(Place("initializer", initializer.name), status.error());
    }
    for (const Node& node : graph.nodes) {
      for (const auto& [name, value] : node.attributes) {
        const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
        if (subgraph != nullptr) VLAQ_RETURN_IF_ERROR(Check(**subgraph));
      }
    }
    return {};
  }

 private:
  Status CheckOne(const Initializer& initializer, const ExternalData& external) {
    auto known = sizes_.find(external.location);
    if (known == sizes_.end()) {
      std::error_code error;
      const fs::path file = folder_ / external.location;
      const bool regular = fs::is_regular_file(file, error);
      const uintmax_t size = regular ? fs::file_size(file, error) : 0;
      if (!regular || error) {
        return InputError("", fmt::format("its external data file {} is missing", file.string()),
                          "keep the weights file beside the model");
      }
      known = sizes_.emplace(external.location, size).first;
    }
    return CheckRange(initializer, external, known->second);
  }

  fs::path folder_;
  std::map<std::string, uint64_t> sizes_;
};

Result<Model> Convert(const ::onnx::ModelProto& proto, const std::shared_ptr<const void>& owner) {
  Model model;
  model.ir_version = proto.ir_version();
  model.opsets.clear();
  for (const auto& opset : proto.opset_import()) model.opsets[PlainDomain(opset.domain())] = opset.version();
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  model.local_functions = static_cast<size_t>(proto.functions_size());
  const auto opset = model.opsets.find("");
  VLAQ_ASSIGN_OR_RETURN(model.graph,
                        ReadGraph(proto.graph(), {owner, opset == model.opsets.end() ? 0 : opset->second}));
  VLAQ_RETURN_IF_ERROR(CheckStructure(model.graph));
  VLAQ_RETURN_IF_ERROR(CheckInputTypes(model.graph));
  VLAQ_RETURN_IF_ERROR(CheckDomains(model.graph, model.opsets));
  return model;
}

}  // namespace

Result<Model> ModelOf(const std::shared_ptr<::onnx::ModelProto>& proto, const fs::path& folder,
                      const std::string& name) {
  auto model = Convert(*proto, proto);
  if (!model.ok()) return Within(name, model.error());
  const Status ranges = RangeCheck(folder).Check(model->graph);
  if (!ranges.ok()) return Within(name, ranges.error());
  return model;
}

Result<Model> ReadModel(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelFile(path));
  return ModelOf(proto, path.parent_path(), path.string());
}

Result<Model> ReadModelBytes(const std::shared_ptr<const std::string>& bytes, const fs::path& folder,
                             const std::string& name) {
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelProto(AsBytes(*bytes), name));
  return ModelOf(proto, folder, name);
}

}  // namespace vlaq::onnx
