#include "onnx/inline_functions.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace vlaq::onnx {
namespace {

using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;
using Opsets = google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>;

// Calls nested in calls multiply: what comes out must stay a file.
constexpr auto kMaxBytes = static_cast<uint64_t>(std::numeric_limits<int>::max());
constexpr size_t kMaxNodes = 500'000;

// Fields that the installed libonnx is too old to name: its messages keep them as unknown ones.
constexpr int kFunctionDefaults = 11, kFunctionOverload = 13, kNodeOverload = 8;

std::vector<std::string_view> UnknownFields(const google::protobuf::Message& message, int number) {
  std::vector<std::string_view> found;
  const auto& fields = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    const bool text = field.number() == number && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED;
    if (text) found.emplace_back(field.length_delimited());
  }
  return found;
}

std::string Overload(const google::protobuf::Message& message, int number) {
  const auto found = UnknownFields(message, number);
  return found.empty() ? "" : std::string(found.back());
}

std::string Domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::string KeyOf(const std::string& domain, const std::string& name, const std::string& overload) {
  return fmt::format("{}::{}{}{}", Domain(domain), name, overload.empty() ? "" : ":", overload);
}

std::string NodePlaceOf(const NodeProto& node) {
  return fmt::format("node '{}' ({})", node.name().substr(0, 200), node.op_type().substr(0, 200));
}

struct Function {
  const FunctionProto* proto = nullptr;
  std::map<std::string, AttributeProto> defaults;  // of attributes, by name
  uint64_t bytes = 0;
  bool active = false;  // being expanded
  bool called = false;
};

const int64_t* VersionIn(const Opsets& opsets, const std::string& domain, int64_t& storage) {
  for (const auto& opset : opsets) {
    if (Domain(opset.domain()) != domain) continue;
    storage = opset.version();
    return &storage;
  }
  return nullptr;
}

// Whether an operator of ai.onnx means the same in two opsets, as far as libonnx knows both.
bool SameOperator(const std::string& op_type, int64_t a, int64_t b) {
  const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
  if (std::min(a, b) < 1 || std::max(a, b) > newest) return false;
  const auto* first = ::onnx::OpSchemaRegistry::Schema(op_type, static_cast<int>(a));
  const auto* second = ::onnx::OpSchemaRegistry::Schema(op_type, static_cast<int>(b));
  return first != nullptr && first == second;
}

// Every name that stands for a value anywhere in a graph.
void CollectNames(const GraphProto& graph, std::unordered_set<std::string>& names);
void CollectNames(const Nodes& nodes, std::unordered_set<std::string>& names) {
  for (const NodeProto& node : nodes) {
    names.insert(node.input().begin(), node.input().end());
    names.insert(node.output().begin(), node.output().end());
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) CollectNames(attribute.g(), names);
    }
  }
}
void CollectNames(const GraphProto& graph, std::unordered_set<std::string>& names) {
  for (const auto& input : graph.input()) names.insert(input.name());
  for (const auto& initializer : graph.initializer()) names.insert(initializer.name());
  for (const auto& output : graph.output()) names.insert(output.name());
  CollectNames(graph.node(), names);
}

// Names of the whole model.
class UsedNames {
 public:
  explicit UsedNames(const GraphProto& graph) { CollectNames(graph, names_); }

  // The wanted name, or with the first free number.
  std::string Unique(const std::string& wanted) {
    if (names_.insert(wanted).second) return wanted;
    size_t& number = numbers_[wanted];
    std::string name;
    do {
      name = fmt::format("{}_{}", wanted, ++number);
    } while (!names_.insert(name).second);
    return name;
  }

 private:
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, size_t> numbers_;  // the last that was given
};

