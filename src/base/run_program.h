// Runs a program to its end and keeps what it said: for tools that do one job and leave, such as trtexec. No shell, so
// no quoting. An interrupted vlaq ends it (running.h). A program that talks to and fro is a ChildProcess. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vlaq {

struct ProgramRun {
  std::string output;  // standard output and standard error in the order they came, at most kLongestOutput
  int exit_code = -1;  // when it ended by itself
  int signal = 0;      // that ended it, else 0
  double seconds = 0;
  uint64_t peak_resident_bytes = 0;

  static constexpr size_t kLongestOutput = size_t{64} << 20;
  // "ended with status 1", "was ended by signal 11 (Segmentation fault)"
  std::string HowItEnded() const;
};

// `arguments[0]` is the program, looked up on PATH if it has no slash. `each_part` sees the output as it comes. At the
// deadline it is ended. Errors: kBackend if it cannot be started or does not end in time.
Result<ProgramRun> RunProgram(const std::vector<std::string>& arguments, double timeout_s,
                              const std::function<void(std::string_view)>& each_part = {});

// The first of `names` that is an executable file; names without a slash are looked up on PATH. Empty if none is.
std::string FindProgram(const std::vector<std::string>& names);

// One word of a shell command line: as it is, or in quotes where it has to be.
std::string ShellWord(const std::string& word);
// The words of one, as it could be typed.
std::string ShellLine(const std::vector<std::string>& words);

}  // namespace vlaq
