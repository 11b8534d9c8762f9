#include "engine/tool_run.h"

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "base/output.h"
#include "base/run_program.h"
#include "base/unfinished.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

fs::path LogPath(const fs::path& engine) { return engine.string() + ".log"; }

std::optional<uint64_t> FreeBytes(const fs::path& file) {
  std::error_code error;
  const auto space = fs::space(file.has_parent_path() ? file.parent_path() : ".", error);
  return error ? std::optional<uint64_t>{} : space.available;
}

}  // namespace

Scratch::~Scratch() {
  std::error_code ignored;
  for (const fs::path& path : paths_) {
    fs::remove(path, ignored);
    ReleaseTemporaryName(path);
  }
}

std::string Scratch::Path(std::string_view what) {
  paths_.push_back(ClaimTemporaryName(fmt::format("{}.{}", stem_, what)));
  return paths_.back().string();
}

Result<ToolRun> RunTool(const Builder& builder, const std::vector<std::string>& arguments, double timeout_s,
                        const fs::path& engine, const std::string& doing,
                        const std::function<void(std::string_view)>& each_part) {
  std::vector<std::string> command{builder.tool.path.string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::string said;  // so far: of a program that is ended at its deadline, RunProgram returns nothing
  const auto run = RunProgram(command, timeout_s, [&](std::string_view part) {
    if (said.size() + part.size() <= ProgramRun::kLongestOutput) said += part;
    if (each_part) each_part(part);
  });
  ToolRun done;
  std::optional<Error> failure;
  if (run.ok()) {
    done = {ReadLog(run->output), run->peak_resident_bytes};
    if (const Status judged = JudgeRun(*run, done.log, doing, FreeBytes(engine)); !judged.ok())
      failure = judged.error();
  } else {
    failure = Within(doing, run.error());
  }
  if (!failure) return done;
  const fs::path kept = LogPath(engine);
  if (!said.empty() && WriteFile(kept, said, Existing::kReplace).ok()) {
    failure->advice += fmt::format("{}the whole log is {}", failure->advice.empty() ? "" : "; ", kept.string());
  }
  return *failure;
}

void RemoveLog(const fs::path& engine) {
  std::error_code ignored;
  fs::remove(LogPath(engine), ignored);
}

Result<std::string> ReadWritten(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return Error{ErrorCode::kBackend, "trtexec passed, but did not write it", path, ""};
  return std::string(AsText((*file)->bytes()));
}

}  // namespace vlaq::engine
