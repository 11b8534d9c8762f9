#include "bench/harness/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <numeric>

#include "base/child_process.h"
#include "base/json.h"
#include "base/json_field.h"

namespace vlaq::harness {
namespace {

Error Odd(const std::string& name, std::string what) {
  return {ErrorCode::kBackend, std::move(what), fmt::format("subject '{}'", name),
          "docs/benchmarks.md has the protocol"};
}
Error Odd(const std::string& name, const Error& answer) {
  return Odd(name, fmt::format("{}: {}", answer.where, answer.what));
}

std::vector<int64_t> ReadTimes(const JsonField& field, size_t count, int64_t least) {
  std::vector<int64_t> values = field.Integers();
  if (values.size() != count) field.Fail(fmt::format("must be a time of each of {} steps", count));
  for (const int64_t value : values) {
    if (value < least) field.Fail(fmt::format("holds {}, which no time is: {} ns at least", value, least));
  }
  return values;
}

// An array of numbers for each of `count` steps, all of one length.
std::vector<std::vector<float>> ReadActions(const JsonField& field, size_t count) {
  std::vector<std::vector<float>> actions;
  const std::vector<JsonField> rows = field.Items();
  if (rows.size() != count) field.Fail(fmt::format("must be a list of numbers for each of {} steps", count));
  for (const JsonField& row : rows) {
    std::vector<float>& action = actions.emplace_back();
    for (const Json& value : row.json()) {
      // JSON has no NaN: a worker writes null for it.
      if (!value.is_number() && !value.is_null()) row.Fail("is no list of numbers");
      action.push_back(value.is_number() ? value.get<float>() : std::nanf(""));
    }
    if (!row.IsArray() || action.empty()) row.Fail("is no list of numbers");
    if (action.size() != actions[0].size()) row.Fail("differs in length from the first");
  }
  return actions;
}

Ready ReadReady(const JsonField& root) {
  Ready ready;
  if (!root["ready"].Flag()) root.Fail("says that it is not ready");
  root.Need("runs_on", ready.runs_on);
  root.Read("precision", ready.precision);
  root.Read("parameters", ready.parameters);
  root.Read("load_ns", ready.load_ns);
  int64_t threads = 0;
  root.Read("threads", threads);
  ready.threads = static_cast<int>(std::clamp<int64_t>(threads, 0, 100'000));
  return ready;
}

OperatorTime ReadOperatorTime(const JsonField& row) {
  OperatorTime time;
  row.Need("op_type", time.op_type);
  row.Read("precision", time.precision);
  row.Need("calls", time.calls);
  row.Need("ns", time.ns);
  row.Read("macs", time.macs);
  return time;
}

class ProcessChannel : public WorkerChannel {
 public:
  explicit ProcessChannel(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}
  Result<std::string> Ask(const std::string& question, double timeout_s) override {
    VLAQ_RETURN_IF_ERROR(process_->Write(AsBytes(question + "\n"), timeout_s));
    return process_->ReadLine(timeout_s);
  }
  int pid() const override { return process_->pid(); }

 private:
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace

int64_t NowNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

Result<Memory> MemoryOf(int pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  Memory memory;
  bool found = false;
  for (std::string key; status >> key;) {
    uint64_t* into = key == "VmRSS:"     ? &memory.resident_bytes
                     : key == "VmHWM:"   ? &memory.peak_bytes
                     : key == "RssAnon:" ? &memory.own_bytes
                                         : nullptr;
    uint64_t kilobytes = 0;
    if (into != nullptr && status >> kilobytes) {
      *into = 1024 * kilobytes;
      found = true;
    }
    std::getline(status, key);
  }
  if (!found) return Error{ErrorCode::kBackend, "its memory cannot be read: the process is gone", "", ""};
  return memory;
}

Result<std::unique_ptr<WorkerSubject>> WorkerSubject::Start(std::string name, const std::string& command,
                                                            const WorkerSettings& settings, double timeout_s) {
  // exec: the shell becomes the program, so that its memory is what is looked at.
  constexpr double kLongestSeconds = 1e9;  // far from where a clock overflows
  timeout_s = std::min(timeout_s, kLongestSeconds);
  auto process = ChildProcess::Start("exec " + command);
  if (!process.ok()) return Within(fmt::format("subject '{}'", name), process.error());
  WorkerSettings with_timeout = settings;
  with_timeout.timeout_s = timeout_s;
  return Start(std::move(name), std::make_unique<ProcessChannel>(std::move(*process)), with_timeout);
}

Result<std::unique_ptr<WorkerSubject>> WorkerSubject::Start(std::string name, std::unique_ptr<WorkerChannel> channel,
                                                            const WorkerSettings& settings) {
  std::unique_ptr<WorkerSubject> subject(new WorkerSubject(std::move(name), std::move(channel), settings.timeout_s));
  VLAQ_ASSIGN_OR_RETURN(const Json answer, subject->Ask({{"hello", kWorkerSchema},
                                                         {"inputs", settings.inputs.string()},
                                                         {"threads", settings.threads},
                                                         {"window", settings.window},
                                                         {"batch", settings.batch}}));
  const JsonField root(answer, "its answer");
  subject->ready_ = ReadReady(root);
  if (!root.status().ok()) return Odd(subject->name_, root.status().error());
  return subject;
}

Result<Json> WorkerSubject::Ask(const Json& question) {
  const std::string place = fmt::format("subject '{}'", name_);
  const auto text = channel_->Ask(JsonString(question), timeout_s_);
  if (!text.ok()) return Within(place, text.error());
  auto answer = ParseJson(*text, place);
  if (!answer.ok() || !answer->is_object()) return Odd(name_, "answers with a line that is no JSON object");
  if (const auto error = answer->find("error"); error != answer->end()) {
    return Error{ErrorCode::kBackend, error->is_string() ? error->get<std::string>() : JsonString(*error), place, ""};
  }
  return answer;
}

Result<Block> WorkerSubject::Run(std::span<const int> inputs, bool keep) {
  const int64_t asked = NowNs();
  VLAQ_ASSIGN_OR_RETURN(const Json answer,
                        Ask({{"run", std::vector<int>(inputs.begin(), inputs.end())}, {"keep", keep}}));
  Block block;
  block.turnaround_ns = NowNs() - asked;
  const JsonField root(answer, "its answer");
  const size_t count = inputs.size();
  block.start_ns = ReadTimes(root["start_ns"], count, 0);
  block.wall_ns = ReadTimes(root["wall_ns"], count, 1);
  block.cpu_ns = ReadTimes(root["cpu_ns"], count, 0);
  if (keep) {
    block.actions = ReadActions(root["actions"], count);
    if (const auto outputs = root.Find("outputs")) {  // of subjects that tell further ones
      for (const auto& [name, values] : outputs->Members()) block.outputs.emplace(name, ReadActions(values, count));
    }
  }
  if (!root.status().ok()) return Odd(name_, root.status().error());
  return block;
}

Result<Memory> WorkerSubject::MemoryNow() {
  auto memory = MemoryOf(channel_->pid());
  if (!memory.ok()) return Within(fmt::format("subject '{}'", name_), memory.error());
  return memory;
}

Result<std::vector<OperatorTime>> WorkerSubject::Profile(std::span<const int> inputs) {
  VLAQ_ASSIGN_OR_RETURN(const Json answer, Ask({{"profile", std::vector<int>(inputs.begin(), inputs.end())}}));
  const JsonField root(answer, "its answer");
  if (!root.Has("operators")) root.Fail("keeps no record of its operators");
  std::vector<OperatorTime> operators;
  for (const JsonField& row : root["operators"].Items()) operators.push_back(ReadOperatorTime(row));
  if (!root.status().ok()) return Odd(name_, root.status().error());
  return operators;
}

}  // namespace vlaq::harness
