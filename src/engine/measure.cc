#include "engine/measure.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/mapped_file.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

constexpr double kTimeoutS = 600;
constexpr auto kBetweenReadings = std::chrono::milliseconds(100);

// Reads the board's state until it is destroyed or asked for what it saw.
class Watcher {
 public:
  explicit Watcher(fs::path root) : root_(std::move(root)), thread_([this] { Watch(); }) {}
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
      readings_.push_back(ReadState(root_));
      std::this_thread::sleep_for(kBetweenReadings);
    }
  }
  void Stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }
  fs::path root_;
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

Result<ProgramRun> Run(const Builder& builder, const InspectRequest& request, ToolLog& log) {
  std::vector<std::string> command{builder.tool.path.string()};
  for (std::string& word : InspectArguments(builder.version, request)) command.push_back(std::move(word));
  VLAQ_ASSIGN_OR_RETURN(ProgramRun run, RunProgram(command, kTimeoutS));
  log = ReadLog(run.output);
  VLAQ_RETURN_IF_ERROR(JudgeRun(run, log, "running " + fs::path(request.engine).filename().string()));
  return run;
}

Result<std::string> Content(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return Error{ErrorCode::kBackend, "trtexec passed, but did not write it", path, ""};
  return std::string(AsText((*file)->bytes()));
}

}  // namespace

Result<Timing> TimeEngine(const EnginePlan& plan, const Builder& builder, double seconds, const fs::path& root) {
  const Temporary times(plan.file, "times.json");
  InspectRequest request;
  request.engine = plan.file.string();
  request.inputs = plan.work.inputs;
  request.times = times.path;
  request.seconds = seconds;
  Timing timing;
  Watcher watcher(root);
  VLAQ_ASSIGN_OR_RETURN(const ProgramRun run, Run(builder, request, timing.log));
  timing.readings = watcher.Take();
  timing.peak_resident_bytes = run.peak_resident_bytes;
  VLAQ_ASSIGN_OR_RETURN(const std::string text, Content(times.path));
  VLAQ_ASSIGN_OR_RETURN(timing.times, ReadTimes(text, "--exportTimes"));
  return timing;
}

Result<std::vector<double>> RunEngine(const EnginePlan& plan, const Builder& builder, const Tensor& input) {
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
  VLAQ_RETURN_IF_ERROR(Run(builder, request, log));
  VLAQ_ASSIGN_OR_RETURN(const std::string text, Content(outputs.path));
  VLAQ_ASSIGN_OR_RETURN(const auto all, ReadOutputs(text, "--exportOutput"));
  if (all.size() != 1) {
    return Error{ErrorCode::kBackend, fmt::format("{} outputs where one was expected", all.size()), "--exportOutput",
                 ""};
  }
  return all.begin()->second;
}

}  // namespace vlaq::engine
