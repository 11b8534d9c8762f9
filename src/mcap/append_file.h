// A file that grows in place, one block after another, for recordings that must be there after a crash: output.h of
// base writes files that appear whole or not at all, which a recording of a crash must not be. A block is in the file
// whole or not at all, as long as the program lives. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/output.h"
#include "base/status.h"

namespace vlaq::mcap {

class AppendFile {
 public:
  // Folders above are made. With kReplace the content of an existing file is lost at once. Errors: kUsage if the file
  // exists and may not be replaced, or is of another kind; kInput with the system's reason.
  static Result<AppendFile> Create(const std::filesystem::path& path, Existing existing);

  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;

  // Into the system's hands, where it survives the end of this program. Errors: kInput with the system's reason (disk
  // full); then nothing of the block stays in the file.
  Status Append(Bytes block);
  // Onto the disk, where it survives a loss of power.
  Status Sync();
  Status Close();

  uint64_t size() const { return size_; }
  uint32_t checksum() const { return checksum_; }  // CRC-32 of all blocks
  const std::filesystem::path& path() const { return path_; }

 private:
  AppendFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_ = -1;  // -1: closed or moved from
  uint64_t size_ = 0;
  uint32_t checksum_ = 0;
};

}  // namespace vlaq::mcap
