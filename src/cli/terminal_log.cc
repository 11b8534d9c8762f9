#include "cli/terminal_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/text.h"

namespace vlaq::cli {
namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(100);
constexpr auto kLineInterval = std::chrono::seconds(5);
constexpr std::string_view kNote = "note: ";
// Large totals are bytes; anything else is counted in items.
constexpr uint64_t kBytesFrom = uint64_t{10} << 20U;

std::string RateAndRest(uint64_t done, uint64_t total, double seconds) {
  if (seconds <= 0) return "";
  const double rate = static_cast<double>(done) / seconds;
  if (rate <= 0) return "";
  const double left = static_cast<double>(total - done) / rate;
  if (total >= kBytesFrom) return fmt::format("{:.0f} MB/s, {:.0f} s left", rate / 1e6, left);
  return fmt::format("{:.2g}/s, {:.0f} s left", rate, left);
}

}  // namespace

void TerminalLog::Warning(std::string_view text) { Line("warning: ", text); }

void TerminalLog::Note(std::string_view text) { Line(kNote, text); }

Status TerminalLog::CopyTo(const std::filesystem::path& file) {
  errno = 0;
  copy_.open(file, std::ios::app);
  if (copy_) return {};
  const char* why = std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
  return InputError(file.string(), fmt::format("--log: cannot be written: {}", why),
                    "name a file in a folder that is there");
}

void TerminalLog::Record(std::string_view text) {
  const std::lock_guard lock(mutex_);
  Copy(fmt::format("{}\n", Printable(text)));
}

// Each line is on its way to the disk when the next is worked for: what is looked for after a crash is the last one.
void TerminalLog::Copy(std::string_view line) {
  if (copy_.is_open())
    copy_ << fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {}", fmt::gmtime(std::time(nullptr)), line) << std::flush;
}

void TerminalLog::Line(std::string_view label, std::string_view text) {
  constexpr size_t kLongestLine = 4000;  // bytes
  const std::string line = fmt::format("{}{}\n", label, Printable(text, kLongestLine));
  const std::lock_guard lock(mutex_);
  Copy(line);
  if (quiet_ && label == kNote) return;
  ClearBar();
  err_ << (terminal_.color ? InColor(line) : line) << std::flush;
}

void TerminalLog::ClearBar() {
  if (bar_shown_) err_ << "\r\033[K" << std::flush;
  bar_shown_ = false;
}

void TerminalLog::Progress(std::string_view what, uint64_t done, uint64_t total) {
  if (quiet_ || total == 0) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (what != current_) {
    current_ = what;
    started_ = now;
    shown_ = now;  // short jobs show nothing
    return;
  }
  if (done >= total) {
    ClearBar();
    current_.clear();
    return;
  }
  if (now - shown_ <
      (terminal_.redraws ? std::chrono::milliseconds(kBarInterval) : std::chrono::milliseconds(kLineInterval)))
    return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const uint64_t percent = std::min<uint64_t>(100, 100 * done / total);
  const std::string rate = RateAndRest(done, total, seconds);
  if (terminal_.redraws) {
    const std::string bar = std::string(percent / 4, '#') + std::string(25 - percent / 4, '.');
    err_ << fmt::format("\r\033[K{} [{}] {:3d} %  {}", Printable(what), bar, percent, rate) << std::flush;
    bar_shown_ = true;
  } else {
    err_ << fmt::format("{}: {} %, {}\n", Printable(what), percent, rate) << std::flush;
  }
}

}  // namespace vlaq::cli
