#include "robot/loop.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "robot/clock.h"
#include "robot/mailbox.h"

namespace vlaq::robot {
namespace {

constexpr size_t kJournalTicks = 1024;  // that may wait for the journal
constexpr auto kJournalPause = std::chrono::milliseconds(20);
constexpr auto kInferencePause = std::chrono::milliseconds(1);  // while no chunk is wanted
constexpr Time kPatience = kSecond;                             // for an inference that runs when the loop has ended
constexpr Time kIntakePause = 5 * kMillisecond;  // how soon a request to stop is seen, and a peer's end told

// What the tick keeps of a run.
struct TickTotals {
  uint64_t ticks = 0, missed = 0, unrecorded = 0;
  ReasonSet reasons;
  TickOutput last;
};

// From the intake to the tick: the newest facts, and every order and note until they are taken.
class FactsBox {
 public:
  void Put(const WorldFacts& facts) {
    latest_.back() = facts;
    latest_.Publish();
    orders_.Add(facts.orders);
    noted_.fetch_or(facts.noted.bits());
  }
  void TakeInto(WorldFacts& facts) {
    latest_.Take();
    facts = latest_.front();
    facts.orders = orders_.Take();
    facts.noted = ReasonSet::FromBits(noted_.exchange(0));
  }

 private:
  Latest<WorldFacts> latest_;
  OrderBox orders_;
  std::atomic<uint32_t> noted_ = 0;
};

// From the intake to inference: the newest observation. The tick has no part in it.
class SightingBox {
 public:
  void Put(std::optional<Sighting> sighting) {
    if (!sighting) return;
    const std::scoped_lock lock(mutex_);
    newest_ = std::move(sighting);
    changed_.notify_one();
  }
  void Close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  // The newest, waited for until there is one that is newer than `changes`, until `deadline`, or Close().
  std::optional<Sighting> WaitFor(uint64_t changes, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return closed_ || (newest_ && newest_->changes > changes); });
    return newest_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Sighting> newest_;
  bool closed_ = false;
};

// From inference to the tick.
struct InferenceBox {
  Latest<Chunk> chunks;
  std::atomic<Time> running_since = kNever;
  std::atomic<uint64_t> completed = 0, failed = 0;
  std::atomic<bool> gone = false;
  std::atomic<bool> wanted = true;  // from the tick: another chunk

  InferenceFacts Facts() const { return {running_since.load(), completed.load(), failed.load(), gone.load()}; }
};

class TheLoop : public Loop {
 public:
  TheLoop(const Settings& settings, const ActionMap& map, Inference& inference, Robot& robot, Journal* journal)
      : settings_(settings),
        inference_(inference),
        robot_(robot),
        journal_(journal),
        controller_(settings, map.max_steps()),
        intake_(settings),
        runner_(settings, map, inference),
        journal_ring_(kJournalTicks) {}

  Result<LoopSummary> RunInRealTime(const LoopOptions& options, const std::atomic<bool>& stop) override {
    if (options.real_time.lock_memory) VLAQ_RETURN_IF_ERROR(LockMemory());
    VLAQ_RETURN_IF_ERROR(WarmUp(options));
    const Time begin = MonotonicNow();
    std::thread inference([this] {
      Infer();
      inference_ended_ = true;
    });
    std::thread writer([this] { WriteJournal(); });
    std::thread tick([&] { TickInRealTime(options); });
    // After the others have begun: computing and recording may be late, what arrives may not.
    const auto raised = RaisedPriority::Raise(options.real_time.priority_of_others());
    Status status = raised.ok() ? Status() : Status(raised.error());
    while (!stop && !ended_ && !robot_.finished() && MonotonicNow() - begin < options.duration && status.ok()) {
      status = robot_.Receive(MonotonicNow() + kIntakePause, intake_);
      Publish();
    }
    ended_ = true;
    tick.join();
    const Status finished = robot_.Finish();
    sightings_.Close();
    // One that runs may end by itself; whoever drives again then has no new process to wait for.
    for (const Time deadline = MonotonicNow() + kPatience; !inference_ended_ && MonotonicNow() < deadline;)
      SleepUntil(MonotonicNow() + kMillisecond);
    if (!inference_ended_) inference_.Abort();
    inference.join();
    journal_ended_ = true;
    writer.join();
    return SummaryUnless({tick_status_, status, finished});
  }

