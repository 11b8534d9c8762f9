// A folder for files that nobody keeps, below the system's folder for temporary files (TMPDIR). It goes with the
// object, with an interrupted program, and, where that was killed, with the next one that makes such a folder. Only its
// user may look into it. Not thread-safe.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/status.h"

namespace vlaq {

class ScratchFolder {
 public:
  // `what` is a word in its name: "vlaq-WHAT-...". Errors: kInput with the system's reason; nobody's input is at fault.
  static Result<ScratchFolder> Make(std::string_view what);

  ~ScratchFolder();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty once moved from
};

}  // namespace vlaq
