#include "backend/reference/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/version.h"
#include "onnx/model_file.h"

namespace vlaq::backend {
namespace {

constexpr int64_t kFirstOpset = 13;
constexpr int64_t kLastOpset = 21;

Error Refused(const std::string& where, std::string what) {
  return Error{ErrorCode::kBackend, std::move(what), where, "use the back end onnxruntime for this model"};
}

Status CheckModel(const onnx::Model& model) {
  const auto opset = model.opsets.find("");
  const int64_t version = opset == model.opsets.end() ? 0 : opset->second;
  if (version < kFirstOpset || version > kLastOpset) {
    return Refused(
        "", fmt::format("the reference back end knows opset {} to {}, not {}", kFirstOpset, kLastOpset, version));
  }
  for (const onnx::Node& node : model.graph.nodes) {
    if (!HasReferenceOperator(node.op_type, node.domain)) {
      return Refused(fmt::format("node '{}'", node.name),
                     fmt::format("the reference back end has no operator {}{}{}", node.domain,
                                 node.domain.empty() ? "" : ".", node.op_type));
    }
  }
  return {};
}

Result<Port> DescribePort(const onnx::ValueInfo& info) {
  if (!info.other_type.empty()) return Refused(fmt::format("'{}'", info.name), "has the type " + info.other_type);
  Port port{info.name, info.dtype, {}, {}};
  for (const onnx::Dim& dim : info.dims) {
    port.dims.push_back(dim.value);
    port.dim_names.push_back(dim.name);
  }
  return port;
}

class ReferenceModel final : public OpenedModel {
 public:
  Status Load(onnx::Model model, const std::filesystem::path& folder) {
    VLAQ_RETURN_IF_ERROR(CheckModel(model));
    graph_ = std::move(model.graph);
    onnx::WeightFiles files(folder);
    for (const onnx::Initializer& initializer : graph_.initializers) {
      VLAQ_ASSIGN_OR_RETURN(weights_[initializer.name], files.Load(initializer));
    }
    for (const onnx::ValueInfo& info : graph_.inputs) {
      if (weights_.count(info.name) > 0) continue;
      VLAQ_ASSIGN_OR_RETURN(Port port, DescribePort(info));
      inputs_.push_back(std::move(port));
    }
    for (const onnx::ValueInfo& info : graph_.outputs) {
      VLAQ_ASSIGN_OR_RETURN(Port port, DescribePort(info));
      outputs_.push_back(std::move(port));
    }
    FindLastUses();
    return {};
  }

  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }
  std::string Description() const override {
    return fmt::format("vlaq reference evaluator {}, cpu, 1 thread", kVersion);
  }

  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    VLAQ_RETURN_IF_ERROR(CheckInputs(inputs_, inputs));
    std::unordered_map<std::string, Tensor> values(inputs.begin(), inputs.end());
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      VLAQ_RETURN_IF_ERROR(RunNode(graph_.nodes[i], values));
      for (const std::string& name : finished_[i]) values.erase(name);
    }
    NamedTensors outputs;
    for (const Port& port : outputs_) {
      const Tensor* tensor = Find(port.name, values);
      if (tensor == nullptr) return Refused(fmt::format("output '{}'", port.name), "nothing makes it");
      outputs.emplace(port.name, *tensor);
    }
    return outputs;
  }

 private:
  const Tensor* Find(const std::string& name, const std::unordered_map<std::string, Tensor>& values) const {
    const auto value = values.find(name);
    if (value != values.end()) return &value->second;
    const auto weight = weights_.find(name);
    return weight != weights_.end() ? &weight->second : nullptr;
  }

  Status RunNode(const onnx::Node& node, std::unordered_map<std::string, Tensor>& values) const {
    std::vector<const Tensor*> inputs;
    for (const std::string& name : node.inputs) {
      inputs.push_back(name.empty() ? nullptr : Find(name, values));
      if (inputs.back() == nullptr && !name.empty()) {
        return Refused(fmt::format("node '{}'", node.name), fmt::format("nothing before it makes '{}'", name));
      }
    }
    VLAQ_ASSIGN_OR_RETURN(auto outputs, EvaluateNode(node, inputs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!node.outputs[i].empty()) values.insert_or_assign(node.outputs[i], std::move(outputs[i]));
    }
    return {};
  }

  // Fills finished_, so that Run() holds no value longer than it is needed.
  void FindLastUses() {
    std::set<std::string> wanted;
    for (const Port& port : outputs_) wanted.insert(port.name);
    finished_.resize(graph_.nodes.size());
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      const onnx::Node& node = graph_.nodes[i];
      for (const auto* names : {&node.inputs, &node.outputs}) {
        for (const std::string& name : *names) {
          if (wanted.insert(name).second) finished_[i].push_back(name);
        }
      }
    }
  }

  onnx::Graph graph_;
  std::unordered_map<std::string, Tensor> weights_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::vector<std::string>> finished_;  // by node: values that nothing after it uses
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  std::string_view description() const override { return "vlaq's own evaluator: slow, obvious, float64 sums"; }
  Status Available() const override { return {}; }
  std::string Version() const override { return fmt::format("vlaq reference evaluator {}, providers: cpu", kVersion); }

  Result<std::unique_ptr<OpenedModel>> Open(const ModelSource& source, const OpenOptions& options) const override {
    if (options.provider != "cpu") {
      return Error{ErrorCode::kBackend,
                   fmt::format("the reference back end has no execution provider '{}'; it has cpu", options.provider),
                   source.name, ""};
    }
    if (!options.profile.empty()) return UsageError("the reference back end writes no profile");
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModelBytes(source.onnx, source.folder, source.name));
    auto opened = std::make_unique<ReferenceModel>();
    const Status loaded = opened->Load(std::move(model), source.folder);
    if (!loaded.ok()) return Within(source.name, loaded.error());
    return std::unique_ptr<OpenedModel>(std::move(opened));
  }
};

}  // namespace

std::unique_ptr<Backend> MakeReferenceBackend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace vlaq::backend
