#include "subject.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/output.h"
#include "base/run_program.h"
#include "base/running.h"
#include "trial.h"

namespace vlaq::faults {
namespace {

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Result<std::string> Said(const std::vector<std::string>& command) {
  VLAQ_ASSIGN_OR_RETURN(const ProgramRun ran, RunProgram(command, 60));
  if (ran.exit_code != 0) return InputError(ShellLine(command), ran.output);
  return ran.output;
}

// Whatever the policy says, the robot moves: 0.2 m/s with a touch of the policy's own.
void Arrange(Json& file) {
  file["timing"]["control_period_ms"] = kTickMs;
  file["timing"]["inference_period_ms"] = kInferenceMs;
  file["timing"]["action_period_ms"] = kActionMs;
  file["timing"]["expected_latency_ms"] = kInferenceMs / 2;
  file["safety"]["command_timeout_ms"] = kCommandTimeoutMs;
  file["safety"]["max_observation_age_ms"] = kObservationAgeMs;
  file["safety"]["range_required"] = true;
  file["safety"]["range_timeout_ms"] = kRangeTimeoutMs;
  file["safety"]["operator_required"] = true;
  file["safety"]["peer_required"] = true;
  for (Json& axis : file["axes"]) {
    axis["scale"] = 0.001;
    axis["offset"] = 0.2;
    axis["max_rate"] = 100;
  }
  file["ros2"]["range"] = {{"topic", "/scan"}, {"type", "sensor_msgs/msg/LaserScan"}};
}

}  // namespace

Status PrepareSubject(const std::string& vlaq, const std::string& folder) {
  const std::string bundle = folder + "/policy";
  if (!std::filesystem::exists(bundle)) {
    const std::string checkpoint = folder + "/micro.pth";
    VLAQ_RETURN_IF_ERROR(Said({vlaq, "synth", "checkpoint", "--size", "micro", "--seed", "1", "-o", checkpoint}));
    VLAQ_RETURN_IF_ERROR(Said({vlaq, "export", checkpoint, "-o", bundle, "--config", folder + "/config.json",
                               "--policy", folder + "/policy.json"}));
  }
  VLAQ_ASSIGN_OR_RETURN(const std::string proposed, Said({vlaq, "robot", bundle, "--propose"}));
  Json file = Json::parse(proposed, nullptr, false);
  if (file.is_discarded()) return InputError(bundle, "what --propose printed is no JSON");
  Arrange(file);
  return WriteFile(folder + "/robot.json", file.dump(2) + "\n", Existing::kReplace);
}

Result<std::unique_ptr<Subject>> Subject::Start(const std::string& vlaq, const std::string& folder, int domain,
                                                const Options& options) {
  std::vector<std::string> words{vlaq,
                                 "robot",
                                 folder + "/policy",
                                 "--ros2",
                                 "--settings",
                                 folder + "/robot.json",
                                 "--arm",
                                 "--localhost-only",
                                 "--domain",
                                 std::to_string(domain)};
  words.insert(words.end(), options.more.begin(), options.more.end());
  auto subject = std::make_unique<Subject>();
  subject->log_ = folder + "/vlaq.log";
  std::string command = "exec " + ShellLine(words) + " >" + ShellWord(subject->log_) + " 2>&1";
  // A file that grows beyond the limit is then an error of write(), as on a full disk. In units of 512 bytes.
  if (options.largest_file_kib > 0)
    command = fmt::format("trap '' XFSZ; ulimit -f {}; {}", 2 * options.largest_file_kib, command);
  std::error_code ignored;
  std::filesystem::remove(subject->log_, ignored);
  VLAQ_ASSIGN_OR_RETURN(subject->child_, ChildProcess::Start(command));
  return subject;
}

std::string Subject::said() const { return Content(log_); }

int Subject::worker() const {
  const std::string text = said();
  static constexpr std::string_view kBefore = "inference runs in process ";
  const size_t at = text.rfind(kBefore);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + kBefore.size());
}

bool Subject::AwaitEnd(double seconds) const {
  for (int i = 0; i < static_cast<int>(seconds * 100); ++i) {
    if (HasEnded(child_->pid())) return true;
    ::usleep(10'000);
  }
  return false;
}

Subject::~Subject() {
  if (child_ == nullptr || HasEnded(child_->pid())) return;
  ::kill(child_->pid(), SIGTERM);
  AwaitEnd(3);
}

}  // namespace vlaq::faults
