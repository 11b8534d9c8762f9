#include "inspection/inspect.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "bundle/bundle.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;

Result<Json> Inspect(const fs::path& path, const InspectOptions& options, Log& log) {
  std::error_code error;
  if (!fs::exists(path, error)) return InputError(path.string(), "does not exist");
  if (fs::is_directory(path, error)) {
    if (bundle::IsBundle(path)) return InspectBundle(path, options);
    const fs::path index = path / "model.safetensors.index.json";
    if (fs::exists(index, error)) return InspectCheckpoint(index, options, log);
    return InputError(
        path.string(), "is a folder, but neither a bundle nor sharded safetensors",
        fmt::format("a bundle holds {}, shards come with model.safetensors.index.json", bundle::kPolicyFile));
  }
  if (path.extension() == ".onnx") return InspectModel(path, options);
  return InspectCheckpoint(path, options, log);
}

}  // namespace vlaq::inspection
