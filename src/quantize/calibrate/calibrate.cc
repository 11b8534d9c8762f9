#include "quantize/calibrate/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "quantize/calibrate/calibration_set.h"
#include "quantize/calibrate/progress_file.h"
#include "quantize/calibrate/watched.h"

namespace vlaq::calibrate {
namespace {

using Clock = std::chrono::steady_clock;
using backend::NamedTensors;
using numerics::ActivationStatistics;

class Calibration {
 public:
  Calibration(const bundle::Bundle& bundle, const backend::Backend& backend, SampleSource& source,
              const runtime::TextEncoder* text, const CalibrationOptions& options, Log& log)
      : bundle_(bundle),
        backend_(backend),
        source_(source),
        text_(text),
        options_(options),
        log_(log),
        threads_(options.open.threads > 0 ? options.open.threads : HardwareThreads()) {}

  Result<ActivationStatistics> Run() {
    if (bundle_.plan) {
      return InputError(bundle_.path.string(), "is quantized already", "calibrate the bundle that it was made from");
    }
    VLAQ_ASSIGN_OR_RETURN(set_,
                          CalibrationSet::Draw(source_, bundle_.policy, text_, options_.samples, options_.seed, log_));
    if (Count() < kSensibleSamples) {
      log_.Warning(fmt::format("{} are few: {} or more give ranges that hold",
                               Counted(static_cast<uint64_t>(Count()), Noun()), kSensibleSamples));
    }
    VLAQ_ASSIGN_OR_RETURN(watched_, WatchedIn(bundle_));
    VLAQ_RETURN_IF_ERROR(Resume());
    VLAQ_RETURN_IF_ERROR(SeeSizes());
    for (; progress_.pass < static_cast<int64_t>(parts_.size()); ++progress_.pass, progress_.done = 0) {
      VLAQ_RETURN_IF_ERROR(Pass());
    }
    return Finished();
  }

 private:
  const std::vector<Sample>& Samples() const { return set_->samples(); }
  int64_t Count() const { return static_cast<int64_t>(Samples().size()); }
  bool EveryStep() const { return options_.samples == 0; }
  std::string Noun() const { return EveryStep() ? "step" : "sample"; }

  // ---- before the first run ----

  // What makes this calibration the one that it is.
  Json Key() const {
    const numerics::PlanSource identity = IdentityOf(bundle_);
    return {{"weights", identity.weights_sha256}, {"graphs", identity.graphs}, {"episodes", set_->Fingerprint()},
            {"samples", options_.samples},        {"seed", options_.seed},     {"batch", options_.batch},
            {"memory", options_.memory_bytes},    {"engine", Engine()}};
  }
  std::string Engine() const { return fmt::format("{}, {}", backend_.name(), options_.open.provider); }

  Status Resume() {
    key_ = Key();
    saved_ = Clock::now();
    if (!options_.progress_file.empty()) {
      VLAQ_ASSIGN_OR_RETURN(auto progress, ReadProgress(options_.progress_file, key_));
      if (progress) progress_ = std::move(*progress);
      if (progress_.done > Count()) {
        return InputError(options_.progress_file.string(), "\"done\" is beyond the samples", "delete it to begin anew");
      }
      if (progress && progress_.done + progress_.pass > 0) {
        log_.Note(fmt::format("going on from {} after {} of {}", options_.progress_file.string(), progress_.done,
                              Counted(static_cast<uint64_t>(Count()), Noun())));
      }
    }
    observer_.emplace(threads_, std::move(progress_.stats));
    return {};
  }

  // Opens the graphs with all values, looks at them in one step, and parts them as memory allows.
  Status SeeSizes() {
    VLAQ_RETURN_IF_ERROR(Open(watched_.values));
    const runtime::LookBack& look_back = executor_->look_back();
    all_whole_ = EveryStep() || look_back.lasting > 0 || look_back.advance.empty();
    in_order_ = EveryStep() || look_back.outputs == runtime::kWholeEpisode;
    if (options_.batch > 1) {
      batch_ = look_back.at_once && !all_whole_ ? options_.batch : 1;
      if (batch_ == 1) log_.Note("steps of this policy run one at a time: a batch changes nothing");
    }
    // Those of graphs that run at some samples only come first, so that they take few passes.
    std::stable_partition(watched_.values.begin(), watched_.values.end(),
                          [&](const Watched& value) { return !IsLasting(value); });
    ActivationObserver thrown_away(threads_, {});
    Watcher watcher(watched_.values, thrown_away);
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors values, ValuesOf(Samples().front()));
    VLAQ_RETURN_IF_ERROR(See({Samples().front()}, watcher, [&] { return Done(executor_->Step(values)); }));
    Split(watcher.bytes());
    observer_->LearnExtents(thrown_away);
    if (parts_.size() == 1) return {};
    log_.Note(fmt::format("the values of {} do not fit into {}: {} passes over the {}s",
                          Counted(static_cast<uint64_t>(batch_), "step"), HumanBytes(options_.memory_bytes),
                          parts_.size(), Noun()));
    executor_.reset();
    return {};
  }

