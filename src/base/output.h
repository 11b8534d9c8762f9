// Files and folders that appear whole or not at all: everything is written under a temporary name beside the target
// and renamed at the end. An object destroyed before Commit() removes what it wrote. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "base/status.h"

namespace vlaq {

// What to do when the target already exists.
enum class Existing { kRefuse, kReplace };

// A file written front to back.
class OutputFile {
 public:
  static constexpr size_t kSharedBlock = 4096;

  // Opens "<path>.part-<pid>" beside `path`. Errors: kUsage if `path` exists and `existing` is kRefuse; kInput if the
  // folder is missing or not writable.
  static Result<OutputFile> Create(const std::filesystem::path& path, Existing existing);

  ~OutputFile();
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;

  // Errors: kInput with the system's reason (disk full, ...).
  Status Write(Bytes bytes);
  Status Write(std::string_view text) { return Write(AsBytes(text)); }
  // Writes `range`, bytes of `file`. Where the file system can, both files then share the blocks on disk (Linux's
  // FICLONERANGE, on btrfs, XFS and others); that needs offset() and the range to agree in their place within a block
  // of kSharedBlock bytes. Else the bytes are copied.
  Status WriteShared(const MappedFile& file, Bytes range);
  // Writes zeros up to the next multiple of `alignment`.
  Status AlignTo(size_t alignment);
  // Overwrites bytes that were already written (for records whose size is known only later).
  Status WriteAt(uint64_t offset, Bytes bytes);
  // Bytes written so far.
  uint64_t offset() const;
  // Flushes, and moves the file to its real name.
  Status Commit();

 private:
  struct State;
  explicit OutputFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A file that somebody else's library writes, by its name path().
class OutputPath {
 public:
  // As OutputFile::Create, but nothing is opened: path() is free to be made.
  static Result<OutputPath> Create(const std::filesystem::path& target, Existing existing);

  ~OutputPath();
  OutputPath(OutputPath&&) noexcept;
  OutputPath& operator=(OutputPath&&) noexcept;

  // The temporary name to write to.
  const std::filesystem::path& path() const { return temporary_; }
  const std::filesystem::path& target() const { return target_; }
  // Moves the file, which must be closed, to its real name.
  Status Commit();

 private:
  OutputPath(std::filesystem::path target, std::filesystem::path temporary, Existing existing)
      : target_(std::move(target)), temporary_(std::move(temporary)), existing_(existing) {}

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once moved from
  Existing existing_;
};

// A folder whose files are made under path() and which then takes the place of the target.
class OutputFolder {
 public:
  // Makes "<target>.part-<pid>". With kReplace an existing target is removed only at Commit(), and only if
  // `is_ours(target)` agrees (so that --force never deletes a folder that this program did not write).
  static Result<OutputFolder> Create(const std::filesystem::path& target, Existing existing,
                                     bool (*is_ours)(const std::filesystem::path&));

  ~OutputFolder();
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) noexcept;

  // The temporary folder to write into.
  const std::filesystem::path& path() const { return temporary_; }
  Status Commit();

 private:
  OutputFolder(std::filesystem::path target, std::filesystem::path temporary)
      : target_(std::move(target)), temporary_(std::move(temporary)) {}
  void Discard() noexcept;

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once committed or moved from
};

// Writes a whole small file atomically.
Status WriteFile(const std::filesystem::path& path, std::string_view content, Existing existing);

}  // namespace vlaq
