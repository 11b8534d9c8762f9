// Which file of a folder is the checkpoint. In scope: names, and folders that other programs make of a checkpoint,
// which are said by name with the command that joins them. Not aware of: what lies in the files.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file_kind.h"
#include "base/status.h"

namespace vlaq::checkpoint {

// What makes one file of a torch.distributed checkpoint.
inline constexpr std::string_view kJoinDistributed =
    "join it into one file: python -m torch.distributed.checkpoint.format_utils dcp_to_torch DIR out.pth";

// Files of `folder` that may be the checkpoint, in the order of their names: model.safetensors.index.json alone if it
// is there, else those that end in .pth, .pt, .ckpt, .bin or .safetensors. Errors: kInput if there is none, saying what
// the folder is instead.
Result<std::vector<std::filesystem::path>> CandidatesIn(const std::filesystem::path& folder);

// A folder that holds a checkpoint in pieces: torch.distributed's, DeepSpeed's, shards of .bin files, JAX's ...
std::optional<FileKind> RecognizeFolder(const std::filesystem::path& folder);

// kInput: "FOLDER: holds N checkpoints; name one of them: ...".
Error SeveralIn(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& files);

}  // namespace vlaq::checkpoint
