// The temporary files and folders that this process is writing to, so that an interrupted program leaves none behind.
// For those who write files by themselves or have programs write them; output.h does it for all others. Thread-safe.
#pragma once

#include <filesystem>

namespace vlaq {

// "<target>.part-<pid>"; "out/" names the folder "out". What a killed process left under such a name is removed first.
std::filesystem::path ClaimTemporaryName(const std::filesystem::path& target);
// The name is finished with: moved to its place or removed.
void ReleaseTemporaryName(const std::filesystem::path& temporary);

// Removes everything that is claimed now. For a program about to end by a signal; writers must not go on afterwards.
void RemoveUnfinishedOutputs();

}  // namespace vlaq
