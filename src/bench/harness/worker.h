// A subject in a process of its own, asked by lines of JSON: one line in, one line out. The same protocol for vlaq's
// own graphs, PyTorch and any other program (docs/benchmarks.md has it in words). The other side is never trusted: a
// line that does not fit, a wrong count, a time that cannot be, an action that is no number or silence is an error with
// the subject's name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/json_fwd.h"
#include "bench/harness/subject.h"

namespace vlaq::harness {

inline constexpr std::string_view kWorkerSchema = "vlaq.worker/1";

// What the worker is told first.
struct WorkerSettings {
  std::filesystem::path inputs;  // safetensors, [steps, ...] of each input (docs/benchmarks.md)
  int threads = 1;
  int64_t window = 8;
  int64_t batch = 1;       // copies of the window in one run
  double timeout_s = 300;  // for loading, or one answer
};

// How a worker is asked.
class WorkerChannel {
 public:
  virtual ~WorkerChannel() = default;
  // One line there and one back, without their ends. Errors: kBackend.
  virtual Result<std::string> Ask(const std::string& question, double timeout_s) = 0;
  virtual int pid() const = 0;  // of the process that it runs in
};

class WorkerSubject : public Subject {
 public:
  // Starts `command` with the shell and waits until it is ready. Errors: kBackend; kInput if it refuses what it is
  // told.
  static Result<std::unique_ptr<WorkerSubject>> Start(std::string name, const std::string& command,
                                                      const WorkerSettings& settings, double timeout_s);
  // The same of one that is there.
  static Result<std::unique_ptr<WorkerSubject>> Start(std::string name, std::unique_ptr<WorkerChannel> channel,
                                                      const WorkerSettings& settings);

  const std::string& name() const override { return name_; }
  const Ready& ready() const { return ready_; }
  int pid() const { return channel_->pid(); }
  Result<Block> Run(std::span<const int> inputs, bool keep) override;
  Result<Memory> MemoryNow() override;
  Result<std::vector<OperatorTime>> Profile(std::span<const int> inputs) override;

 private:
  WorkerSubject(std::string name, std::unique_ptr<WorkerChannel> channel, double timeout_s)
      : name_(std::move(name)), channel_(std::move(channel)), timeout_s_(timeout_s) {}
  Result<Json> Ask(const Json& question);

  std::string name_;
  std::unique_ptr<WorkerChannel> channel_;
  double timeout_s_;
  Ready ready_;
};

// The memory of a process by /proc. Errors: kBackend if there is no such process.
Result<Memory> MemoryOf(int pid);

// CLOCK_MONOTONIC, which all processes of a machine share.
int64_t NowNs();

}  // namespace vlaq::harness
