// A subject in a process of its own, asked by lines of JSON: one line in, one line out. The same protocol for vlaq's
// own graphs, PyTorch and any other program (docs/benchmarks.md has it in words). The other side is never trusted: a
// line that does not fit, a wrong count, a time that cannot be, an action that is no number or silence is an error with
// the subject's name.
#pragma once

#include <filesystem>
#include <memory>

#include "base/child_process.h"
#include "base/json_fwd.h"
#include "benchmark/subject.h"

namespace vlaq::benchmark {

inline constexpr std::string_view kWorkerSchema = "vlaq.worker/1";

// What the worker is told first.
struct WorkerSettings {
  std::filesystem::path inputs;  // safetensors with pixel_values float32 [frames, 3, S, S]
  int threads = 1;
  int64_t window = 8;
  int64_t batch = 1;  // copies of the window in one run
};

class WorkerSubject : public Subject {
 public:
  // Starts `command` with the shell and waits until it is ready. Errors: kBackend; kInput if it refuses what it is
  // told.
  static Result<std::unique_ptr<WorkerSubject>> Start(std::string name, const std::string& command,
                                                      const WorkerSettings& settings, double timeout_s);

  const std::string& name() const override { return name_; }
  const Ready& ready() const { return ready_; }
  int pid() const { return process_->pid(); }
  Result<Block> Run(std::span<const int> inputs, bool keep) override;
  Result<Memory> MemoryNow() override;
  Result<std::vector<OperatorTime>> Profile(std::span<const int> inputs) override;

 private:
  WorkerSubject(std::string name, std::unique_ptr<ChildProcess> process, double timeout_s)
      : name_(std::move(name)), process_(std::move(process)), timeout_s_(timeout_s) {}
  Result<Json> Ask(const Json& question);

  std::string name_;
  std::unique_ptr<ChildProcess> process_;
  double timeout_s_;
  Ready ready_;
};

// The memory of a process by /proc. Errors: kBackend if there is no such process.
Result<Memory> MemoryOf(int pid);

// CLOCK_MONOTONIC, which all processes of a machine share.
int64_t NowNs();

}  // namespace vlaq::benchmark
