#include "base/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/unfinished.h"

namespace vlaq {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20U;

// Names the place where it will lie, not where it is made.
Error OutputError(const fs::path& path, std::string_view doing, int error) {
  const char* why = std::strerror(error);  // NOLINT(concurrency-mt-unsafe)
  return InputError(IntendedPlace(path).string(), fmt::format("cannot {}: {}", doing, why));
}

Error AlreadyThere(const fs::path& path) {
  return UsageError(fmt::format("{} already exists", IntendedPlace(path).string()),
                    "give another name, or --force to replace it");
}

bool IsThere(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

fs::path FolderOf(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// The folder itself, or the nearest above it that exists.
fs::path NearestFolder(const fs::path& folder) {
  std::error_code ignored;
  fs::path at = fs::absolute(folder, ignored);
  while (!IsThere(at) && at.has_relative_path()) at = at.parent_path();
  return at;
}

// Makes a file in `folder` that has no name, or none for long. False with the system's reason in errno.
bool CanMakeFiles(const fs::path& folder) {
  int fd = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT)) {
    std::string name = (folder / ".vlaq-XXXXXX").string();
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(name.c_str());
  }
  return fd >= 0 && ::close(fd) == 0;
}

Status CheckWritable(const fs::path& folder) {
  std::error_code ignored;
  const fs::path nearest = NearestFolder(folder);
  if (!fs::is_directory(nearest, ignored)) return InputError(nearest.string(), "is no folder", "give another name");
  if (CanMakeFiles(nearest)) return {};
  const char* why = std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
  return InputError(nearest.string(), fmt::format("cannot write into this folder: {}", why), "give another place");
}

// Onto the disk. What cannot do that (a pipe, some file systems) has nothing to lose.
int Sync(int fd) {
  while (::fsync(fd) != 0) {
    if (errno == EINVAL || errno == ENOTSUP || errno == EROFS) return 0;
    if (errno != EINTR) return errno;
  }
  return 0;
}

Status SyncPath(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return {};
  const int error = Sync(fd);
  ::close(fd);
  return error == 0 ? Status() : OutputError(path, "write", error);
}

Status SyncTree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    VLAQ_RETURN_IF_ERROR(SyncPath(at->path()));
  }
  return SyncPath(folder);
}

// Inside a folder that is itself temporary: that one is brought onto the disk as a whole, or goes.
bool IsPartOfMore(const fs::path& target) { return IsTemporary(FolderOf(target)); }

bool CannotSo(int error) { return error == EINVAL || error == ENOSYS || error == ENOTSUP; }

