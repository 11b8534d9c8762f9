#include "inspection/inspect.h"

#include <fmt/format.h>

#include "base/file_kind.h"
#include "base/json.h"
#include "bundle/bundle.h"
#include "checkpoint/folder.h"
#include "data/episode_set.h"
#include "families/family.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;

namespace {

bool IsEpisodes(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return data::IsEpisodeName(path);
  return !bundle::IsBundle(path) && data::HoldsEpisodes(path);
}

Result<Json> InspectFolder(const fs::path& path, const InspectOptions& options, Log& log) {
  if (bundle::IsBundle(path)) return InspectBundle(path, options, log);
  if (const auto recording = data::RecognizeRecording(path)) {
    return InputError(path.string(), "is " + recording->name, recording->remedy);
  }
  // Which file of several is known by its tensors; the folder's own error says more than "no checkpoint".
  const auto files = checkpoint::CandidatesIn(path);
  if (files.ok()) {
    VLAQ_ASSIGN_OR_RETURN(const auto found, families::OpenCheckpoint(path, {.state_dict = options.state_dict}));
    return InspectCheckpoint(found->path(), options, log);
  }
  if (checkpoint::RecognizeFolder(path)) return files.error();
  return InputError(
      path.string(), "is a folder, but neither a bundle nor one of a checkpoint or of episodes",
      fmt::format("a bundle holds {} and weights.json, a checkpoint is a .pth or .safetensors file or has a "
                  "model.safetensors.index.json, episodes are files ending in .h5 or .hdf5",
                  bundle::kPolicyFile));
}

bool HasWeightMap(const fs::path& path) {
  const auto json = ReadJsonFile(path);
  return json.ok() && json->is_object() && json->contains("weight_map");
}

}  // namespace

Result<Json> Inspect(const fs::path& path, const InspectOptions& options, Log& log) {
  std::error_code error;
  if (path.empty()) return UsageError("there is no name to look at", "name a file or a folder");
  if (!fs::exists(path, error)) return InputError(path.string(), "does not exist");
  if (IsEpisodes(path)) return InspectEpisodes(path, options, log);
  if (options.skip_bad || options.channel_order) {
    return UsageError(
        fmt::format("--skip-bad and --channel-order are for recorded episodes, and {} is none", path.string()));
  }
  if (fs::is_directory(path, error)) return InspectFolder(path, options, log);
  const auto kind = RecognizeFile(path);
  if (path.extension() == ".onnx" || (kind && kind->name == kOnnxKind)) return InspectModel(path, options);
  if (kind && kind->name == kMcapKind) return InspectRecording(path, options, log);
  if (kind && kind->name == kHdf5Kind) return InspectEpisodes(path, options, log);
  if (kind && kind->name == kJsonKind && path.extension() == ".json" && !HasWeightMap(path)) return InspectJson(path);
  return InspectCheckpoint(path, options, log);
}

}  // namespace vlaq::inspection
