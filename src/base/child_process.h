// A program that runs beside this one and answers on its standard output what it is asked on its standard input.
//
// Its standard error stays ours. Destruction ends it and what it started, and so does the end of this program, whatever
// that is; started by a thread, it ends with that. One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/running.h"
#include "base/status.h"

namespace vlaq {

class ChildProcess {
 public:
  // Starts `command` with the shell. Errors: kBackend.
  static Result<std::unique_ptr<ChildProcess>> Start(const std::string& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Errors: kBackend if the program is gone, or has not read all of it within `timeout_s`.
  Status Write(Bytes bytes, double timeout_s);
  // The next line without its end. Errors: kBackend if the program ended (with its status), printed no line within
  // `timeout_s`, or a line of more than 1 MiB.
  Result<std::string> ReadLine(double timeout_s);
  // The next `size` bytes. Errors: as ReadLine().
  Result<std::string> Read(size_t size, double timeout_s);
  // The process id of the shell, which is the program itself if `command` begins with exec; 0 when it is gone.
  int pid() const { return pid_; }

 private:
  ChildProcess(std::string command, int pid, int socket);
  // Waits until the socket is ready for `events` (of poll). False at the deadline.
  bool WaitFor(short events, std::chrono::steady_clock::time_point deadline) const;
  // Receives more, until `deadline`. Errors: kBackend as ReadLine().
  Status Receive(std::chrono::steady_clock::time_point deadline, double timeout_s);
  Error Gone();
  // Gives it `tries` times 10 ms to leave by itself. Its status, if it did.
  std::optional<int> End(int tries);

  std::string command_;
  int pid_;  // 0 once it was waited for
  std::optional<RunningProgram> running_;
  int socket_;
  std::string received_;
};

}  // namespace vlaq
