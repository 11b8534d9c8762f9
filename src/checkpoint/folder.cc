#include "checkpoint/folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>

namespace vlaq::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxNames = 10'000;
constexpr std::string_view kIndex = "model.safetensors.index.json";

std::vector<std::string> FileNames(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end && names.size() < kMaxNames;
       at.increment(problem)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// '*' in a mark stands for any run of characters.
bool Matches(std::string_view name, std::string_view mark) {
  size_t star = mark.find('*');
  if (star == mark.npos) return name == mark;
  if (!name.starts_with(mark.substr(0, star))) return false;
  name.remove_prefix(star);
  mark.remove_prefix(star + 1);
  while ((star = mark.find('*')) != mark.npos) {
    const size_t at = name.find(mark.substr(0, star));
    if (at == name.npos) return false;
    name.remove_prefix(at + star);
    mark.remove_prefix(star + 1);
  }
  return name.ends_with(mark);
}

constexpr std::string_view kJoinDeepSpeed =
    "join it into one file with the zero_to_fp32.py that DeepSpeed wrote beside it: python zero_to_fp32.py . out.pth";
constexpr std::string_view kSaveSafe =
    "load it with transformers and save it again: model.save_pretrained(OUT, safe_serialization=True)";

// What gives a folder away, the surest marks first.
struct FolderMark {
  std::string_view mark, name, remedy;
};
constexpr std::array kFolderMarks{
    FolderMark{"*.distcp", "a torch.distributed checkpoint", kJoinDistributed},
    FolderMark{"pytorch_model_fsdp_*", "an FSDP checkpoint of accelerate",
               "join it into one file: accelerate merge-weights DIR/pytorch_model_fsdp_0 OUT"},
    FolderMark{"zero_to_fp32.py", "a DeepSpeed checkpoint", kJoinDeepSpeed},
    FolderMark{"zero_pp_rank_*", "a folder of a DeepSpeed checkpoint", kJoinDeepSpeed},
    FolderMark{"bf16_zero_pp_rank_*", "a folder of a DeepSpeed checkpoint", kJoinDeepSpeed},
    FolderMark{"mp_rank_*", "a folder of a DeepSpeed or Megatron checkpoint", kJoinDeepSpeed},
    FolderMark{"pytorch_model.bin.index.json", "a checkpoint in several .bin files", kSaveSafe},
    FolderMark{"model-*-of-*.safetensors", "shards of a checkpoint without their model.safetensors.index.json",
               "fetch model.safetensors.index.json, which says which tensor lies where"},
    FolderMark{"pytorch_model-*-of-*.bin", "shards of a checkpoint", kSaveSafe},
    FolderMark{"_CHECKPOINT_METADATA", "a JAX checkpoint (Orbax)", ""},
    FolderMark{"manifest.ocdbt", "a JAX checkpoint (Orbax)", ""},
    FolderMark{"saved_model.pb", "a TensorFlow SavedModel", ""},
    FolderMark{"*.data-00000-of-*", "a TensorFlow checkpoint", ""},
    FolderMark{"snapshots", "a model folder of Hugging Face's cache", "name the folder below snapshots/"},
};

// Files of a trainer that hold no weights of the model.
constexpr std::array<std::string_view, 6> kNoWeights{"optimizer*", "scheduler*",     "scaler*",
                                                     "rng_state*", "training_args*", "random_states*"};

bool MayBeCheckpoint(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  constexpr std::array<std::string_view, 5> kEndings{".pth", ".pt", ".ckpt", ".bin", ".safetensors"};
  return !name.starts_with('.') && std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end() &&
         std::none_of(kNoWeights.begin(), kNoWeights.end(), [&](auto mark) { return Matches(name, mark); });
}

}  // namespace

std::optional<FileKind> RecognizeFolder(const fs::path& folder) {
  const std::vector<std::string> names = FileNames(folder);
  const auto has = [&](std::string_view mark) {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return Matches(name, mark); });
  };
  if (has(kIndex)) return std::nullopt;  // whole
  for (const FolderMark& row : kFolderMarks) {
    if (has(row.mark)) return FileKind{std::string(row.name), std::string(row.remedy), false, false};
  }
  return std::nullopt;
}

Result<std::vector<fs::path>> CandidatesIn(const fs::path& folder) {
  if (const auto kind = RecognizeFolder(folder)) return InputError(folder.string(), "is " + kind->name, kind->remedy);
  std::error_code ignored;
  if (fs::exists(folder / kIndex, ignored)) return std::vector{folder / kIndex};
  std::vector<fs::path> files;
  for (const std::string& name : FileNames(folder)) {
    if (MayBeCheckpoint(name) && fs::is_regular_file(folder / name, ignored)) files.push_back(folder / name);
  }
  if (!files.empty()) return files;
  return InputError(folder.string(), "is a folder without a checkpoint",
                    "a checkpoint ends in .pth, .pt or .safetensors, or has a model.safetensors.index.json");
}

Error SeveralIn(const fs::path& folder, const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.filename().string());
  return InputError(folder.string(), fmt::format("holds {} files that may be the checkpoint", files.size()),
                    fmt::format("name one of them: {}", fmt::join(names, ", ")));
}

}  // namespace vlaq::checkpoint
