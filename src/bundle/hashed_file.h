// A file of a bundle that is written front to back and hashed meanwhile: the shared weights.
#pragma once

#include <filesystem>
#include <memory>

#include "base/background_hash.h"
#include "base/output.h"
#include "bundle/bundle.h"

namespace vlaq::bundle {

class HashedFile {
 public:
  // Errors: as OutputFile::Create with kRefuse.
  static Result<HashedFile> Create(const std::filesystem::path& path);

  // Errors: kInput if the disk has no room for so many bytes.
  Status Expect(uint64_t bytes) const { return file_.Expect(bytes); }
  // Errors: kInput with the system's reason (disk full, ...).
  Status Write(Bytes bytes);
  // OutputFile::WriteShared, hashed.
  Status WriteShared(const MappedFile& file, Bytes range);
  // Zeros up to `offset`, which must not lie behind what was written.
  Status PadTo(uint64_t offset);
  // Moves the file to its name. Its size and SHA-256, under its name without folders.
  Result<FileRecord> Commit();

 private:
  HashedFile(std::filesystem::path path, OutputFile file)
      : path_(std::move(path)), file_(std::move(file)), hash_(std::make_unique<BackgroundSha256>()) {}

  std::filesystem::path path_;
  OutputFile file_;
  std::unique_ptr<BackgroundSha256> hash_;
};

}  // namespace vlaq::bundle
