#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "base/machine.h"
#include "base/text.h"
#include "bench/harness/comparison.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/runner.h"
#include "bench/harness/verdict.h"
#include "bench/peaks.h"
#include "cost/roofline.h"
#include "onnx/cost.h"
#include "onnx/work.h"

namespace vlaq::bench {
namespace {

using harness::Results;
using harness::Settings;
using harness::SubjectResult;
using harness::WorkerSubject;

constexpr int kNullBlocks = 200;
constexpr double kLongestPeriodSeconds = 1e6;

// This machine's peaks now, and how much of it others took meanwhile.
harness::Peaks PeaksNow(int threads) {
  const harness::MachineReader machine;
  const harness::Reading before = machine.Read();
  const MachinePeaks peaks = MeasurePeaks(threads);
  harness::MachineState state;
  harness::Conclude({before, machine.Read()}, state);
  const auto rate = [](const MachinePeaks::Rate& of) { return harness::Peaks::Rate{of.macs_per_s, of.kernel}; };
  return {threads,           rate(peaks.fp32), rate(peaks.bf16), rate(peaks.int8),
          peaks.bytes_per_s, peaks.streams,    state.other_load};
}

// Weights are held once at least by each process; what does not fit would be measured swapping.
Status CheckMemory(const std::vector<SubjectResult>& subjects) {
  uint64_t needed = 0;
  for (const SubjectResult& subject : subjects) needed += subject.size_bytes;
  const uint64_t there = ThisMachine().available_memory_bytes;
  if (needed <= there) return {};
  return InputError("",
                    fmt::format("all subjects together take {} at least, and {} of memory are free", HumanBytes(needed),
                                HumanBytes(there)),
                    "measure fewer at a time, the first of them in every run");
}

Status CheckSubjects(const BenchRequest& request) {
  if (request.subjects.empty()) return UsageError("name what to measure");
  std::set<std::string> names;
  for (const BenchSubject& subject : request.subjects) {
    if (!names.insert(subject.name).second)
      return UsageError(fmt::format("two subjects are called '{}'", subject.name));
  }
  const auto is_several = [](int64_t batch) { return batch != 1; };
  const bool several = is_several(request.settings.batch) || std::ranges::any_of(request.sweep_batches, is_several);
  const auto streams = std::ranges::find_if(request.subjects, &BenchSubject::one_robot);
  if (!several || streams == request.subjects.end()) return {};
  return UsageError(fmt::format("'{}' streams, for one robot: no batch", streams->name),
                    "--batch takes subjects that keep nothing of earlier steps: another SCHEDULE:BUNDLE, FILE.onnx, "
                    "torch:CHECKPOINT");
}

// What the inputs and the policies say.
void FillIn(const BenchRequest& request, const BenchInputs& inputs, Settings& settings) {
  settings.window = inputs.window;
  settings.frames = inputs.count;
  settings.inputs = inputs.what;
  settings.inputs_sha256 = inputs.sha256;
  settings.span = inputs.span;
  settings.action_unit = inputs.unit;
  settings.seed = request.inputs.seed;
  std::optional<int64_t> period_ns = request.period_ns;
  for (const BenchSubject& subject : request.subjects) {
    if (period_ns || !subject.bundle) continue;
    const double seconds = std::clamp(subject.bundle->policy.control.period_s, 0.0, kLongestPeriodSeconds);
    if (seconds > 0) period_ns = std::max<int64_t>(1, static_cast<int64_t>(1e9 * seconds));
  }
  settings.period_ns = period_ns.value_or(settings.period_ns);
}

// What is known of a subject before it runs.
void Describe(const SubjectResult& known, SubjectResult& subject) {
  subject.spec = known.spec;
  subject.kind = known.kind;
  subject.own_worker = known.own_worker;
  subject.mode = known.mode;
  subject.path = known.path;
  subject.files = known.files;
  subject.size_bytes = known.size_bytes;
}

// The profile, and the limit that follows from it. Subjects that keep no record have neither, which is said.
Status Explain(WorkerSubject& worker, const Results& results, SubjectResult& subject, Log& log) {
  auto operators = worker.Profile(std::vector<int>{0});
  if (!operators.ok()) {
    log.Note(operators.error().ToString());
    return {};
  }
  if (results.peaks && subject.summary.n > 0) {
    harness::Roofline roofline;
    double compute_s = 0;
    std::map<std::string, int64_t> unknown;
    for (const auto& op : *operators) {
      const auto macs = static_cast<double>(op.macs);
      const bool counted = op.precision.empty() ? !onnx::IsUnknownProduct(op.op_type) : op.macs > 0;
      if (!counted) unknown[op.op_type] += op.calls;
      roofline.macs += macs;
      compute_s += macs / results.peaks->MacsPerSecond(op.precision);
    }
    roofline.bytes = static_cast<double>(subject.size_bytes);  // each weight is read once a step at least
    const cost::Roof roof{compute_s, roofline.bytes / results.peaks->bytes_per_s};
    roofline.memory_bound = roof.bound() == cost::BoundBy::kMemory;
    roofline.limit_ns = 1e9 * roof.seconds();
    roofline.fraction_of_limit = roofline.limit_ns / subject.summary.median_ns;
    if (roofline.macs > 0) subject.roofline = roofline;
    if (!unknown.empty()) log.Note(fmt::format("the roofline leaves out {}", onnx::UnknownText(unknown)));
  }
  subject.operators = std::move(*operators);
  return {};
}

// What the others' are counted against. Where the first says none (another program), the largest: a stand-in must not
// be its own measure.
int64_t ParametersOfTheFirst(const std::vector<SubjectResult>& subjects) {
  const int64_t first = subjects.front().ready.parameters.value_or(0);
  if (first > 0) return first;
  int64_t most = 0;
  for (const SubjectResult& s : subjects) most = std::max(most, s.ready.parameters.value_or(0));
  return most;
}

void JudgeAll(Results& results) {
  const SubjectResult& first = results.subjects.front();
  results.comparisons.clear();
  const int64_t reference = ParametersOfTheFirst(results.subjects);
  for (SubjectResult& subject : results.subjects) {
    if (subject.ready.parameters && reference > 0) {
      subject.identity = static_cast<double>(*subject.ready.parameters) / static_cast<double>(reference);
    }
    subject.verdict = harness::Judge(subject, results);
    if (&subject != &first) results.comparisons.push_back(harness::Compare(first, subject));
  }
  // One subject is all that the machine does then, so the energy of the run is its own.
  const auto energy = harness::EnergyOf(results.machine.readings);
  if (energy && results.subjects.size() == 1 && first.summary.n > 0) {
    results.subjects[0].summary.energy_j_per_run = *energy / static_cast<double>(first.summary.n);
  }
}

// Leaves out the default percentiles that the runs do not allow; those that were asked for stay.
void KeepClaimable(Results& results) {
  Settings& settings = results.settings;
  if (settings.percentiles_given) return;
  const auto fewest = std::ranges::min_element(results.subjects, {}, [](const auto& s) { return s.samples.size(); });
  const auto runs = static_cast<int64_t>(fewest->samples.size());
  settings.percentiles = harness::Claimable(settings.percentiles, runs, settings.confidence);
}

}  // namespace

Result<Benchmark> Benchmark::Prepare(BenchRequest request, Log& log) {
  Benchmark bench;
  bench.request_ = std::move(request);
  const BenchRequest& asked = bench.request_;
  VLAQ_RETURN_IF_ERROR(CheckSubjects(asked));
  for (const BenchSubject& subject : asked.subjects) {
    VLAQ_ASSIGN_OR_RETURN(SubjectResult described, DescribeSubject(subject, asked.engines));
    bench.described_.push_back(std::move(described));
  }
  VLAQ_RETURN_IF_ERROR(CheckMemory(bench.described_));
  VLAQ_ASSIGN_OR_RETURN(bench.scratch_, ScratchFolder::Make("bench"));
  VLAQ_ASSIGN_OR_RETURN(bench.inputs_, MakeBenchInputs(asked.inputs, asked.subjects, bench.scratch_->path()));
  if (!bench.inputs_.open.empty()) {
    log.Note(fmt::format("nothing says how large {} is: 1 is taken; --extent NAME=NUMBER or --inputs say so",
                         bench.inputs_.open));
  }
  bench.results_.made = asked.made;
  bench.results_.settings = asked.settings;
  FillIn(asked, bench.inputs_, bench.results_.settings);
  return bench;
}

Status Benchmark::Measure(Log& log) { return MeasureInto(results_, log); }

Status Benchmark::MeasureInto(Results& results, Log& log) {
  const Settings& settings = results.settings;
  if (request_.roofline) results.peaks = PeaksNow(settings.threads);
  const harness::WorkerSettings told{inputs_.file, settings.threads, settings.window, settings.batch,
                                     request_.timeout_s};
  {
    harness::WorkerSettings nothing{inputs_.file, settings.threads};
    nothing.timeout_s = request_.timeout_s;
    VLAQ_ASSIGN_OR_RETURN(const auto null, request_.start_null ? request_.start_null(nothing) : StartNull(nothing));
    VLAQ_ASSIGN_OR_RETURN(results.harness, harness::MeasureHarness(*null, kNullBlocks));
  }
  std::vector<std::unique_ptr<WorkerSubject>> workers;
  std::vector<harness::Subject*> pointers;
  std::vector<int> pids;
  for (const BenchSubject& subject : request_.subjects) {
    VLAQ_ASSIGN_OR_RETURN(auto worker, subject.start(told));
    log.Progress("subjects", workers.size() + 1, request_.subjects.size());
    pointers.push_back(worker.get());
    pids.push_back(worker->pid());
    workers.push_back(std::move(worker));
  }
  const harness::MachineReader machine("/", pids);
  const harness::Environment world{harness::NowNs,
                                   [](int64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); },
                                   [&machine] { return machine.Read(); }};
  VLAQ_ASSIGN_OR_RETURN(harness::Ran ran, harness::RunInTurns(pointers, settings, world, log));
  results.machine = machine.Describe();
  harness::Conclude(std::move(ran.readings), results.machine);
  results.subjects = std::move(ran.subjects);
  KeepClaimable(results);
  for (size_t i = 0; i < results.subjects.size(); ++i) {
    SubjectResult& subject = results.subjects[i];
    subject.ready = workers[i]->ready();
    Describe(described_[i], subject);
    subject.summary = harness::Summarize(subject.samples, settings);
    if (request_.profile || request_.roofline) VLAQ_RETURN_IF_ERROR(Explain(*workers[i], results, subject, log));
  }
  JudgeAll(results);
  return {};
}

