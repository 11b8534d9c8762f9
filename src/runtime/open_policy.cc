#include "runtime/open_policy.h"

#include <fmt/format.h>

#include "engine/find.h"
#include "onnx/model_file.h"
#include "onnx/outputs.h"

namespace vlaq::runtime {
namespace {

using backend::Backend;
using backend::ModelSource;
using backend::OpenedModel;
using backend::OpenOptions;
using bundle::Bundle;

// The graph with intermediate values as further outputs, made in memory.
Result<ModelSource> WithOutputs(const Bundle& bundle, std::string_view graph, const std::vector<std::string>& extra) {
  const std::filesystem::path path = bundle.GraphPath(graph);
  VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(path));
  VLAQ_RETURN_IF_ERROR(onnx::AddOutputs(model, extra));
  VLAQ_ASSIGN_OR_RETURN(std::string bytes, onnx::Serialize(model));
  return ModelSource{path.string(), std::make_shared<const std::string>(std::move(bytes)), bundle.path};
}

// The model that has the provider run the finished engine.
Result<ModelSource> EngineOf(const Bundle& bundle, std::string_view graph, const OpenOptions& options,
                             const std::vector<std::string>& extra) {
  if (!extra.empty()) {
    return UsageError(fmt::format("an engine gives its outputs only, not '{}'", extra[0]), "leave --engines out");
  }
  VLAQ_ASSIGN_OR_RETURN(const engine::FoundEngine found, engine::FindEngine(bundle, graph, options.engines));
  return ModelSource::FromFile(found.wrapper);
}

}  // namespace

Result<ModelSource> SourceOf(const Bundle& bundle, std::string_view graph, const OpenOptions& options,
                             const std::vector<std::string>& extra) {
  if (!options.engines.empty()) return EngineOf(bundle, graph, options, extra);
  return extra.empty() ? ModelSource::FromFile(bundle.GraphPath(graph)) : WithOutputs(bundle, graph, extra);
}

Result<std::unique_ptr<OpenedModel>> OpenGraph(const Bundle& bundle, std::string_view graph, const Backend& backend,
                                               const OpenOptions& options, const std::vector<std::string>& extra) {
  VLAQ_ASSIGN_OR_RETURN(const ModelSource source, SourceOf(bundle, graph, options, extra));
  OpenOptions of_bundle = options;
  of_bundle.precision = bundle.precision;
  return backend.Open(source, of_bundle);
}

Result<Executor> OpenExecutor(const Bundle& bundle, std::string_view schedule, const Backend& backend,
                              const OpenOptions& options, const ExtraOutputs& extra, uint64_t noise_seed) {
  const GraphOpener open = [&](const std::string& graph) {
    const auto values = extra.find(graph);
    return OpenGraph(bundle, graph, backend, options,
                     values == extra.end() ? std::vector<std::string>() : values->second);
  };
  return Executor::Open(bundle.policy, schedule, open, noise_seed);
}

}  // namespace vlaq::runtime