  // In parts that fit, in order; a value that does not fit at all is a part of its own.
  void Split(const std::map<std::string, uint64_t>& sizes) {
    parts_.assign(1, {});
    uint64_t used = 0;
    for (const Watched& value : watched_.values) {
      const auto size = sizes.find(value.observed.name);
      const auto items = static_cast<uint64_t>(IsLasting(value) ? batch_ : 1);
      const uint64_t bytes = size == sizes.end() || !CountsForMemory(value) ? 0 : size->second * items;
      if (used > 0 && used + bytes > options_.memory_bytes) {
        parts_.emplace_back();
        used = 0;
      }
      parts_.back().push_back(value);
      used += bytes;
    }
  }
  // Ports are there anyhow.
  static bool CountsForMemory(const Watched& value) { return !value.is_port; }
  bool IsLasting(const Watched& value) const { return executor_->look_back().advance.contains(value.graph); }

  Status Open(const std::vector<Watched>& values) {
    executor_.reset();  // first, so that two never are in memory
    VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor,
                          runtime::OpenExecutor(bundle_, "", backend_, options_.open, ExtraOf(values)));
    executor_.emplace(std::move(executor));
    last_.reset();
    return {};
  }

  // ---- running ----

  // One pass over the samples for the values of one part.
  Status Pass() {
    const std::vector<Watched>& values = parts_[static_cast<size_t>(progress_.pass)];
    if (!executor_ || parts_.size() > 1) VLAQ_RETURN_IF_ERROR(Open(values));
    some_whole_ = std::ranges::any_of(values, [&](const Watched& value) { return !IsLasting(value); });
    Watcher watcher(values, *observer_);
    while (progress_.done < Count()) {
      const std::vector<Sample> batch = NextBatch();
      VLAQ_RETURN_IF_ERROR(IsWhole(batch.front()) ? ObserveWhole(batch.front(), watcher)
                                                  : ObserveLasting(batch, watcher));
      progress_.done += static_cast<int64_t>(batch.size());
      log_.Progress(Noun() + "s", static_cast<uint64_t>(progress_.pass * Count() + progress_.done),
                    static_cast<uint64_t>(Count()) * parts_.size());
      VLAQ_RETURN_IF_ERROR(SaveNowAndThen());
    }
    return {};
  }

  // Whether all graphs run at the sample.
  bool IsWhole(const Sample& sample) const { return all_whole_ || (some_whole_ && sample.window); }

  // One sample at which all graphs run, or some that run at once.
  std::vector<Sample> NextBatch() const {
    const auto begin = Samples().begin() + progress_.done;
    std::vector<Sample> batch{*begin};
    for (auto next = begin + 1; next != Samples().end() && !IsWhole(*begin) && !IsWhole(*next); ++next) {
      if (static_cast<int64_t>(batch.size()) == batch_ || !set_->SameTask(*begin, *next)) break;
      batch.push_back(*next);
    }
    return batch;
  }

  Result<NamedTensors> ValuesOf(const Sample& sample) { return set_->Values(sample.episode, sample.t); }

  static Status Done(const Result<NamedTensors>& outputs) { return outputs.ok() ? Status() : outputs.error(); }

  // Runs something of these samples while it is watched.
  template <typename Running>
  Status See(const std::vector<Sample>& samples, Watcher& watcher, const Running& run) {
    std::vector<BatchSample> items;
    for (const Sample& sample : samples) items.push_back({sample.half, set_->NameOf(sample)});
    std::vector<int64_t> mask = set_->MaskOf(samples.front());
    watcher.Begin(std::move(items), mask.empty() ? watched_.baked_mask : std::move(mask));
    executor_->SetProbe(&watcher);
    const Status ran = run();
    executor_->SetProbe(nullptr);
    // What was seen says more of a failure than the failure does: the first value that is no number.
    VLAQ_RETURN_IF_ERROR(watcher.End());
    return ran.ok() ? ran : Within(set_->NameOf(samples.front()), ran.error());
  }