// One call: the names and attributes that its function's nodes get.
class Call {
 public:
  Call(const NodeProto& node, const Function& function, UsedNames& names)
      : names_(names), defaults_(function.defaults), prefix_(node.name().empty() ? node.op_type() : node.name()) {
    const FunctionProto& proto = *function.proto;
    for (int i = 0; i < proto.input_size(); ++i) renamed_[proto.input(i)] = i < node.input_size() ? node.input(i) : "";
    for (int i = 0; i < proto.output_size(); ++i) {
      const bool wanted = i < node.output_size() && !node.output(i).empty();
      // A function may hand an input on.
      if (renamed_.contains(proto.output(i))) {
        if (wanted) handed_on_.emplace_back(renamed_[proto.output(i)], node.output(i));
      } else if (wanted) {
        renamed_[proto.output(i)] = node.output(i);
      }
    }
    for (const auto& attribute : node.attribute()) given_[attribute.name()] = &attribute;
  }

  NodeProto Instance(const NodeProto& body) {
    NodeProto node = body;
    FillIn(node);
    return node;
  }

  std::vector<NodeProto> Identities() const {
    std::vector<NodeProto> nodes;
    for (const auto& [from, to] : handed_on_) {
      NodeProto& node = nodes.emplace_back();
      node.set_op_type("Identity");
      node.set_name(prefix_ + "/Identity");
      node.add_input(from);
      node.add_output(to);
    }
    return nodes;
  }

 private:
  std::string Renamed(const std::string& name) {
    if (name.empty()) return name;
    const auto known = renamed_.find(name);
    if (known != renamed_.end()) return known->second;
    return renamed_[name] = names_.Unique(fmt::format("{}/{}", prefix_, name));
  }

  void FillIn(NodeProto& node) {
    for (std::string& input : *node.mutable_input()) input = Renamed(input);
    for (std::string& output : *node.mutable_output()) output = Renamed(output);
    node.set_name(fmt::format("{}/{}", prefix_, node.name().empty() ? node.op_type() : node.name()));
    google::protobuf::RepeatedPtrField<AttributeProto> attributes;
    for (AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.ref_attr_name().empty()) {
        if (attribute.has_g()) FillIn(*attribute.mutable_g());
        *attributes.Add() = std::move(attribute);
      } else if (const AttributeProto* value = ValueOf(attribute.ref_attr_name())) {
        AttributeProto& filled = *attributes.Add();
        filled = *value;
        filled.set_name(attribute.name());
      }  // else it is left out, as the caller did
    }
    node.mutable_attribute()->Swap(&attributes);
  }

  void FillIn(GraphProto& graph) {
    for (auto& input : *graph.mutable_input()) input.set_name(Renamed(input.name()));
    for (auto& initializer : *graph.mutable_initializer()) initializer.set_name(Renamed(initializer.name()));
    for (auto& value : *graph.mutable_value_info()) value.set_name(Renamed(value.name()));
    for (NodeProto& node : *graph.mutable_node()) FillIn(node);
    for (auto& output : *graph.mutable_output()) output.set_name(Renamed(output.name()));
  }

  const AttributeProto* ValueOf(const std::string& name) const {
    const auto given = given_.find(name);
    if (given != given_.end()) return given->second;
    const auto otherwise = defaults_.find(name);
    return otherwise == defaults_.end() ? nullptr : &otherwise->second;
  }

  UsedNames& names_;
  const std::map<std::string, AttributeProto>& defaults_;
  std::string prefix_;
  std::unordered_map<std::string, std::string> renamed_;
  std::map<std::string, const AttributeProto*> given_;
  std::vector<std::pair<std::string, std::string>> handed_on_;
};

class Inliner {
 public:
  explicit Inliner(::onnx::ModelProto& model) : model_(model), names_(model.graph()) {}

  Status Prepare() {
    for (const FunctionProto& proto : model_.functions()) {
      const std::string key = KeyOf(proto.domain(), proto.name(), Overload(proto, kFunctionOverload));
      Function& function = functions_[key];
      if (function.proto != nullptr) return InputError(fmt::format("function '{}'", key), "stands twice");
      function.proto = &proto;
      function.bytes = proto.ByteSizeLong();
      for (const std::string_view bytes : UnknownFields(proto, kFunctionDefaults)) {
        AttributeProto attribute;
        if (!attribute.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
          return InputError(fmt::format("function '{}'", key), "an attribute's default is not an attribute");
        }
        function.defaults.insert_or_assign(attribute.name(), attribute);
      }
    }
    bytes_ = model_.graph().ByteSizeLong();
    return {};
  }

