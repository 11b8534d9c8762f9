#include "base/unfinished.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <mutex>
#include <set>

namespace vlaq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMark = ".part-";

std::mutex& ClaimedMutex() {
  static std::mutex mutex;
  return mutex;
}
std::set<fs::path>& Claimed() {
  static std::set<fs::path> claimed;
  return claimed;
}

// True if `name` is `stem` + ".part-" + the number of a process that is gone.
bool IsLeftover(std::string_view name, std::string_view stem) {
  if (!name.starts_with(stem) || !name.substr(stem.size()).starts_with(kMark)) return false;
  const std::string_view number = name.substr(stem.size() + kMark.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), pid);
  if (error != std::errc() || end != number.data() + number.size() || pid <= 0) return false;
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

void RemoveLeftovers(const fs::path& target) {
  std::error_code ignored;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const std::string stem = target.filename().string();
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (IsLeftover(entry.path().filename().string(), stem)) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

fs::path ClaimTemporaryName(const fs::path& target) {
  fs::path name = target;
  if (name.filename().empty()) name = name.parent_path();
  RemoveLeftovers(name);
  name += fmt::format("{}{}", kMark, ::getpid());
  const std::lock_guard lock(ClaimedMutex());
  Claimed().insert(name);
  return name;
}

void ReleaseTemporaryName(const fs::path& temporary) {
  const std::lock_guard lock(ClaimedMutex());
  Claimed().erase(temporary);
}

void RemoveUnfinishedOutputs() {
  const std::lock_guard lock(ClaimedMutex());
  std::error_code ignored;
  for (const fs::path& path : Claimed()) fs::remove_all(path, ignored);
  Claimed().clear();
}

}  // namespace vlaq
