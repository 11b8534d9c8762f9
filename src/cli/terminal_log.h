// Progress, notes and warnings on stderr: a bar that redraws itself on a terminal that can, a line every few seconds
// elsewhere.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <ostream>
#include <string>

#include "base/log.h"
#include "base/status.h"
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
  // Whether warnings alone are said.
  void set_quiet(bool quiet) { quiet_ = quiet; }
  // From now on what is said, notes that are not shown too, also goes to the end of this file, each line with the time
  // (UTC). Errors: kInput if it cannot be written.
  Status CopyTo(const std::filesystem::path& file);
  // A line for that file alone: the command, and how it ended.
  void Record(std::string_view text);
  // Takes the bar away, before others write to the terminal.
  void ClearBar();

 private:
  using Clock = std::chrono::steady_clock;
  void Line(std::string_view label, std::string_view text);
  void Copy(std::string_view line);  // with the mutex held

  std::ostream& err_;
  Terminal terminal_;
  bool quiet_ = false;
  std::ofstream copy_;  // open if one is wanted
  bool bar_shown_ = false;
  std::string current_;  // what progress is about
  Clock::time_point started_;
  Clock::time_point shown_;
  std::mutex mutex_;
};

}  // namespace vlaq::cli
