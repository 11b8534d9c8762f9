#include "base/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/unfinished.h"

namespace vlaq {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20U;

Error OutputError(const fs::path& path, std::string_view doing, int error) {
  return InputError(path.string(), fmt::format("cannot {}: {}", doing, std::strerror(error)));
}

Status RefuseExisting(const fs::path& target, Existing existing) {
  std::error_code ignored;
  if (existing == Existing::kRefuse && fs::exists(fs::symlink_status(target, ignored))) {
    return UsageError(fmt::format("{} already exists", target.string()), "give another name, or --force to replace it");
  }
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    return InputError(target.string(), fmt::format("the folder {} does not exist", folder.string()), "create it first");
  }
  return {};
}

Status WriteAll(int fd, const fs::path& path, Bytes bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t n = at < 0 ? ::write(fd, bytes.data(), bytes.size()) : ::pwrite(fd, bytes.data(), bytes.size(), at);
    if (n < 0) {
      if (errno == EINTR) continue;
      return OutputError(path, "write", errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
    if (at >= 0) at += n;
  }
  return {};
}

// True if `bytes` of `file` at `from` now are those of `fd` at `to`, too, without a copy.
bool ShareBlocks(int fd, uint64_t to, const fs::path& file, uint64_t from, uint64_t bytes) {
  const int source = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0) return false;
  file_clone_range range{};
  range.src_fd = source;
  range.src_offset = from;
  range.src_length = bytes;
  range.dest_offset = to;
  const bool shared = ::ioctl(fd, FICLONERANGE, &range) == 0;
  ::close(source);
  return shared;
}

}  // namespace

OutputPath::OutputPath(OutputPath&& other) noexcept
    : target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})), existing_(other.existing_) {}

OutputPath& OutputPath::operator=(OutputPath&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(temporary_, other.temporary_);
  std::swap(existing_, other.existing_);
  return *this;
}

OutputPath::~OutputPath() {
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  ReleaseTemporaryName(temporary_);
}

Result<OutputPath> OutputPath::Create(const fs::path& target, Existing existing) {
  VLAQ_RETURN_IF_ERROR(RefuseExisting(target, existing));
  return OutputPath(target, ClaimTemporaryName(target), existing);
}

Status OutputPath::Commit() {
  // link() fails where rename() would overwrite: another process may have made the target meanwhile.
  const bool refuse = existing_ == Existing::kRefuse;
  const int rc = refuse ? ::link(temporary_.c_str(), target_.c_str()) : ::rename(temporary_.c_str(), target_.c_str());
  const int error = errno;
  if (rc == 0 && refuse) ::unlink(temporary_.c_str());
  if (rc == 0) return {};
  if (refuse && error != EEXIST && ::rename(temporary_.c_str(), target_.c_str()) == 0) {
    return {};  // a file system without hard links
  }
  return OutputError(target_, "move the finished file into place", error);
}

struct OutputFile::State {
  explicit State(OutputPath place_in) : place(std::move(place_in)) { buffer.reserve(kBufferBytes); }

  OutputPath place;
  int fd = -1;
  uint64_t offset = 0;  // including what is still in the buffer
  std::vector<std::byte> buffer;

  const fs::path& target() const { return place.target(); }
  Status Flush() {
    Status status = WriteAll(fd, target(), buffer, -1);
    buffer.clear();
    return status;
  }
};

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

OutputFile::~OutputFile() {
  if (state_ && state_->fd >= 0) ::close(state_->fd);
}

Result<OutputFile> OutputFile::Create(const fs::path& path, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(path, existing));
  auto state = std::make_unique<State>(std::move(place));
  state->fd = ::open(state->place.path().c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  if (state->fd < 0) return OutputError(path, "create", errno);
  return OutputFile(std::move(state));
}

Status OutputFile::Write(Bytes bytes) {
  State& s = *state_;
  s.offset += bytes.size();
  if (bytes.size() >= kBufferBytes) {  // large blocks go straight through
    VLAQ_RETURN_IF_ERROR(s.Flush());
    return WriteAll(s.fd, s.target(), bytes, -1);
  }
  if (s.buffer.size() + bytes.size() > kBufferBytes) VLAQ_RETURN_IF_ERROR(s.Flush());
  s.buffer.insert(s.buffer.end(), bytes.begin(), bytes.end());
  return {};
}

