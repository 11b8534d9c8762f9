// Progress, notes and warnings on stderr: a bar that redraws itself on a terminal that can, a line every few seconds
// elsewhere.
#pragma once

#include <chrono>
#include <mutex>
#include <ostream>
#include <string>

#include "base/log.h"
#include "cli/terminal.h"

namespace vlaq::cli {

class TerminalLog : public Log {
 public:
  // `terminal`: what `err` is.
  TerminalLog(std::ostream& err, Terminal terminal) : err_(err), terminal_(terminal) {}
  ~TerminalLog() override { ClearBar(); }

  void Warning(std::string_view text) override;
  void Note(std::string_view text) override;
  void Progress(std::string_view what, uint64_t done, uint64_t total) override;
  void set_quiet(bool quiet) { quiet_ = quiet; }
  // Takes the bar away, before others write to the terminal.
  void ClearBar();

 private:
  using Clock = std::chrono::steady_clock;
  void Line(std::string_view label, std::string_view text);

  std::ostream& err_;
  Terminal terminal_;
  bool quiet_ = false;
  bool bar_shown_ = false;
  std::string current_;  // what progress is about
  Clock::time_point started_;
  Clock::time_point shown_;
  std::mutex mutex_;
};

}  // namespace vlaq::cli
