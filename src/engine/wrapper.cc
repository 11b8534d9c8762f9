#include "engine/wrapper.h"

#include "base/version.h"
#include "onnx/model_file.h"

namespace vlaq::engine {

bool CanWrap(const Version& version) { return version >= Version{10, 0, 0}; }

Result<std::string> WrapEngine(const bundle::Bundle& bundle, std::string_view graph, const std::string& engine_file,
                               const Version& version) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model source, onnx::ReadModel(bundle.GraphPath(graph)));
  onnx::Node node;
  node.op_type = "EPContext";
  node.name = "engine";
  node.domain = "com.microsoft";
  for (const onnx::ValueInfo& input : source.graph.inputs) node.inputs.push_back(input.name);
  for (const onnx::ValueInfo& output : source.graph.outputs) node.outputs.push_back(output.name);
  node.attributes = {{"main_context", int64_t{1}},
                     {"embed_mode", int64_t{0}},  // the engine stays a file
                     {"ep_cache_context", engine_file},
                     {"ep_sdk_version", version.ToString()},
                     {"source", std::string("TensorrtExecutionProvider")}};
  onnx::Model model;
  model.producer_version = kVersion;
  model.opsets["com.microsoft"] = 1;
  model.graph.name = source.graph.name;
  model.graph.inputs = source.graph.inputs;
  model.graph.outputs = source.graph.outputs;
  model.graph.nodes.push_back(std::move(node));
  return onnx::Serialize(model);
}

}  // namespace vlaq::engine
