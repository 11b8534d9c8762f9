#include "robot/worker/worker_inference.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/child_process.h"
#include "msgpack/decode.h"
#include "msgpack/encode.h"
#include "robot/worker/worker.h"

namespace vlaq::robot::worker {
namespace {

using msgpack::Map;
using msgpack::Value;

class WorkerInference : public Inference {
 public:
  WorkerInference(WorkerOptions options, Log& log) : options_(std::move(options)), log_(log) {}

  Status Start() {
    VLAQ_ASSIGN_OR_RETURN(auto child, ChildProcess::Start(options_.command));
    pid_ = child->pid();
    child_ = std::move(child);
    VLAQ_ASSIGN_OR_RETURN(const Value opened, Receive(options_.open_s));
    gone_ = false;
    log_.Note(fmt::format("inference runs in process {}", pid_.load()));
    return CheckError(opened);
  }

  Status Reset(const std::string& task) override {
    if (!task.empty()) task_ = task;
    VLAQ_RETURN_IF_ERROR(BringBack());
    const auto answer = Ask(Value(Map{{"task", Value::Text(task)}}));
    return answer.ok() ? Status() : Status(answer.error());
  }
  Result<Tensor> Step(const Observation& observation) override {
    VLAQ_RETURN_IF_ERROR(BringBack());
    Map members;
    for (const auto& [name, tensor] : observation) members.push_back({name, Value(tensor)});
    return AskForAction(Value(Map{{"observation", Value(std::move(members))}}));
  }
  Result<Tensor> WarmUp() override { return AskForAction(Value(Map{})); }
  bool gone() const override { return gone_; }
  void Abort() override {
    if (const int pid = pid_; pid > 0) ::kill(-pid, SIGKILL);
  }

 private:
  using Clock = std::chrono::steady_clock;

  Error Lost(const std::string& how) {
    gone_ = true;
    if (!std::exchange(told_, true)) log_.Warning(fmt::format("the inference process {} {}", pid_.load(), how));
    return {ErrorCode::kBackend, "the inference process " + how, "",
            "it is started again; the robot stays where it is until its operator says resume"};
  }

  // Starts it again if it is gone, and tells it the task. The step that wanted it is lost all the same: its memory is.
  Status BringBack() {
    if (!gone_) return {};
    if (Clock::now() < next_try_) return Lost("is gone");
    next_try_ = Clock::now() +
                std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.restart_pause_s));
    child_.reset();
    VLAQ_RETURN_IF_ERROR(Start());
    told_ = false;
    const auto answer = Ask(Value(Map{{"task", Value::Text(task_)}}));
    return answer.ok() ? Status() : Status(answer.error());
  }

  Result<Tensor> AskForAction(const Value& question) {
    VLAQ_ASSIGN_OR_RETURN(const Value answer, Ask(question));
    const Value* action = answer.Find("action");
    if (action == nullptr || action->As<Tensor>() == nullptr) return Lost("gave no action");
    return *action->As<Tensor>();
  }
  Result<Value> Ask(const Value& question) {
    VLAQ_ASSIGN_OR_RETURN(const std::string message, msgpack::Encode(question));
    const std::string frame = Frame(message);
    if (const Status sent = child_->Write(AsBytes(frame), options_.abandon_s); !sent.ok()) return Ended(sent.error());
    VLAQ_ASSIGN_OR_RETURN(Value answer, Receive(options_.abandon_s));
    VLAQ_RETURN_IF_ERROR(CheckError(answer));
    return answer;
  }
  Result<Value> Receive(double timeout_s) {
    const auto head = child_->Read(kFrameHead, timeout_s);
    if (!head.ok()) return Ended(head.error());
    const auto length = FrameLength(*head);
    if (!length.ok()) return Ended(length.error());
    const auto message = child_->Read(*length, timeout_s);
    if (!message.ok()) return Ended(message.error());
    auto answer = msgpack::Decode(AsBytes(*message));
    if (!answer.ok()) return Ended(answer.error());
    return std::move(*answer);
  }
  // After an error of the streams nobody knows what the next answer would belong to: it is ended.
  Error Ended(const Error& error) {
    if (const int pid = pid_; pid > 0) ::kill(-pid, SIGKILL);
    return Lost("is gone: " + error.what);
  }
  static Status CheckError(const Value& answer) {
    const Value* error = answer.Find("error");
    if (error == nullptr || error->As<std::string>() == nullptr) return {};
    const Value* code = answer.Find("code");
    const int64_t* number = code == nullptr ? nullptr : code->As<int64_t>();
    return Error{number == nullptr ? ErrorCode::kBackend : static_cast<ErrorCode>(*number), *error->As<std::string>(),
                 "", ""};
  }

  WorkerOptions options_;
  Log& log_;
  std::unique_ptr<ChildProcess> child_;
  std::string task_;
  std::atomic<int> pid_ = 0;
  std::atomic<bool> gone_ = false;
  bool told_ = false;
  Clock::time_point next_try_;
};

}  // namespace

Result<std::unique_ptr<Inference>> StartWorker(const WorkerOptions& options, Log& log) {
  auto inference = std::make_unique<WorkerInference>(options, log);
  VLAQ_RETURN_IF_ERROR(inference->Start());
  return std::unique_ptr<Inference>(std::move(inference));
}

}  // namespace vlaq::robot::worker
