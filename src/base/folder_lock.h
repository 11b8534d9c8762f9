// One process at a time in a folder: an advisory lock (flock) on the folder itself, which leaves no file behind and
// ends with the process. Where the file system knows no locks there is none.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace vlaq {

class FolderLock {
 public:
  // Errors: kInput if another process has it, or the folder cannot be opened.
  static Result<FolderLock> Take(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;

 private:
  explicit FolderLock(int folder) : folder_(folder) {}
  int folder_;
};

}  // namespace vlaq
