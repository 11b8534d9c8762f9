#include "mcap/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "mcap/checksum.h"

namespace vlaq::mcap {
namespace fs = std::filesystem;
namespace {

Error SystemError(const fs::path& path, std::string_view doing, int error) {
  const char* why = std::strerror(error);  // NOLINT(concurrency-mt-unsafe)
  return InputError(path.string(), fmt::format("cannot {}: {}", doing, why));
}

// 0, or the system's error.
int WriteWhole(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) {
      bytes = bytes.subspan(static_cast<size_t>(n));
    } else if (n == 0) {
      return ENOSPC;  // a write of no bytes would be tried for ever
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

Result<AppendFile> AppendFile::Create(const fs::path& path, Existing existing) {
  VLAQ_RETURN_IF_ERROR(CheckFilePlace(path, existing));
  if (path.has_parent_path()) VLAQ_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  const int fresh = existing == Existing::kRefuse ? O_EXCL : O_TRUNC;
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | fresh, 0644);
  if (fd < 0) return SystemError(path, "create", errno);
  return AppendFile(path, fd);
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      checksum_(other.checksum_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(checksum_, other.checksum_);
  return *this;
}

Status AppendFile::Append(Bytes block) {
  if (fd_ < 0) return InternalError(path_.string(), "Append to a file that is closed");
  if (const int error = WriteWhole(fd_, block); error != 0) {
    // Should this fail too, a reader still finds the blocks before: the rest is a record that is cut off.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return SystemError(path_, "write, nor undo a write", error);
    return SystemError(path_, "write", error);
  }
  size_ += block.size();
  checksum_ = Checksum(block, checksum_);
  return {};
}

Status AppendFile::Sync() {
  if (fd_ < 0) return InternalError(path_.string(), "Sync of a file that is closed");
  while (::fdatasync(fd_) != 0) {
    if (errno == EINVAL || errno == ENOTSUP || errno == EROFS) return {};  // nothing that could be lost with the power
    if (errno != EINTR) return SystemError(path_, "bring to the disk", errno);
  }
  return {};
}

Status AppendFile::Close() {
  if (fd_ < 0) return {};
  return ::close(std::exchange(fd_, -1)) == 0 ? Status() : SystemError(path_, "close", errno);
}

}  // namespace vlaq::mcap
