#include "inspection/inspect.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "bundle/bundle.h"
#include "episode/episode_set.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;

namespace {

bool IsEpisodes(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return episode::IsEpisodeName(path);
  return !bundle::IsBundle(path) && episode::HoldsEpisodes(path);
}

}  // namespace

Result<Json> Inspect(const fs::path& path, const InspectOptions& options, Log& log) {
  std::error_code error;
  if (!fs::exists(path, error)) return InputError(path.string(), "does not exist");
  if (IsEpisodes(path)) return InspectEpisodes(path, options, log);
  if (options.skip_bad || options.bgr) {
    return UsageError(fmt::format("--skip-bad and --bgr are for recorded episodes, and {} is none", path.string()));
  }
  if (fs::is_directory(path, error)) {
    if (bundle::IsBundle(path)) return InspectBundle(path, options);
    const fs::path index = path / "model.safetensors.index.json";
    if (fs::exists(index, error)) return InspectCheckpoint(index, options, log);
    return InputError(path.string(), "is a folder, but neither a bundle nor sharded safetensors nor episodes",
                      fmt::format("a bundle holds {}, shards come with model.safetensors.index.json, episodes are "
                                  "files ending in .h5 or .hdf5",
                                  bundle::kPolicyFile));
  }
  if (path.extension() == ".onnx") return InspectModel(path, options);
  return InspectCheckpoint(path, options, log);
}

}  // namespace vlaq::inspection