  Result<LoopSummary> RunInSimulatedTime(const LoopOptions& options) override {
    VLAQ_RETURN_IF_ERROR(WarmUp(options));
    Status status;
    Time now = 0;
    Time chunk_at = kNever;  // when the chunk that is computed will be there
    while (now < options.duration) {
      status = robot_.Receive(now, intake_);
      if (!status.ok() || robot_.finished()) break;
      facts_.Put(intake_.TakeFacts());
      const auto newest = intake_.Newest();
      if (newest && chunk_at == kNever && inference_box_.wanted && runner_.IsDue(*newest, now)) {
        const Time ready = now + options.simulated_latency;
        if (InferOnce(*newest, now, [ready] { return ready; })) chunk_at = ready;
        inference_box_.running_since = now;
      }
      if (chunk_at <= now) {
        if (chunk_at != kNever) inference_box_.chunks.Publish();
        chunk_at = kNever;
        inference_box_.running_since = kNever;
      }
      Tick(now, now, options, false);
      DrainJournal();
      now += settings_.control_period();
    }
    Tick(now, now, options, true);
    DrainJournal();
    const Status finished = robot_.Finish();
    return SummaryUnless({status, finished});
  }

 private:
  Status WarmUp(const LoopOptions& options) {
    intake_.TakeTask(options.task);
    VLAQ_RETURN_IF_ERROR(runner_.WarmUp(options.task));
    inference_box_.completed = runner_.completed();
    return {};
  }

  void Publish() {
    facts_.Put(intake_.TakeFacts());
    if (intake_.changes() == published_) return;
    published_ = intake_.changes();
    sightings_.Put(intake_.Newest());
  }

  // Computes into the back of the mailbox; true if there is a chunk to publish.
  template <typename Clock>
  bool InferOnce(const Sighting& sighting, Time now, Clock finished) {
    const Inferred inferred = runner_.Run(sighting, now, finished, inference_box_.chunks.back());
    inference_box_.completed = runner_.completed();
    inference_box_.failed = runner_.failed();
    inference_box_.gone = inference_.gone();
    if (!inferred.error.empty()) last_error_ = inferred.error;
    if (journal_ != nullptr) {
      const std::scoped_lock lock(journal_mutex_);
      journal_->Step(inferred);
    }
    return inferred.chunk != nullptr && inferred.played;
  }

  // ---- the inference thread ----

  void Infer() {
    uint64_t seen = 0;
    while (!ended_) {
      const auto now = std::chrono::steady_clock::now();
      const auto newest = sightings_.WaitFor(seen, now + std::chrono::nanoseconds(kIntakePause));
      if (ended_) return;
      if (!newest) continue;
      if (!inference_box_.wanted || !runner_.IsDue(*newest, MonotonicNow())) {
        WaitForTurn(*newest, seen);
        continue;
      }
      seen = newest->changes;
      const Time started = MonotonicNow();
      inference_box_.running_since = started;
      if (InferOnce(*newest, started, MonotonicNow)) inference_box_.chunks.Publish();
      inference_box_.running_since = kNever;
    }
  }

  void WaitForTurn(const Sighting& newest, uint64_t& seen) {
    const Time wait = runner_.due_at() - MonotonicNow();
    if (inference_box_.wanted && wait <= 0) {
      seen = newest.changes;  // nothing new in it: wait for the next
      return;
    }
    std::this_thread::sleep_for(
        wait > 0 ? std::min<std::chrono::nanoseconds>(std::chrono::nanoseconds(wait), kInferencePause)
                 : kInferencePause);
  }

  // ---- the control tick ----

  void TickInRealTime(const LoopOptions& options) {
    tick_status_ = BecomeRealTime(options.real_time);
    if (!tick_status_.ok()) {
      ended_ = true;
      robot_.Wake();
    }
    const Time period = settings_.control_period();
    Time nominal = MonotonicNow();
    while (!ended_) {
      SleepUntil(nominal);
      const Time now = MonotonicNow();
      jitter_->Add(now - nominal);
      Tick(now, nominal, options, false);
      nominal += period;
      // A tick that comes too late is left out; there is never a burst of them.
      const Time late = MonotonicNow() - nominal;
      if (late > 0) {
        totals_.missed += static_cast<uint64_t>(late / period);
        nominal += late / period * period;
      }
    }
    const Time now = MonotonicNow();
    Tick(now, now, options, true);
  }