// Gives `from` the name `to`, which nobody may have. 0 or the system's error.
int RenameFresh(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (!CannotSo(errno)) return errno;
  // A file system that cannot refuse: link() does, but knows no folders; a folder does not replace a full one.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  if (errno == EEXIST || IsThere(to)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

Status MoveFile(const fs::path& from, const fs::path& to, Existing existing) {
  const int error = existing == Existing::kRefuse             ? RenameFresh(from, to)
                    : ::rename(from.c_str(), to.c_str()) == 0 ? 0
                                                              : errno;
  if (error == EEXIST) return AlreadyThere(to);
  if (error != 0) return OutputError(to, "move the finished file into place", error);
  return IsPartOfMore(to) ? Status() : SyncPath(FolderOf(to));
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
  VLAQ_RETURN_IF_ERROR(CheckFilePlace(target, existing));
  VLAQ_RETURN_IF_ERROR(MakeFolder(FolderOf(target)));
  OutputPath place(target, ClaimTemporaryName(target), existing);
  const auto hold = HoldWhatIsUnfinished();
  ::unlink(place.path().c_str());  // the name is ours alone: whatever has it was put there for us to follow
  const int fd = ::open(place.path().c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return OutputError(target, "create", errno);
  ::close(fd);
  return place;
}

Status OutputPath::Commit() {
  if (!IsPartOfMore(target_)) VLAQ_RETURN_IF_ERROR(SyncPath(temporary_));
  return MoveFile(temporary_, target_, existing_);
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
  state->fd = ::open(state->place.path().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
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

Status OutputFile::Expect(uint64_t bytes) const { return CheckRoom(state_->target(), bytes); }

Status OutputFile::Commit() {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.Flush());
  if (::close(std::exchange(s.fd, -1)) != 0) return OutputError(s.target(), "close", errno);
  return s.place.Commit();
}

Result<OutputFolder> OutputFolder::Create(const fs::path& target, Existing existing, MayReplace may_replace) {
  OutputFolder folder(target.filename().empty() ? target.parent_path() : target, existing, may_replace, false);
  VLAQ_RETURN_IF_ERROR(folder.Make());
  return folder;
}

Result<OutputFolder> OutputFolder::Into(const fs::path& target, Existing existing) {
  OutputFolder folder(target.filename().empty() ? target.parent_path() : target, existing, nullptr, true);
  VLAQ_RETURN_IF_ERROR(CheckFolderPlace(folder.target_));
  VLAQ_RETURN_IF_ERROR(folder.Make());
  return folder;
}

Status OutputFolder::Make() {
  if (!joins_ && IsThere(target_)) {
    if (existing_ == Existing::kRefuse) return AlreadyThere(target_);
    if (may_replace_ == nullptr) return UsageError(fmt::format("{} already exists", target_.string()), "remove it");
    VLAQ_RETURN_IF_ERROR(may_replace_(target_));
  }
  VLAQ_RETURN_IF_ERROR(CheckWritable(FolderOf(target_)));
  VLAQ_RETURN_IF_ERROR(MakeFolder(FolderOf(target_)));
  temporary_ = ClaimTemporaryName(target_);
  int error = 0;
  {
    const auto hold = HoldWhatIsUnfinished();
    if (::mkdir(temporary_.c_str(), 0777) == 0) return {};
    error = errno;
  }
  ReleaseTemporaryName(std::exchange(temporary_, {}));
  return OutputError(target_, "create the folder", error);
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : target_(std::move(other.target_)),
      existing_(other.existing_),
      may_replace_(other.may_replace_),
      joins_(other.joins_),
      temporary_(std::exchange(other.temporary_, {})) {}

OutputFolder& OutputFolder::operator=(OutputFolder&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(existing_, other.existing_);
  std::swap(may_replace_, other.may_replace_);
  std::swap(joins_, other.joins_);
  std::swap(temporary_, other.temporary_);
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
  const bool alone = !IsPartOfMore(target_);
  if (alone) VLAQ_RETURN_IF_ERROR(SyncTree(temporary_));
  if (const int error = RenameFresh(temporary_, target_); error == EEXIST || error == ENOTEMPTY) {
    VLAQ_RETURN_IF_ERROR(joins_ ? Join() : Replace());
  } else if (error != 0) {
    return OutputError(target_, "move the finished folder into place", error);
  }
  if (alone) VLAQ_RETURN_IF_ERROR(SyncPath(FolderOf(target_)));
  Discard();  // by now the folder that was replaced, or an empty one
  return {};
}

// The target exists: looked at once more, since Create() may be long ago.
Status OutputFolder::Replace() {
  if (existing_ == Existing::kRefuse || may_replace_ == nullptr) return AlreadyThere(target_);
  VLAQ_RETURN_IF_ERROR(may_replace_(target_));
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (!CannotSo(errno)) return OutputError(target_, "move the finished folder into place", errno);
  const fs::path old = fmt::format("{}.old-{}", target_.string(), ProcessMark());
  if (const int error = RenameFresh(target_, old); error != 0) {
    return OutputError(target_, "move the old folder away", error);
  }
  if (const int error = RenameFresh(temporary_, target_); error != 0) {
    RenameFresh(old, target_);
    return OutputError(target_, "move the finished folder into place", error);
  }
  std::error_code ignored;
  fs::remove_all(old, ignored);
  return {};
}

Status OutputFolder::Join() {
  std::error_code error;
  std::vector<std::pair<fs::path, fs::path>> moves;
  for (const auto& entry : fs::directory_iterator(temporary_, error)) {
    moves.emplace_back(entry.path(), target_ / entry.path().filename());
    if (existing_ == Existing::kRefuse && IsThere(moves.back().second)) return AlreadyThere(moves.back().second);
  }
  for (const auto& [from, to] : moves) VLAQ_RETURN_IF_ERROR(MoveFile(from, to, existing_));
  return {};
}

Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error && !fs::is_directory(path)) return OutputError(path, "make the folder", error.value());
  return {};
}

Status CheckFilePlace(const fs::path& path, Existing existing) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (path.filename().empty() || fs::is_directory(status)) {
    return UsageError(fmt::format("{} is a folder", path.string()), "name a file");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return UsageError(fmt::format("{} is no regular file, so nothing can take its place", path.string()),
                      "name a file");
  }
  if (existing == Existing::kRefuse && IsThere(path)) return AlreadyThere(path);
  return CheckWritable(FolderOf(path));
}

Status CheckFolderPlace(const fs::path& path) { return CheckWritable(path); }

Status CheckRoom(const fs::path& path, uint64_t bytes) {
  std::error_code error;
  const fs::path folder = NearestFolder(path);
  const auto space = fs::space(folder, error);
  if (error || bytes <= space.available) return {};
  return InputError(IntendedPlace(path).string(),
                    fmt::format("needs {}, and {} are free in {}", HumanBytes(bytes), HumanBytes(space.available),
                                IntendedPlace(FolderOf(path)).string()),
                    "free some space, or give another place");
}

Status CopyFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (!error) return {};
  return InputError(IntendedPlace(to).string(), fmt::format("cannot copy {}: {}", from.string(), error.message()));
}

Status WriteFile(const fs::path& path, std::string_view content, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, existing));
  VLAQ_RETURN_IF_ERROR(file.Write(content));
  return file.Commit();
}

}  // namespace vlaq
