#include "engine/find.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/build.h"
#include "engine/wrapper.h"
#include "onnx/model_file.h"
#include "target/target.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

Error Refused(const fs::path& file, std::string why, std::string_view graph, const fs::path& folder) {
  return InputError(file.string(), std::move(why),
                    fmt::format("vlaq build BUNDLE --engine-dir {} --parts {} --force", folder.string(), graph));
}

// Engines of 8.6 never have one, and making them again does not help.
Error NoWrapper(const FoundEngine& found, std::string_view graph, const fs::path& folder) {
  const auto version = ParseVersion(found.record.tensorrt);
  if (version.ok() && !CanWrap(*version)) {
    return InputError(found.file.string(),
                      fmt::format("is an engine of TensorRT {}, and ONNX Runtime's provider runs those of TensorRT 10 "
                                  "and later only",
                                  found.record.tensorrt),
                      "vlaq build --measure has trtexec run it");
  }
  return InputError(
      found.wrapper.string(), "is missing: the model through which ONNX Runtime runs the engine",
      fmt::format("vlaq build BUNDLE --engine-dir {} --parts {} writes it again", folder.string(), graph));
}

// The wrapper must name this engine: the provider loads whatever it names.
Status CheckWrapper(const fs::path& wrapper, const fs::path& engine) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(wrapper));
  const std::string name = engine.filename().string();
  for (const onnx::Node& node : model.graph.nodes) {
    if (node.op_type == "EPContext" && node.String("ep_cache_context", "") == name) return {};
  }
  return InputError(wrapper.string(), fmt::format("does not name the engine {}", name), "build with --force");
}

}  // namespace

fs::path EnginePath(const bundle::Bundle& bundle, std::string_view graph, const fs::path& folder) {
  fs::path usual = folder / EngineFile(bundle, graph);
  std::error_code error;
  if (fs::exists(usual, error) || !bundle.plan) return usual;
  const auto made_of = MadeOf(bundle, graph);
  std::vector<fs::path> engines;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".trt") engines.push_back(at->path());
  }
  std::ranges::sort(engines);
  for (const fs::path& engine : engines) {
    const auto record = ReadRecord(engine);
    if (record.ok() && std::ranges::is_permutation(record->made_of, made_of)) return engine;
  }
  return usual;
}

bool HasEngine(const bundle::Bundle& bundle, std::string_view graph, const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(EnginePath(bundle, graph, folder), ignored);
}

Result<FoundEngine> FindEngine(const bundle::Bundle& bundle, std::string_view graph, const fs::path& folder) {
  if (EnginePrecision(bundle).empty() || !bundle.plan || !target::IsForTensorRt(bundle.target)) {
    return InputError(bundle.path.string(), "is not quantized for TensorRT, so no engine is made of it",
                      "leave --engines out, or give the bundle that they were built from");
  }
  FoundEngine found;
  found.file = EnginePath(bundle, graph, folder);
  if (!HasEngine(bundle, graph, folder)) return Refused(found.file, "there is no such engine", graph, folder);
  VLAQ_ASSIGN_OR_RETURN(found.record, ReadRecord(found.file));
  if (!std::ranges::is_permutation(found.record.made_of, MadeOf(bundle, graph))) {
    return Refused(found.file, fmt::format("was not made of {}", bundle.path.string()), graph, folder);
  }
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord now, bundle::Describe(found.file));
  if (now.sha256 != found.record.engine_sha256 || now.bytes != found.record.engine_bytes) {
    return Refused(found.file, "is not the file that its record describes", graph, folder);
  }
  found.wrapper = found.file.string() + ".onnx";
  std::error_code ignored;
  if (!fs::exists(found.wrapper, ignored)) {
    return NoWrapper(found, graph, folder);
  }
  VLAQ_RETURN_IF_ERROR(CheckWrapper(found.wrapper, found.file));
  return found;
}

}  // namespace vlaq::engine
