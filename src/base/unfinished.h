// The temporary files and folders that this process is writing to, so that an interrupted program leaves none behind,
// and what a killed one left is known by its name. For those who write files by themselves or have programs write them;
// output.h and scratch_folder.h do it for all others. Thread-safe.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

namespace vlaq {

// A temporary name beside `target` ("out/" names the folder "out") that nobody else has. What killed processes left for
// the same target is removed first.
std::filesystem::path ClaimTemporaryName(const std::filesystem::path& target);
// `path`, which was just made, is removed if the program is interrupted before it is released.
void ClaimTemporary(const std::filesystem::path& path);
// It is finished with: moved to its place or removed.
void ReleaseTemporaryName(const std::filesystem::path& temporary);

// While it is held, a program that is interrupted waits: for making what was claimed, which else could come to be after
// all that is claimed has gone.
[[nodiscard]] std::unique_lock<std::recursive_mutex> HoldWhatIsUnfinished();

// Where `path` will lie in the end: claimed names in it are replaced by those of their targets.
std::filesystem::path IntendedPlace(const std::filesystem::path& path);

// True if `path` is, or lies in, something that is claimed.
bool IsTemporary(const std::filesystem::path& path);

// Names this machine, boot, process namespace and process; it stands in temporary names.
std::string ProcessMark();
// True if `path`, in whose name `mark` stands, was surely left by a process that is gone: one of this boot that does
// not run any more, or one of an earlier boot of this machine. Other machines and containers may be at work.
bool IsLeftover(const std::filesystem::path& path, std::string_view mark);

// Removes everything that is claimed now. For a program about to end by a signal; writers must not go on afterwards.
void RemoveUnfinishedOutputs();
// The same, and ends the program at once, before another thread makes anything again.
[[noreturn]] void RemoveUnfinishedOutputsAndExit(int code);

}  // namespace vlaq