  void Tick(Time now, Time nominal, const LoopOptions& options, bool shutdown) {
    TickInput& input = ticked_.input;
    input.now = now;
    input.nominal = nominal;
    input.shutdown = shutdown;
    facts_.TakeInto(input.world);
    if (options.orders != nullptr) input.world.orders |= options.orders->Take();
    input.inference = inference_box_.Facts();
    // Once: who disarms a robot wants it to stay so.
    if (options.arm && !armed_ && !shutdown) input.world.orders.Add(Event::kArm);
    const Chunk* chunk = inference_box_.chunks.Take() ? &inference_box_.chunks.front() : nullptr;
    input.chunk = chunk == nullptr ? -1 : chunk->id;
    ticked_.output = controller_.Tick(input, chunk);
    armed_ = armed_ || ticked_.output.state != State::kDisarmed;
    robot_.Send(ticked_.output.command, ticked_.output.state, now);
    inference_box_.wanted = controller_.WantsChunk(nominal);
    ++totals_.ticks;
    totals_.reasons |= ticked_.output.reasons;
    totals_.last = ticked_.output;
    if (journal_ != nullptr && !journal_ring_.Push(ticked_)) ++totals_.unrecorded;
  }

  // ---- the journal ----

  void DrainJournal() {
    while (const Ticked* ticked = journal_ring_.Front()) {
      const std::scoped_lock lock(journal_mutex_);
      journal_->Tick(ticked->input, ticked->output);
      journal_ring_.Pop();
    }
  }

  void WriteJournal() {
    while (!journal_ended_) {
      DrainJournal();
      std::this_thread::sleep_for(kJournalPause);
    }
    DrainJournal();
  }

  // The first error, or what happened.
  Result<LoopSummary> SummaryUnless(std::initializer_list<Status> results) const {
    for (const Status& result : results) {
      if (!result.ok()) return result.error();
    }
    return Summary();
  }

  LoopSummary Summary() const {
    return {.ticks = totals_.ticks,
            .missed_ticks = totals_.missed,
            .unrecorded_ticks = totals_.unrecorded,
            .jitter = jitter_,
            .latencies = runner_.latencies(),
            .inferences = runner_.completed(),
            .failed_inferences = runner_.failed(),
            .missed_deadlines = runner_.missed_deadlines(),
            .last_error = last_error_,
            .state = totals_.last.state,
            .reasons = totals_.reasons,
            .last_command = totals_.last.command};
  }

  Settings settings_;
  Inference& inference_;
  Robot& robot_;
  Journal* journal_;
  Controller controller_;   // the tick's
  Intake intake_;           // the caller's
  InferenceRunner runner_;  // the inference thread's
  FactsBox facts_;
  SightingBox sightings_;
  InferenceBox inference_box_;
  std::atomic<bool> ended_ = false, inference_ended_ = false, journal_ended_ = false;
  uint64_t published_ = 0;  // changes that the inference thread knows of
  std::string last_error_;  // the inference thread's, until it is joined

  // The tick's, until it is joined.
  Ticked ticked_;
  TickTotals totals_;
  Status tick_status_;
  bool armed_ = false;
  std::shared_ptr<Histogram> jitter_ = std::make_shared<Histogram>();

  Ring<Ticked> journal_ring_;
  std::mutex journal_mutex_;
};

}  // namespace

Result<std::unique_ptr<Loop>> Loop::Make(const Settings& settings, const Feature& action, Inference& inference,
                                         Robot& robot, Journal* journal) {
  VLAQ_ASSIGN_OR_RETURN(const ActionMap map, ActionMap::Make(settings.axes, action));
  VLAQ_RETURN_IF_ERROR(Validate(settings, static_cast<int64_t>(map.max_steps())));
  return std::unique_ptr<Loop>(std::make_unique<TheLoop>(settings, map, inference, robot, journal));
}

}  // namespace vlaq::robot
