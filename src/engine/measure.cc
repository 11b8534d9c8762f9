#include "engine/measure.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/output.h"
#include "engine/tool_run.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

constexpr auto kBetweenReadings = std::chrono::milliseconds(100);

// Whether inference runs, by what trtexec says as it goes. See() belongs to one thread, running() to any.
class Phase {
 public:
  // A part of the log, which need not end with a line.
  void See(std::string_view part) {
    line_ += part;
    for (size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      if (line_.substr(0, end).find("Starting inference") != std::string::npos) running_ = true;
      // The first thing that it says afterwards.
      if (line_.substr(0, end).find("Timing trace has") != std::string::npos) running_ = false;
      line_.erase(0, end + 1);
    }
  }
  bool running() const { return running_; }

 private:
  std::string line_;
  std::atomic<bool> running_ = false;
};

// Reads the board's state while inference runs, until it is destroyed or asked for what it saw.
class Watcher {
 public:
  Watcher(fs::path root, const Phase& phase) : root_(std::move(root)), phase_(phase), thread_([this] { Watch(); }) {}
  ~Watcher() { Stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  std::vector<BoardReading> Take() {
    Stop();
    return std::move(readings_);
  }

 private:
  void Watch() {
    while (!done_) {
      if (phase_.running()) {
        const BoardReading reading = ReadState(root_);
        if (phase_.running()) readings_.push_back(reading);  // it did not end meanwhile
      }
      std::this_thread::sleep_for(kBetweenReadings);
    }
  }
  void Stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }
  fs::path root_;
  const Phase& phase_;
  std::atomic<bool> done_ = false;
  std::vector<BoardReading> readings_;  // of the thread, until it has ended
  std::thread thread_;                  // last: it uses the others
};

Result<ToolRun> Run(const Builder& builder, const EnginePlan& plan, const InspectRequest& request, double timeout_s,
                    const std::function<void(std::string_view)>& each_part = {}) {
  VLAQ_ASSIGN_OR_RETURN(ToolRun run, RunTool(builder, InspectArguments(builder.version, request), timeout_s, plan.file,
                                             "running " + plan.file.filename().string(), each_part));
  RemoveLog(plan.file);
  return run;
}

}  // namespace

Result<Timing> TimeEngine(const EnginePlan& plan, const Builder& builder, double seconds, double timeout_s,
                          const fs::path& root) {
  Scratch scratch(plan.file);
  InspectRequest request;
  request.engine = plan.file.string();
  request.inputs = plan.work.inputs;
  request.times = scratch.Path("times.json");
  request.seconds = seconds;
  Timing timing;
  Phase phase;
  Watcher watcher(root, phase);
  VLAQ_ASSIGN_OR_RETURN(ToolRun run, Run(builder, plan, request, timeout_s + seconds,
                                         [&phase](std::string_view part) { phase.See(part); }));
  timing.log = std::move(run.log);
  timing.readings = watcher.Take();
  timing.peak_resident_bytes = run.peak_resident_bytes;
  VLAQ_ASSIGN_OR_RETURN(const std::string text, ReadWritten(request.times));
  VLAQ_ASSIGN_OR_RETURN(timing.times, ReadTimes(text, "--exportTimes"));
  return timing;
}

Result<std::vector<double>> RunEngine(const EnginePlan& plan, const Builder& builder, const Tensor& input,
                                      double timeout_s) {
  Scratch scratch(plan.file);
  const std::string values = scratch.Path("input.bin");
  VLAQ_RETURN_IF_ERROR(WriteFile(values, AsText(input.bytes()), Existing::kReplace));
  if (plan.work.inputs.size() != 1) return InternalError(plan.file.string(), "has more than one input");
  InspectRequest request;
  request.engine = plan.file.string();
  request.inputs = plan.work.inputs;
  request.batch = input.shape()[0];
  request.load = {{plan.work.inputs[0].name, values}};
  request.outputs = scratch.Path("output.json");
  request.seconds = 0;
  VLAQ_RETURN_IF_ERROR(Run(builder, plan, request, timeout_s));
  VLAQ_ASSIGN_OR_RETURN(const std::string text, ReadWritten(request.outputs));
  VLAQ_ASSIGN_OR_RETURN(const auto all, ReadOutputs(text, "--exportOutput"));
  if (all.size() != 1) {
    return Error{ErrorCode::kBackend, fmt::format("{} outputs where one was expected", all.size()), "--exportOutput",
                 ""};
  }
  return all.begin()->second;
}

}  // namespace vlaq::engine
