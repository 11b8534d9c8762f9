#include "benchmark/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <numeric>

#include "base/child_process.h"
#include "base/json.h"

namespace vlaq::benchmark {
namespace {

Error Odd(const std::string& name, const std::string& what) {
  return {ErrorCode::kBackend, what, fmt::format("subject '{}'", name), "docs/benchmarks.md has the protocol"};
}

Result<std::vector<int64_t>> Times(const JsonReader& reader, std::string_view key, size_t count, int64_t least) {
  VLAQ_ASSIGN_OR_RETURN(auto values, reader.Integers(key));
  if (!values || values->size() != count) {
    return InputError(reader.where(), fmt::format("its answer to {} steps has no \"{}\" for each", count, key));
  }
  for (const int64_t value : *values) {
    if (value < least) {
      return InputError(reader.where(),
                        fmt::format("\"{}\" holds {}, which no time is: {} ns at least", key, value, least));
    }
  }
  return std::move(*values);
}

Result<std::vector<std::vector<float>>> Actions(const JsonReader& reader, size_t count, std::string_view key) {
  const Json* rows = reader.Find(key);
  const bool fits = rows != nullptr && rows->is_array() && rows->size() == count;
  if (!fits) return InputError(reader.where(), fmt::format("its answer to {} steps has no action for each", count));
  std::vector<std::vector<float>> actions;
  for (const Json& row : *rows) {
    std::vector<float> action;
    if (!row.is_array() || row.empty()) return InputError(reader.where(), "an action is no list of numbers");
    for (const Json& value : row) {
      // JSON has no NaN: a worker writes null for it.
      if (!value.is_number() && !value.is_null()) return InputError(reader.where(), "an action is no list of numbers");
      action.push_back(value.is_null() ? std::nanf("") : value.get<float>());
    }
    if (!actions.empty() && actions[0].size() != action.size()) {
      return InputError(reader.where(), "its actions differ in length");
    }
    actions.push_back(std::move(action));
  }
  return actions;
}

// Further outputs, of subjects that tell them.
Status ReadOutputs(const Json& answer, const std::string& where, size_t count, Block& block) {
  const auto outputs = answer.find("outputs");
  if (outputs == answer.end()) return {};
  if (!outputs->is_object()) return InputError(where, "its \"outputs\" are no object by name");
  const JsonReader reader(*outputs, where);
  for (const auto& output : outputs->items()) {
    auto values = Actions(reader, count, output.key());
    if (!values.ok()) return Within(fmt::format("output '{}'", output.key()), values.error());
    block.outputs.emplace(output.key(), std::move(*values));
  }
  return {};
}

template <typename T>
Result<T> Required(Result<std::optional<T>> value, const std::string& where, std::string_view key) {
  if (!value.ok()) return value.error();
  if (!*value) return InputError(where, fmt::format("its answer lacks \"{}\"", key));
  return std::move(**value);
}

Result<Ready> ReadReady(const Json& json, const std::string& where) {
  const JsonReader reader(json, where);
  Ready ready;
  VLAQ_ASSIGN_OR_RETURN(const bool is_ready, Required(reader.Boolean("ready"), where, "ready"));
  if (!is_ready) return InputError(where, "says that it is not ready");
  VLAQ_ASSIGN_OR_RETURN(ready.runs_on, Required(reader.String("runs_on"), where, "runs_on"));
  VLAQ_ASSIGN_OR_RETURN(const auto precision, reader.String("precision"));
  VLAQ_ASSIGN_OR_RETURN(ready.parameters, reader.Integer("parameters"));
  VLAQ_ASSIGN_OR_RETURN(const auto load, reader.Integer("load_ns"));
  VLAQ_ASSIGN_OR_RETURN(const auto threads, reader.Integer("threads"));
  ready.precision = precision.value_or("");
  ready.load_ns = load.value_or(0);
  ready.threads = static_cast<int>(std::clamp<int64_t>(threads.value_or(0), 0, 100'000));
  return ready;
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
  auto ready = ReadReady(answer, fmt::format("subject '{}'", subject->name_));
  if (!ready.ok()) return Odd(subject->name_, ready.error().what);
  subject->ready_ = std::move(*ready);
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
  block.seen_ns = NowNs() - asked;
  const JsonReader reader(answer, fmt::format("subject '{}'", name_));
  const auto read = [&]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(block.start_ns, Times(reader, "start_ns", inputs.size(), 0));
    VLAQ_ASSIGN_OR_RETURN(block.wall_ns, Times(reader, "wall_ns", inputs.size(), 1));
    VLAQ_ASSIGN_OR_RETURN(block.cpu_ns, Times(reader, "cpu_ns", inputs.size(), 0));
    if (!keep) return {};
    VLAQ_ASSIGN_OR_RETURN(block.actions, Actions(reader, inputs.size(), "actions"));
    return ReadOutputs(answer, reader.where(), inputs.size(), block);
  };
  if (const Status status = read(); !status.ok()) return Odd(name_, status.error().what);
  return block;
}

Result<Memory> WorkerSubject::MemoryNow() {
  auto memory = MemoryOf(channel_->pid());
  if (!memory.ok()) return Within(fmt::format("subject '{}'", name_), memory.error());
  return memory;
}

Result<std::vector<OperatorTime>> WorkerSubject::Profile(std::span<const int> inputs) {
  VLAQ_ASSIGN_OR_RETURN(const Json answer, Ask({{"profile", std::vector<int>(inputs.begin(), inputs.end())}}));
  const auto list = answer.find("operators");
  if (list == answer.end() || !list->is_array()) return Odd(name_, "keeps no record of its operators");
  std::vector<OperatorTime> operators;
  for (const Json& row : *list) {
    const JsonReader reader(row, fmt::format("subject '{}'", name_));
    const auto read = [&]() -> Status {
      OperatorTime time;
      VLAQ_ASSIGN_OR_RETURN(time.op_type, Required(reader.String("op_type"), reader.where(), "op_type"));
      VLAQ_ASSIGN_OR_RETURN(const auto precision, reader.String("precision"));
      VLAQ_ASSIGN_OR_RETURN(time.calls, Required(reader.Integer("calls"), reader.where(), "calls"));
      VLAQ_ASSIGN_OR_RETURN(time.ns, Required(reader.Integer("ns"), reader.where(), "ns"));
      VLAQ_ASSIGN_OR_RETURN(const auto macs, reader.Integer("macs"));
      time.precision = precision.value_or("");
      time.macs = macs.value_or(0);
      operators.push_back(std::move(time));
      return {};
    };
    if (!row.is_object()) return Odd(name_, "an operator is no object");
    if (const Status status = read(); !status.ok()) return Odd(name_, status.error().what);
  }
  return operators;
}

}  // namespace vlaq::benchmark