Status Benchmark::Sweep(Log& log) {
  VLAQ_RETURN_IF_ERROR(SweepOver("threads", request_.sweep_threads, log));
  return SweepOver("batch", request_.sweep_batches, log);
}

// Each value is a short run of its own.
Status Benchmark::SweepOver(const std::string& axis, const std::vector<int64_t>& values, Log& log) {
  if (values.size() < 2) return {};
  std::vector<harness::Sweep> sweeps;
  for (const BenchSubject& subject : request_.subjects) sweeps.push_back({axis, subject.name, {}});
  for (const int64_t value : values) {
    Results at = results_;
    if (axis == "batch") at.settings.batch = value;
    if (axis == "threads") at.settings.threads = static_cast<int>(value);
    VLAQ_RETURN_IF_ERROR(MeasureInto(at, log));
    for (size_t i = 0; i < sweeps.size(); ++i) {
      const SubjectResult& s = at.subjects[i];
      sweeps[i].points.push_back({value, s.summary.median_ns,
                                  s.summary.median_ns / static_cast<double>(at.settings.batch), s.summary.n,
                                  s.verdict.state()});
    }
  }
  results_.sweeps.insert(results_.sweeps.end(), sweeps.begin(), sweeps.end());
  return {};
}

Result<Results> Bench(BenchRequest request, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(Benchmark bench, Benchmark::Prepare(std::move(request), log));
  VLAQ_RETURN_IF_ERROR(bench.Measure(log));
  VLAQ_RETURN_IF_ERROR(bench.Sweep(log));
  return std::move(bench.results());
}

}  // namespace vlaq::bench
