#include "serve/policy_service.h"

#include <fmt/format.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "serve/client_queue.h"
#include "serve/session.h"
#include "tensor/tensor.h"

namespace vlaq::serve {
namespace {

double MsSince(ServiceClock::time_point begin) {
  return std::chrono::duration<double, std::milli>(ServiceClock::now() - begin).count();
}

Answer Refusal(Outcome outcome, Error error) {
  Answer answer;
  answer.outcome = outcome;
  answer.error = std::move(error);
  return answer;
}

Answer Stopped() { return Refusal(Outcome::kStopped, UsageError("the emergency stop is on", "resume first")); }
Answer Closed() { return Refusal(Outcome::kClosed, UsageError("the server ends")); }
Answer Replaced() { return Refusal(Outcome::kReplaced, UsageError("a newer request took the place of this one")); }
Answer NoSession() { return Refusal(Outcome::kNoSession, UsageError("the client has no session")); }

// What is wrong with what a client sent is its own fault, all else ours.
Answer Failure(const Error& error) {
  const bool client = error.code == ErrorCode::kInput || error.code == ErrorCode::kUsage;
  return Refusal(client ? Outcome::kRefused : Outcome::kFailed, error);
}

// Its first picture of bytes.
void KeepPicture(const Observation& observation, LastStep& step) {
  for (const auto& [name, tensor] : observation) {
    if (tensor.dtype() != DType::kU8 || tensor.rank() != 3 || tensor.shape()[2] != 3) continue;
    step.camera = name;
    step.picture = tensor;
    return;
  }
}

void Count(Outcome outcome, ServiceStatistics& statistics) {
  switch (outcome) {
    case Outcome::kDone:
      ++statistics.done;
      break;
    case Outcome::kRefused:
      ++statistics.refused;
      break;
    case Outcome::kFailed:
      ++statistics.failed;
      break;
    case Outcome::kReplaced:
      ++statistics.replaced;
      break;
    case Outcome::kStopped:
      ++statistics.stopped;
      break;
    case Outcome::kNoSession:
    case Outcome::kClosed:
      break;
  }
}

}  // namespace

struct PolicyService::State {
  State(ServiceOptions options_in, ObservationKeys keys_in)
      : options(std::move(options_in)), keys(std::move(keys_in)), queue(options.sessions, options.idle_s) {}

  const ServiceOptions options;
  const ObservationKeys keys;
  PolicyFeatures features;
  std::string description;
  bool follows_instructions = false;

  mutable std::mutex mutex;
  std::condition_variable changed;
  ClientQueue queue;
  bool is_stopped = false, closes = false;
  ServiceStatistics statistics;
  std::shared_ptr<const LastStep> last_step;
  std::thread thread;

  // All functions are called without the mutex held.

  void AnswerAll(const std::vector<ServiceJob>& jobs, const Answer& answer) {
    {
      const std::lock_guard lock(mutex);
      for (size_t i = 0; i < jobs.size(); ++i) Count(answer.outcome, statistics);
    }
    for (const ServiceJob& job : jobs) job.done(answer);
  }

  void Enqueue(ClientId id, ServiceJob job) {
    std::optional<ServiceJob> refused;
    Answer answer;
    {
      const std::lock_guard lock(mutex);
      if (closes || !queue.Has(id) || (is_stopped && job.is_step())) {
        answer = closes ? Closed() : queue.Has(id) ? Stopped() : NoSession();
        refused = std::move(job);
      } else {
        answer = Replaced();
        refused = queue.Put(id, std::move(job));
      }
    }
    changed.notify_all();
    std::vector<ServiceJob> jobs;
    if (refused) jobs.push_back(std::move(*refused));
    AnswerAll(jobs, answer);
  }

  Status Prepare(SessionPlace& place, bool begins) {
    if (!place.session) {
      VLAQ_ASSIGN_OR_RETURN(place.session, Session::Open(options.bundle, options.policy, options.task));
    } else if (begins) {
      VLAQ_RETURN_IF_ERROR(place.session->Begin());
    }
    return {};
  }

  Result<Answer> Step(Session& session, const ServiceJob& job) {
    VLAQ_ASSIGN_OR_RETURN(Request request, job.read());
    const bool reset = request.reset;
    VLAQ_ASSIGN_OR_RETURN(const ObservationKeys::Translated read, keys.Translate(std::move(request)));
    if (reset) VLAQ_RETURN_IF_ERROR(session.Reset(read.task));
    const auto begin = ServiceClock::now();
    VLAQ_ASSIGN_OR_RETURN(Outputs outputs, session.Step(read.observation, read.task));
    Answer answer;
    answer.infer_ms = MsSince(begin);
    answer.outputs = std::move(outputs.values);
    auto shown = std::make_shared<LastStep>();
    KeepPicture(read.observation, *shown);
    shown->task = session.task();
    shown->actions = answer.outputs.at(features.outputs.front().name);
    shown->infer_ms = answer.infer_ms;
    const std::lock_guard lock(mutex);
    last_step = std::move(shown);
    statistics.inference.Add(answer.infer_ms);
    const double period_ms = features.control_period_s * 1000;
    if (period_ms > 0 && answer.infer_ms > period_ms) ++statistics.misses;
    if (reset) ++statistics.episodes;
    return answer;
  }