Status OutputFile::WriteShared(const MappedFile& file, Bytes range) {
  State& s = *state_;
  const auto from = static_cast<uint64_t>(range.data() - file.bytes().data());
  const size_t head = std::min<size_t>(range.size(), (kSharedBlock - from % kSharedBlock) % kSharedBlock);
  const size_t middle = (range.size() - head) / kSharedBlock * kSharedBlock;
  if (middle == 0 || from % kSharedBlock != s.offset % kSharedBlock) return Write(range);
  VLAQ_RETURN_IF_ERROR(Write(range.first(head)));
  VLAQ_RETURN_IF_ERROR(s.Flush());
  if (ShareBlocks(s.fd, s.offset, file.path(), from + head, middle)) {
    s.offset += middle;
    if (::lseek(s.fd, static_cast<off_t>(s.offset), SEEK_SET) < 0) return OutputError(s.target(), "write", errno);
  } else {
    VLAQ_RETURN_IF_ERROR(Write(range.subspan(head, middle)));
  }
  return Write(range.subspan(head + middle));
}

Status OutputFile::AlignTo(size_t alignment) {
  const std::vector<std::byte> zeros((alignment - state_->offset % alignment) % alignment);
  return Write(zeros);
}

Status OutputFile::WriteAt(uint64_t offset, Bytes bytes) {
  State& s = *state_;
  if (offset + bytes.size() > s.offset) return InternalError(s.target().string(), "WriteAt beyond what was written");
  VLAQ_RETURN_IF_ERROR(s.Flush());
  return WriteAll(s.fd, s.target(), bytes, static_cast<off_t>(offset));
}

uint64_t OutputFile::offset() const { return state_->offset; }

Status OutputFile::Commit() {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.Flush());
  if (::close(std::exchange(s.fd, -1)) != 0) return OutputError(s.target(), "close", errno);
  return s.place.Commit();
}

Result<OutputFolder> OutputFolder::Create(const fs::path& target, Existing existing, bool (*is_ours)(const fs::path&)) {
  fs::path plain = target;
  if (plain.filename().empty()) plain = plain.parent_path();
  VLAQ_RETURN_IF_ERROR(RefuseExisting(plain, existing));
  std::error_code error;
  if (fs::exists(plain, error) && !is_ours(plain)) {
    return UsageError(
        fmt::format("{} exists and was not written by vlaq, so --force does not replace it", plain.string()),
        "remove it yourself, or give another name");
  }
  fs::path temporary = ClaimTemporaryName(plain);
  fs::remove_all(temporary, error);
  if (!fs::create_directory(temporary, error)) return OutputError(plain, "create the folder", error.value());
  return OutputFolder(std::move(plain), std::move(temporary));
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})) {}

OutputFolder& OutputFolder::operator=(OutputFolder&& other) noexcept {
  if (this != &other) {
    Discard();
    target_ = std::move(other.target_);
    temporary_ = std::exchange(other.temporary_, {});
  }
  return *this;
}

OutputFolder::~OutputFolder() { Discard(); }

void OutputFolder::Discard() noexcept {
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  ReleaseTemporaryName(temporary_);
  temporary_.clear();
}

Status OutputFolder::Commit() {
  std::error_code error;
  fs::path old;
  if (fs::exists(target_, error)) {  // Create() has seen that this is allowed
    old = target_;
    old += fmt::format(".old-{}", ::getpid());
    fs::rename(target_, old, error);
    if (error) return OutputError(target_, "move the old folder away", error.value());
  }
  fs::rename(temporary_, target_, error);
  if (error) {
    const int reason = error.value();
    if (!old.empty()) fs::rename(old, target_, error);
    return OutputError(target_, "move the finished folder into place", reason);
  }
  ReleaseTemporaryName(temporary_);
  temporary_.clear();
  if (!old.empty()) fs::remove_all(old, error);
  return {};
}

Status WriteFile(const fs::path& path, std::string_view content, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, existing));
  VLAQ_RETURN_IF_ERROR(file.Write(content));
  return file.Commit();
}

}  // namespace vlaq
