// The engines that `vlaq build` left, for those that run a bundle through ONNX Runtime's TensorRT provider. An engine
// runs in place of a graph only if it was made of that graph, these weights and this plan, and is the file that was
// made.
#pragma once

#include <filesystem>
#include <string_view>

#include "bundle/bundle.h"
#include "engine/record.h"

namespace vlaq::engine {

struct FoundEngine {
  std::filesystem::path file;     // encoder_fp16.trt
  std::filesystem::path wrapper;  // the model that names it (wrapper.h)
  Record record;
};

// Where `folder` has this graph's engine: under the name that it goes by (EngineFile), else under any, by the record
// beside it, as an earlier vlaq named it. Where there is none, the name that it would go by.
std::filesystem::path EnginePath(const bundle::Bundle& bundle, std::string_view graph,
                                 const std::filesystem::path& folder);
bool HasEngine(const bundle::Bundle& bundle, std::string_view graph, const std::filesystem::path& folder);

// Reads the whole engine, to hold it against its record. Errors: kInput if there is none, it was made of something else
// or is not the file that was made, or no ONNX Runtime can run it.
Result<FoundEngine> FindEngine(const bundle::Bundle& bundle, std::string_view graph,
                               const std::filesystem::path& folder);

}  // namespace vlaq::engine
