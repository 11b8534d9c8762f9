#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace vlaq {

namespace {

std::string WhatItIs(mode_t mode) {
  if (S_ISDIR(mode)) return "is a folder, not a file";
  if (S_ISFIFO(mode)) return "is a pipe, not a file";
  if (S_ISSOCK(mode)) return "is a socket, not a file";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "is a device, not a file";
  return "is not a regular file";
}

Error Refused(const std::filesystem::path& path, const char* doing, int reason) {
  const char* why = std::strerror(reason);  // NOLINT(concurrency-mt-unsafe)
  return InputError(path.string(), std::string("cannot ") + doing + " the file: " + why);
}

}  // namespace

Status CheckIsFile(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Refused(path, "open", errno);
  if (!S_ISREG(info.st_mode)) return InputError(path.string(), WhatItIs(info.st_mode));
  return {};
}

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::filesystem::path& path) {
  // Not blocking: opening a pipe would wait for somebody to write to it.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    const int reason = errno;
    if (const Status is_file = CheckIsFile(path); !is_file.ok()) return is_file.error();
    return Refused(path, "open", reason);
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return InputError(path.string(), WhatItIs(info.st_mode));
  }
  const auto size = static_cast<size_t>(info.st_size);
  void* address = nullptr;
  if (size > 0) {  // mmap refuses length 0; an empty file is an empty view
    address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
      const int reason = errno;
      ::close(fd);
      return Refused(path, "map", reason);
    }
  }
  ::close(fd);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, Bytes(static_cast<const std::byte*>(address), size)));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::Release(Bytes range) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(range.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(range.data()) + range.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace vlaq