  Status Expand(GraphProto& graph) { return Expand(*graph.mutable_node()); }

  InlinedFunctions Finish() {
    InlinedFunctions result;
    result.calls = calls_;
    for (const auto& [key, function] : functions_) {
      if (function.called) result.functions.push_back(key);
    }
    model_.clear_functions();
    return result;
  }

 private:
  Status Expand(Nodes& nodes) {
    Nodes expanded;
    expanded.Reserve(nodes.size());
    for (NodeProto& node : nodes) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) VLAQ_RETURN_IF_ERROR(Expand(*attribute.mutable_g()));
      }
      const auto function = functions_.find(KeyOf(node.domain(), node.op_type(), Overload(node, kNodeOverload)));
      if (function == functions_.end()) {
        expanded.Add()->Swap(&node);
        continue;
      }
      VLAQ_RETURN_IF_ERROR(ExpandCall(node, function->first, function->second, expanded));
    }
    nodes.Swap(&expanded);
    return {};
  }

  Status ExpandCall(const NodeProto& node, const std::string& key, Function& function, Nodes& expanded) {
    const FunctionProto& proto = *function.proto;
    const auto fail = [&](const std::string& what) {
      return InputError(NodePlaceOf(node), fmt::format("its function {} {}", key, what));
    };
    if (function.active) return fail("calls itself");
    if (node.input_size() > proto.input_size() || node.output_size() > proto.output_size()) {
      return fail(fmt::format("takes {} inputs and gives {} outputs, the call has {} and {}", proto.input_size(),
                              proto.output_size(), node.input_size(), node.output_size()));
    }
    bytes_ += function.bytes;
    nodes_ += static_cast<size_t>(proto.node_size());
    if (bytes_ > kMaxBytes || nodes_ > kMaxNodes) {
      return fail(fmt::format("is called so often that the graph would have more than {} nodes or 2 GB", kMaxNodes));
    }
    Status opsets = TakeOpsets(proto);
    if (!opsets.ok()) return Within(NodePlaceOf(node), Within(fmt::format("function {}", key), opsets.error()));
    ++calls_;
    function.called = function.active = true;
    Call call(node, function, names_);
    Nodes body;
    for (const NodeProto& inner : proto.node()) *body.Add() = call.Instance(inner);
    for (NodeProto& identity : call.Identities()) *body.Add() = std::move(identity);
    VLAQ_RETURN_IF_ERROR(Expand(body));
    function.active = false;
    for (NodeProto& inner : body) expanded.Add()->Swap(&inner);
    return {};
  }

  // A function says itself which opsets its nodes are of; in the model's graph they must mean the same.
  Status TakeOpsets(const FunctionProto& function) {
    for (const NodeProto& node : function.node()) {
      const std::string domain = Domain(node.domain());
      int64_t of_function = 0, of_model = 0;
      if (VersionIn(function.opset_import(), domain, of_function) == nullptr) continue;
      if (VersionIn(model_.opset_import(), domain, of_model) == nullptr) {
        auto* opset = model_.add_opset_import();
        opset->set_domain(domain);
        opset->set_version(of_function);
        continue;
      }
      if (of_function == of_model || !domain.empty()) continue;
      if (SameOperator(node.op_type(), of_function, of_model)) continue;
      return InputError(NodePlaceOf(node), fmt::format("is of opset {}, the model of {}, where the operator may mean "
                                                       "something else",
                                                       of_function, of_model));
    }
    return {};
  }

  ::onnx::ModelProto& model_;
  std::map<std::string, Function> functions_;
  UsedNames names_;
  uint64_t bytes_ = 0;
  size_t calls_ = 0, nodes_ = 0;  // nodes: that calls made
};

}  // namespace

Result<InlinedFunctions> InlineFunctions(::onnx::ModelProto& model) {
  if (model.functions_size() == 0) return InlinedFunctions{};
  Inliner inliner(model);
  VLAQ_RETURN_IF_ERROR(inliner.Prepare());
  VLAQ_RETURN_IF_ERROR(inliner.Expand(*model.mutable_graph()));
  return inliner.Finish();
}

}  // namespace vlaq::onnx
