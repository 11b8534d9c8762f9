// A read-only memory map of a whole file. Pages are read when touched, so opening a 7 GB checkpoint costs nothing.
// The map lives as long as its shared_ptr; every view into it must keep one. Thread-safe once made.
#pragma once

#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq {

// For files that another library opens by their names, which may wait for ever at a pipe. Errors: kInput if there is no
// file at `path`, or something else.
Status CheckIsFile(const std::filesystem::path& path);

// A file that is cut off or fails while it is mapped ends the program with a signal: base/bus_error.h.
class MappedFile {
 public:
  // Errors: kInput if the path does not exist, is not a regular file or cannot be read.
  static Result<std::shared_ptr<const MappedFile>> Open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  Bytes bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

  // Tells the kernel that `range` (inside bytes()) will not be needed again, so that a one-pass reader of a file
  // larger than memory does not grow. A hint: errors are ignored.
  void Release(Bytes range) const;

 private:
  MappedFile(std::filesystem::path path, Bytes bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::filesystem::path path_;
  Bytes bytes_;
};

}  // namespace vlaq
