#include "base/unfinished.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <map>
#include <mutex>

#include "base/hash.h"
#include "base/system_files.h"

namespace vlaq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPart = ".part-";
constexpr std::string_view kOld = ".old-";  // what output.cc moves away where names cannot be exchanged
constexpr size_t kDigits = 6;               // of a hash in a mark

std::recursive_mutex& ClaimedMutex() {
  static std::recursive_mutex mutex;
  return mutex;
}
// By the temporary name: the target's, or nothing.
std::map<fs::path, fs::path>& Claimed() {
  static std::map<fs::path, fs::path> claimed;
  return claimed;
}

std::string ShortHash(const std::string& text) { return Xxh3Hex(AsBytes(text)).substr(0, kDigits); }

std::string HostName() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

struct Mark {
  std::string machine, boot, space;  // hashes; the space is that in which process numbers count
};

const Mark& OwnMark() {
  static const Mark mark = [] {
    std::error_code ignored;
    return Mark{ShortHash(FirstLine("/etc/machine-id").value_or("") + HostName()),
                ShortHash(FirstLine("/proc/sys/kernel/random/boot_id").value_or("")),
                ShortHash(fs::read_symlink("/proc/self/ns/pid", ignored).string())};
  }();
  return mark;
}

// Whether a file was last written before this machine started.
bool IsOlderThanBoot(const fs::path& path) {
  struct stat info {};
  timespec now{}, up{};
  if (::lstat(path.c_str(), &info) != 0 || ::clock_gettime(CLOCK_REALTIME, &now) != 0 ||
      ::clock_gettime(CLOCK_BOOTTIME, &up) != 0) {
    return false;
  }
  return info.st_mtim.tv_sec < now.tv_sec - up.tv_sec - 1;
}

// What killed processes left beside `target`. An old output whose successor never took its place goes back to it.
void RemoveLeftovers(const fs::path& target) {
  std::error_code ignored;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const std::string stem = target.filename().string();
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(stem)) continue;
    const std::string_view rest = std::string_view(name).substr(stem.size());
    if (rest.starts_with(kPart) && IsLeftover(entry.path(), rest.substr(kPart.size()))) {
      fs::remove_all(entry.path(), ignored);
    }
    if (rest.starts_with(kOld) && IsLeftover(entry.path(), rest.substr(kOld.size()))) {
      if (fs::exists(fs::symlink_status(target, ignored))) {
        fs::remove_all(entry.path(), ignored);
      } else {
        fs::rename(entry.path(), target, ignored);
      }
    }
  }
}

}  // namespace

std::string ProcessMark() {
  const Mark& own = OwnMark();
  return fmt::format("{}{}{}-{}", own.machine, own.boot, own.space, ::getpid());
}

bool IsLeftover(const fs::path& path, std::string_view mark) {
  constexpr size_t kHashes = 3 * kDigits;
  if (mark.size() < kHashes + 2 || mark[kHashes] != '-') return false;
  const char* end = mark.data() + mark.size();
  pid_t pid = 0;
  const auto parsed = std::from_chars(mark.data() + kHashes + 1, end, pid);
  if (parsed.ec != std::errc() || pid <= 0 || (parsed.ptr != end && *parsed.ptr != '-')) return false;
  const Mark& own = OwnMark();
  if (mark.substr(0, kDigits) != own.machine) return false;
  if (mark.substr(kDigits, kDigits) != own.boot) return IsOlderThanBoot(path);
  if (mark.substr(2 * kDigits, kDigits) != own.space) return false;
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

std::unique_lock<std::recursive_mutex> HoldWhatIsUnfinished() { return std::unique_lock(ClaimedMutex()); }

fs::path ClaimTemporaryName(const fs::path& target) {
  fs::path plain = target;
  if (plain.filename().empty()) plain = plain.parent_path();
  RemoveLeftovers(plain);
  const std::string stem = fmt::format("{}{}{}", plain.string(), kPart, ProcessMark());
  const std::lock_guard lock(ClaimedMutex());
  fs::path name = stem;
  for (int i = 2; Claimed().contains(name); ++i) name = fmt::format("{}-{}", stem, i);
  Claimed().emplace(name, plain);
  return name;
}

void ClaimTemporary(const fs::path& path) {
  const std::lock_guard lock(ClaimedMutex());
  Claimed().emplace(path, fs::path());
}

void ReleaseTemporaryName(const fs::path& temporary) {
  const std::lock_guard lock(ClaimedMutex());
  Claimed().erase(temporary);
}

fs::path IntendedPlace(const fs::path& path) {
  const std::lock_guard lock(ClaimedMutex());
  fs::path place;
  for (const fs::path& part : path) {
    place /= part;
    const auto claimed = Claimed().find(place);
    if (claimed != Claimed().end() && !claimed->second.empty()) place = claimed->second;
  }
  return place;
}

bool IsTemporary(const fs::path& path) {
  const std::lock_guard lock(ClaimedMutex());
  fs::path place;
  for (const fs::path& part : path) {
    place /= part;
    if (Claimed().contains(place)) return true;
  }
  return false;
}

namespace {

// Its caller holds the mutex.
void RemoveClaimed() {
  std::error_code ignored;
  // Other threads may be making what they have claimed, or files in it, while it goes.
  constexpr int kTries = 200, kEnough = 3;
  constexpr useconds_t kBetween = 1000;
  for (int tries = 0, gone = 0; tries < kTries && gone < kEnough; ++tries) {
    bool any = false;
    for (const auto& [path, target] : Claimed()) {
      any = fs::exists(fs::symlink_status(path, ignored)) || any;
      fs::remove_all(path, ignored);
    }
    gone = any ? 0 : gone + 1;
    if (gone < kEnough) ::usleep(kBetween);
  }
  Claimed().clear();
}

}  // namespace

void RemoveUnfinishedOutputs() {
  const std::lock_guard lock(ClaimedMutex());
  RemoveClaimed();
}

void RemoveUnfinishedOutputsAndExit(int code) {
  ClaimedMutex().lock();  // for good: whoever waits for it would go on with what is gone
  RemoveClaimed();
  ::_exit(code);
}

}  // namespace vlaq
