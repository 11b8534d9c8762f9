#include "engine/measure.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/mapped_file.h"

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

// A file beside the engine that goes with the call.
struct Temporary {
  Temporary(const fs::path& engine, std::string_view what) : path(fmt::format("{}.{}", engine.string(), what)) {}
  ~Temporary() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  std::string path;
};

// A log that tells of a failure stays as FILE.log, as that of a build does; a success takes it away.
Result<ProgramRun> Run(const Builder& builder, const InspectRequest& request, double timeout_s, ToolLog& log,
                       Phase& phase) {
  std::vector<std::string> command{builder.tool.path.string()};
  for (std::string& word : InspectArguments(builder.version, request)) command.push_back(std::move(word));
  std::string said;  // so far: of a program that is ended at its deadline, RunProgram returns nothing
  auto run = RunProgram(command, timeout_s, [&](std::string_view part) {
    if (said.size() + part.size() <= ProgramRun::kLongestOutput) said += part;
    phase.See(part);
  });
  const std::string doing = "running " + fs::path(request.engine).filename().string();
  const fs::path kept = request.engine + ".log";
  std::optional<Error> failure;
  if (run.ok()) {
    log = ReadLog(run->output);
    if (const Status judged = JudgeRun(*run, log, doing); !judged.ok()) failure = judged.error();
  } else {
    failure = Within(doing, run.error());
  }
  if (!failure) {
    std::error_code ignored;
    fs::remove(kept, ignored);
    return run;
  }
  if (!said.empty() && WriteFile(kept, said, Existing::kReplace).ok()) {
    failure->advice += fmt::format("{}the whole log is {}", failure->advice.empty() ? "" : "; ", kept.string());
  }
  return *failure;
}

Result<std::string> Content(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return Error{ErrorCode::kBackend, "trtexec passed, but did not write it", path, ""};
  return std::string(AsText((*file)->bytes()));
}

}  // namespace

Result<Timing> TimeEngine(const EnginePlan& plan, const Builder& builder, double seconds, double timeout_s,
                          const fs::path& root) {
  const Temporary times(plan.file, "times.json");
  InspectRequest request;
  request.engine = plan.file.string();
  request.inputs = plan.work.inputs;
  request.times = times.path;
  request.seconds = seconds;
  Timing timing;
  Phase phase;
  Watcher watcher(root, phase);
  VLAQ_ASSIGN_OR_RETURN(const ProgramRun run, Run(builder, request, timeout_s + seconds, timing.log, phase));
  timing.readings = watcher.Take();
  timing.peak_resident_bytes = run.peak_resident_bytes;
  VLAQ_ASSIGN_OR_RETURN(const std::string text, Content(times.path));
  VLAQ_ASSIGN_OR_RETURN(timing.times, ReadTimes(text, "--exportTimes"));
  return timing;
}

Result<std::vector<double>> RunEngine(const EnginePlan& plan, const Builder& builder, const Tensor& input,
                                      double timeout_s) {
  const Temporary values(plan.file, "input.bin"), outputs(plan.file, "output.json");
  VLAQ_RETURN_IF_ERROR(WriteFile(values.path, AsText(input.bytes()), Existing::kReplace));
  if (plan.work.inputs.size() != 1) return InternalError(plan.file.string(), "has more than one input");
  InspectRequest request;
  request.engine = plan.file.string();
  request.inputs = plan.work.inputs;
  request.batch = input.shape()[0];
  request.load = {{plan.work.inputs[0].name, values.path}};
  request.outputs = outputs.path;
  request.seconds = 0;
  ToolLog log;
  Phase nobody_asks;
  VLAQ_RETURN_IF_ERROR(Run(builder, request, timeout_s, log, nobody_asks));
  VLAQ_ASSIGN_OR_RETURN(const std::string text, Content(outputs.path));
  VLAQ_ASSIGN_OR_RETURN(const auto all, ReadOutputs(text, "--exportOutput"));
  if (all.size() != 1) {
    return Error{ErrorCode::kBackend, fmt::format("{} outputs where one was expected", all.size()), "--exportOutput",
                 ""};
  }
  return all.begin()->second;
}

}  // namespace vlaq::engine