  Answer RunOrThrow(SessionPlace& place, bool begins, const ServiceJob& job) {
    if (const Status ready = Prepare(place, begins); !ready.ok()) return Failure(ready.error());
    if (!job.is_step()) {
      const Status reset = place.session->Reset(job.task);
      return reset.ok() ? Answer() : Failure(reset.error());
    }
    auto answer = Step(*place.session, job);
    return answer.ok() ? std::move(*answer) : Failure(answer.error());
  }

  // Nothing that a library throws may end the thread, and with it all clients.
  Answer Run(SessionPlace& place, bool begins, const ServiceJob& job) {
    try {
      return RunOrThrow(place, begins, job);
    } catch (const std::exception& error) {
      return Refusal(Outcome::kFailed, InternalError("", error.what()));
    }
  }

  // Answers a job that is done, unless the stop came or the client left meanwhile.
  void Finish(ClientId client, const ServiceJob& job, Answer answer) {
    {
      const std::lock_guard lock(mutex);
      if (!queue.Finish(client)) return;
      if (job.is_step() && is_stopped) answer = Stopped();
      answer.total_ms = MsSince(job.came);
      if (!job.is_step()) {
        ++statistics.episodes;
      } else {
        Count(answer.outcome, statistics);
        if (answer.outcome == Outcome::kDone) statistics.total.Add(answer.total_ms);
      }
    }
    job.done(answer);
  }

  void Work() {
    while (true) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return closes || queue.HasNext(); });
      if (closes) return;
      const ClientQueue::Work work = queue.TakeNext();
      const bool begins = std::exchange(work.place->begins, false);
      if (begins) ++statistics.episodes;
      lock.unlock();
      Finish(work.client, work.job, Run(*work.place, begins, work.job));
    }
  }
};

PolicyService::PolicyService(std::unique_ptr<State> state) : state_(std::move(state)) {}
PolicyService::~PolicyService() { Close(); }

Result<std::unique_ptr<PolicyService>> PolicyService::Open(ServiceOptions options) {
  if (options.sessions == 0) return UsageError("no sessions: nobody could be served", "take at least 1");
  VLAQ_ASSIGN_OR_RETURN(PolicyFeatures features, ReadFeatures(options.bundle));
  VLAQ_ASSIGN_OR_RETURN(ObservationKeys keys, ObservationKeys::Make(features.inputs, options.keys));
  VLAQ_ASSIGN_OR_RETURN(Session session, Session::Open(options.bundle, options.policy, options.task));
  auto state = std::make_unique<State>(std::move(options), std::move(keys));
  state->features = std::move(features);
  state->description = session.policy().Describe();
  state->follows_instructions = session.policy().follows_instructions();
  state->queue.first_place().session = std::move(session);
  State& worker = *state;
  try {
    state->thread = std::thread([&worker] { worker.Work(); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kBackend, fmt::format("no thread for the policy: {}", error.code().message()), "", ""};
  }
  return std::unique_ptr<PolicyService>(new PolicyService(std::move(state)));
}

Result<PolicyService::ClientId> PolicyService::Join(Tenure tenure) {
  const std::lock_guard lock(state_->mutex);
  if (state_->closes) return Closed().error;
  if (const auto id = state_->queue.Join(tenure)) return *id;
  return UsageError(fmt::format("all {} sessions of the server are in use", state_->queue.sessions()),
                    "end another client, or start the server with more sessions");
}

void PolicyService::Leave(ClientId id) {
  std::vector<ServiceJob> waited;  // destroyed without the mutex
  const std::lock_guard lock(state_->mutex);
  waited = state_->queue.Leave(id);
}

void PolicyService::Submit(ClientId client, ReadRequest read, OnAnswer done) {
  state_->Enqueue(client, {std::move(read), {}, std::move(done)});
}

void PolicyService::Reset(ClientId client, std::optional<std::string> task, OnAnswer done) {
  state_->Enqueue(client, {{}, std::move(task), std::move(done)});
}

void PolicyService::Stop() {
  std::vector<ServiceJob> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopped = true;
    waiting = state_->queue.TakeWaiting();
  }
  state_->AnswerAll(waiting, Stopped());
}

void PolicyService::Resume() {
  const std::lock_guard lock(state_->mutex);
  state_->is_stopped = false;
}

void PolicyService::Close() {
  std::vector<ServiceJob> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closes = true;
    waiting = state_->queue.TakeWaiting();
  }
  state_->changed.notify_all();
  state_->AnswerAll(waiting, Closed());
  if (state_->thread.joinable()) state_->thread.join();
}

ServiceStatistics PolicyService::statistics() const {
  const std::lock_guard lock(state_->mutex);
  ServiceStatistics statistics = state_->statistics;
  statistics.clients = state_->queue.clients();
  statistics.sessions = state_->queue.sessions();
  statistics.is_stopped = state_->is_stopped;
  return statistics;
}

std::shared_ptr<const LastStep> PolicyService::last_step() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_step;
}

const PolicyFeatures& PolicyService::features() const { return state_->features; }
const ObservationKeys& PolicyService::keys() const { return state_->keys; }
const std::string& PolicyService::description() const { return state_->description; }
bool PolicyService::follows_instructions() const { return state_->follows_instructions; }

}  // namespace vlaq::serve