  // What depends on single steps.
  Status ObserveLasting(const std::vector<Sample>& samples, Watcher& watcher) {
    std::vector<NamedTensors> values;
    for (const Sample& sample : samples) {
      VLAQ_ASSIGN_OR_RETURN(values.emplace_back(), ValuesOf(sample));
    }
    last_.reset();
    executor_->Reset(static_cast<uint64_t>(samples.front().t));
    return See(samples, watcher, [&] { return executor_->AdvanceAll(values); });
  }

  // The sample after the steps that it looks back on, as at run time.
  Status ObserveWhole(const Sample& sample, Watcher& watcher) {
    int64_t from = std::max<int64_t>(0, sample.t - std::min(sample.t, executor_->look_back().outputs));
    const bool goes_on = in_order_ && last_ && last_->episode == sample.episode && last_->t < sample.t;
    if (goes_on) {
      from = last_->t + 1;
    } else {
      if (in_order_) from = 0;
      executor_->Reset(static_cast<uint64_t>(from));
    }
    last_.reset();
    while (from < sample.t) {
      std::vector<NamedTensors> values;
      for (; from < sample.t && static_cast<int64_t>(values.size()) < batch_; ++from) {
        VLAQ_ASSIGN_OR_RETURN(values.emplace_back(), set_->Values(sample.episode, from));
      }
      const Status advanced = executor_->AdvanceAll(values);
      if (!advanced.ok()) return Within(fmt::format("before {}", set_->NameOf(sample)), advanced.error());
    }
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors values, ValuesOf(sample));
    VLAQ_RETURN_IF_ERROR(See({sample}, watcher, [&] { return Done(executor_->Step(values)); }));
    last_ = sample;
    return {};
  }

  Status SaveNowAndThen() {
    if (options_.progress_file.empty()) return {};
    const Clock::time_point now = Clock::now();
    if (std::chrono::duration<double>(now - saved_).count() < pause_s_.value_or(options_.save_every_s)) return {};
    VLAQ_RETURN_IF_ERROR(
        WriteProgress(options_.progress_file, key_, progress_.pass, progress_.done, observer_->stats()));
    saved_ = Clock::now();
    // Writing shall not take more than a twentieth of the time.
    const double took = std::chrono::duration<double>(saved_ - now).count();
    if (options_.save_every_s > 0) pause_s_ = std::max(options_.save_every_s, 20 * took);
    return {};
  }

  ActivationStatistics Finished() const {
    ActivationStatistics statistics;
    statistics.source = IdentityOf(bundle_);
    statistics.samples = Count();
    statistics.windows = std::ranges::count_if(Samples(), [&](const Sample& s) { return all_whole_ || s.window; });
    statistics.seed = options_.seed;
    statistics.batch = batch_;
    statistics.runs_on = Engine();
    statistics.episodes = set_->episodes();
    for (const auto& [name, halves] : observer_->stats()) statistics.values[name] = Finish(halves);
    return statistics;
  }

  const bundle::Bundle& bundle_;
  const backend::Backend& backend_;
  SampleSource& source_;
  const runtime::TextEncoder* text_;
  const CalibrationOptions& options_;
  Log& log_;
  int threads_;

  std::optional<CalibrationSet> set_;
  WatchedValues watched_;
  std::vector<std::vector<Watched>> parts_;  // of them
  std::optional<runtime::Executor> executor_;
  int64_t batch_ = 1;           // steps that run at once
  bool all_whole_ = false;      // all graphs run at every sample
  bool some_whole_ = false;     // values of this pass are of graphs that do not last
  bool in_order_ = false;       // a sample goes on from the one before it
  std::optional<Sample> last_;  // that the executor's state ends with; absent: it must begin anew
  std::optional<ActivationObserver> observer_;
  Json key_;
  Progress progress_;
  Clock::time_point saved_;
  std::optional<double> pause_s_;
};

}  // namespace

Result<ActivationStatistics> Calibrate(const bundle::Bundle& bundle, const backend::Backend& backend,
                                       SampleSource& source, const runtime::TextEncoder* text,
                                       const CalibrationOptions& options, Log& log) {
  if (options.batch < 1) return UsageError("the batch must be at least 1");
  return Calibration(bundle, backend, source, text, options, log).Run();
}

numerics::PlanSource IdentityOf(const bundle::Bundle& bundle) {
  numerics::PlanSource source;
  source.weights_sha256 = bundle.weights.sha256;
  for (const auto& [role, record] : bundle.graphs) source.graphs[role] = record.sha256;
  return source;
}

}  // namespace vlaq::calibrate
