#include "base/bus_error.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

#include "base/status.h"

namespace vlaq {
namespace {

// All below runs in a signal handler: no allocation, no locks, nothing but system calls.

constexpr int kExitCode = static_cast<int>(ErrorCode::kInput);
constexpr unsigned kPatienceSeconds = 10;

using PathText = std::array<char, 4096>;

class MapsReader {
 public:
  MapsReader() : file_(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~MapsReader() {
    if (file_ >= 0) ::close(file_);
  }
  MapsReader(const MapsReader&) = delete;
  MapsReader& operator=(const MapsReader&) = delete;

  // False at the end.
  bool Next(char& c) {
    if (at_ == size_) {
      const ssize_t got = file_ < 0 ? 0 : ::read(file_, buffer_.data(), buffer_.size());
      if (got <= 0) return false;
      at_ = 0;
      size_ = static_cast<size_t>(got);
    }
    c = buffer_[at_++];
    return true;
  }

 private:
  int file_;
  std::array<char, 1024> buffer_{};
  size_t at_ = 0, size_ = 0;
};

// Control characters of ASCII alone; char has no sign on some processors.
bool IsControlByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

// The hexadecimal number up to `end`.
bool ReadHex(MapsReader& maps, char end, uintptr_t& value) {
  value = 0;
  for (char c = 0; maps.Next(c);) {
    if (c == end) return true;
    const bool digit = c >= '0' && c <= '9';
    value = value * 16 + static_cast<uintptr_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return false;
}

// The file that is mapped at `address`, printable; false if none is. A line of the kernel's is
// "7f00-7f01 r--p 00000000 08:02 1234   /path".
bool FindFile(uintptr_t address, PathText& path, size_t& length) {
  MapsReader maps;
  uintptr_t begin = 0, end = 0;
  while (ReadHex(maps, '-', begin) && ReadHex(maps, ' ', end)) {
    length = 0;
    char c = 0;
    while (maps.Next(c) && c != '\n') {
      if (length == 0 && c != '/') continue;
      if (length < path.size()) path[length++] = IsControlByte(c) ? '?' : c;
    }
    if (address >= begin && address < end) return length > 0;
  }
  return false;
}

void Say(const char* text, size_t length) {
  while (length > 0) {
    const ssize_t n = ::write(STDERR_FILENO, text, length);
    if (n <= 0) return;
    text += n;
    length -= static_cast<size_t>(n);
  }
}

[[noreturn]] void WaitForTheEnd() {
  for (unsigned left = kPatienceSeconds; left > 0;) left = ::sleep(left);
  ::_exit(kExitCode);
}

void OnBusError(int signal, siginfo_t* info, void* /*context*/) {
  static std::atomic_flag seen = ATOMIC_FLAG_INIT;
  PathText path;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled up to `length`
  size_t length = 0;
  if (!FindFile(reinterpret_cast<uintptr_t>(info->si_addr), path, length)) {
    ::signal(signal, SIG_DFL);  // the read is done again, and fails again
    return;
  }
  if (seen.test_and_set()) WaitForTheEnd();  // of several threads one speaks
  constexpr char kBefore[] = "vlaq: ";
  constexpr char kAfter[] =
      ": was cut off, or its disk failed, while it was read; see that nothing writes to it, and that the disk is "
      "well\n";
  Say(kBefore, sizeof(kBefore) - 1);
  Say(path.data(), length);
  Say(kAfter, sizeof(kAfter) - 1);
  sigval value{};
  value.sival_int = kExitCode;
  ::sigqueue(::getpid(), SIGTERM, value);
  WaitForTheEnd();
}

}  // namespace

void NameFilesOfBusErrors() {
  struct sigaction action {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace vlaq
