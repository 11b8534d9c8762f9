// What a stream of ours is connected to, and how text goes there.
#pragma once

#include <cstddef>
#include <streambuf>
#include <string>

namespace vlaq::cli {

struct Terminal {
  bool redraws = false;  // a terminal that knows escape sequences: TERM is set, and not to dumb
  bool color = false;    // the same, and NO_COLOR does not forbid it
  size_t width = 0;      // columns, of COLUMNS or the terminal itself; 0 where there is no terminal
};
Terminal TerminalAt(int descriptor);

// Text on its way to a person. Whatever it came from, no control character reaches the terminal (Printable() in
// base/text.h has the rules; line ends and tabs stay), and what a verdict says shows in color. Text waits for the end
// of its line, or for a flush. Remembers why the sink did not take something.
class PersonBuffer : public std::streambuf {
 public:
  // `sink` must outlive it.
  PersonBuffer(std::streambuf& sink, bool color) : sink_(sink), color_(color) {}
  ~PersonBuffer() override { PersonBuffer::sync(); }

  // The system's error (errno) of the first write that failed; 0 if none did.
  int failure() const { return failure_; }

 protected:
  int overflow(int c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  // Sends the first `bytes` that wait.
  void Send(size_t bytes);
  void Failed();

  std::streambuf& sink_;
  bool color_;
  std::string waiting_;
  int failure_ = 0;
};

// The line with its verdicts in color: cells, and what it begins with.
std::string InColor(const std::string& line);

}  // namespace vlaq::cli
