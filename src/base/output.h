// Files and folders that appear whole or not at all: everything is written under a temporary name beside the target,
// is on the disk before it gets its name, and never takes the place of what another has made meanwhile. Folders above
// the target are made. An object destroyed before Commit() removes what it wrote. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "base/status.h"

namespace vlaq {

// What to do when the target already exists.
enum class Existing { kRefuse, kReplace };

// Whether a file, or files in a folder, can be written there, as far as that can be known without making anything; for
// the start of work that takes long. Errors: kUsage if `path` exists and may not be replaced, or is of another kind;
// kInput if the nearest folder above it that exists cannot be written to.
Status CheckFilePlace(const std::filesystem::path& path, Existing existing);
Status CheckFolderPlace(const std::filesystem::path& path);
// Errors: kInput if the disk that `path` is or will be on has less room than `bytes`.
Status CheckRoom(const std::filesystem::path& path, uint64_t bytes);

// A folder to write files into, with those above it; it may be there. Errors: kInput with the system's reason.
Status MakeFolder(const std::filesystem::path& path);

// A file written front to back.
class OutputFile {
 public:
  static constexpr size_t kSharedBlock = 4096;

  // Errors: as CheckFilePlace; kInput with the system's reason.
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
  // Errors: as CheckRoom, for so many bytes more.
  Status Expect(uint64_t bytes) const;
  // Moves the file to its real name. Errors: kInput; kUsage if with kRefuse another has taken it.
  Status Commit();

 private:
  struct State;
  explicit OutputFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A file that somebody else's library writes, by its name path().
class OutputPath {
 public:
  // As OutputFile::Create; path() is an empty file that is to be overwritten.
  static Result<OutputPath> Create(const std::filesystem::path& target, Existing existing);

  ~OutputPath();
  OutputPath(OutputPath&&) noexcept;
  OutputPath& operator=(OutputPath&&) noexcept;

  // The temporary name to write to.
  const std::filesystem::path& path() const { return temporary_; }
  const std::filesystem::path& target() const { return target_; }
  // Moves the file, which must be closed, to its real name. Errors: as OutputFile::Commit.
  Status Commit();

 private:
  OutputPath(std::filesystem::path target, std::filesystem::path temporary, Existing existing)
      : target_(std::move(target)), temporary_(std::move(temporary)), existing_(existing) {}

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once moved from
  Existing existing_;
};

// A folder whose files are made under path() and which then takes the place of the target, or joins it.
class OutputFolder {
 public:
  // Says whether a folder may be replaced, so that --force never deletes what this program did not write.
  using MayReplace = Status (*)(const std::filesystem::path&);

  // With kReplace an existing target is exchanged only at Commit(), and only if `may_replace(target)` agrees, now and
  // then. Errors: kUsage if the target exists and may not be replaced; kInput with the system's reason.
  static Result<OutputFolder> Create(const std::filesystem::path& target, Existing existing,
                                     MayReplace may_replace = nullptr);
  // For files that go into a folder which may hold others. Errors: as Create. At Commit(), with kRefuse: kUsage if one
  // of them is there already; then none is moved.
  static Result<OutputFolder> Into(const std::filesystem::path& target, Existing existing);

  ~OutputFolder();
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) noexcept;

  // The temporary folder to write into.
  const std::filesystem::path& path() const { return temporary_; }
  Status Commit();

 private:
  OutputFolder(std::filesystem::path target, Existing existing, MayReplace may_replace, bool joins)
      : target_(std::move(target)), existing_(existing), may_replace_(may_replace), joins_(joins) {}
  Status Make();
  Status Replace();
  Status Join();
  void Discard() noexcept;

  std::filesystem::path target_;
  Existing existing_;
  MayReplace may_replace_;
  bool joins_;
  std::filesystem::path temporary_;  // empty once committed or moved from
};

// Copies a file to where none is, below a folder that appears whole. Errors: kInput naming the copy.
Status CopyFile(const std::filesystem::path& from, const std::filesystem::path& to);

// Writes a whole small file atomically.
Status WriteFile(const std::filesystem::path& path, std::string_view content, Existing existing);

}  // namespace vlaq
