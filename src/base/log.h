// Where library code says things to a person while it works: warnings, notes, progress. The command line prints them
// to stderr; tests collect them. Never used for results or errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vlaq {

class Log {
 public:
  virtual ~Log() = default;
  // Something the user should know and may have to act on.
  virtual void Warning(std::string_view text) = 0;
  // Something that helps to follow what happens, e.g. an assumption that was made.
  virtual void Note(std::string_view text) = 0;
  // `done` of `total` units of work named `what`; called often, the receiver thins it out.
  virtual void Progress(std::string_view what, uint64_t done, uint64_t total) = 0;
};

// Drops everything.
Log& SilentLog();

}  // namespace vlaq
