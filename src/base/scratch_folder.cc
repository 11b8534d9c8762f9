#include "base/scratch_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/unfinished.h"

namespace vlaq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "vlaq-";

bool IsOwn(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && info.st_uid == ::geteuid();
}

// Removes folders named "vlaq-WHAT-MARK-XXXXXX" of processes that were killed, whatever they were for.
void RemoveKilled(const fs::path& below) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(below, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const size_t mark = name.find('-', kPrefix.size());
    if (mark == std::string::npos || !IsOwn(entry.path())) continue;
    if (IsLeftover(entry.path(), std::string_view(name).substr(mark + 1))) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

Result<ScratchFolder> ScratchFolder::Make(std::string_view what) {
  const char* advice = "set TMPDIR to a folder with room";
  std::error_code error;
  const fs::path below = fs::temp_directory_path(error);
  if (error) return InputError("", "there is no folder for temporary files: " + error.message(), advice);
  RemoveKilled(below);
  std::string name = (below / fmt::format("{}{}-{}-XXXXXX", kPrefix, what, ProcessMark())).string();
  const auto hold = HoldWhatIsUnfinished();
  if (::mkdtemp(name.data()) == nullptr) {
    const char* why = std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
    return InputError(below.string(), fmt::format("cannot make a folder for temporary files: {}", why), advice);
  }
  ClaimTemporary(name);
  return ScratchFolder(std::move(name));
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ReleaseTemporaryName(path_);
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

}  // namespace vlaq
