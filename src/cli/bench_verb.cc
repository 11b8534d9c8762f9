#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <thread>

#include "base/json.h"
#include "base/machine.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "base/version.h"
#include "benchmark/machine_state.h"
#include "benchmark/runner.h"
#include "benchmark/verdict.h"
#include "cli/bench_arguments.h"
#include "cli/build_info.h"
#include "cli/observations.h"
#include "cli/verbs.h"
#include "measuring/peaks.h"
#include "measuring/serve.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using benchmark::Results;
using benchmark::Settings;
using benchmark::Subject;
using benchmark::SubjectResult;
using benchmark::WorkerSubject;

constexpr int kNullBlocks = 200;
constexpr double kLongestPeriodSeconds = 1e6;

#ifdef NDEBUG
constexpr bool kAssertions = false;
#else
constexpr bool kAssertions = true;
#endif

benchmark::Made MadeNow(const std::vector<std::string>& command) {
  return {.vlaq = std::string(kVersion),
          .revision = std::string(ThisBuild().revision),
          .compiler = std::string(ThisBuild().compiler),
          .build_type = std::string(ThisBuild().build_type),
          .time_utc = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
          .assertions = kAssertions,
          .command = command};
}

// Of a time that a user may give as large as he likes. `most_s` is far from where ns overflow, and from any run's end.
int64_t Nanoseconds(double seconds, double most_s = 1e9) {
  return std::max<int64_t>(1, static_cast<int64_t>(1e9 * std::clamp(seconds, 0.0, most_s)));
}

Settings SettingsOf(const BenchArguments& a, const std::vector<SubjectSpec>& subjects, const BenchInputs& inputs) {
  Settings s;
  s.protocol = *benchmark::FindProtocol(a.protocol);  // OneOf() let no other name pass
  s.threads = a.threads.empty() ? ThisMachine().threads : a.threads[0];
  s.batch = a.batches[0];
  s.window = inputs.window;
  s.seed = a.seed;
  s.budget_ns = Nanoseconds(a.budget_s);
  s.duration_ns = Nanoseconds(a.duration_s);
  s.least_rounds = a.rounds;
  s.percentiles_given = !a.percentiles.empty();
  if (s.percentiles_given) s.percentiles.clear();
  for (const double p : a.percentiles) s.percentiles.push_back(p / 100);
  double period = a.period_ms / 1e3;
  for (const SubjectSpec& subject : subjects) {
    if (period == 0 && subject.bundle) period = subject.bundle->policy.control.period_s;
  }
  if (period > 0) s.period_ns = Nanoseconds(period, kLongestPeriodSeconds);
  s.frames = inputs.count;
  s.inputs = inputs.what;
  s.inputs_sha256 = inputs.sha256;
  s.span = inputs.span;
  s.action_unit = inputs.unit;
  s.max_difference = a.max_difference;
  s.difference_given = a.difference_given;
  return s;
}

// Of this machine now, and how much of it others took meanwhile.
benchmark::Peaks PeaksNow(int threads) {
  const benchmark::MachineReader machine;
  const benchmark::Reading before = machine.Read();
  const measuring::MachinePeaks peaks = measuring::MeasurePeaks(threads);
  benchmark::MachineState state;
  benchmark::Conclude({before, machine.Read()}, state);
  const auto rate = [](const measuring::MachinePeaks::Rate& of) {
    return benchmark::Peaks::Rate{of.macs_per_s, of.kernel};
  };
  return {threads,           rate(peaks.fp32), rate(peaks.bf16), rate(peaks.int8),
          peaks.bytes_per_s, peaks.streams,    state.other_load};
}

// Weights are held once at least by each process; what does not fit would be measured swapping.
Status CheckMemory(const std::vector<SubjectResult>& results) {
  uint64_t needed = 0;
  for (const SubjectResult& result : results) needed += result.size_bytes;
  const uint64_t there = ThisMachine().available_memory_bytes;
  if (needed <= there) return {};
  return InputError("",
                    fmt::format("all subjects together take {} at least, and {} of memory are free", HumanBytes(needed),
                                HumanBytes(there)),
                    "measure fewer at a time, the first of them in every run");
}

class Bench {
 public:
  Bench(const BenchArguments& a, Context& context) : a_(a), context_(context) {}

  // The main run. What can be known to fail later is refused before anything is measured.
  Status Run() {
    VLAQ_RETURN_IF_ERROR(a_.backend.Check());
    VLAQ_ASSIGN_OR_RETURN(subjects_, ReadSubjects(a_.subjects));
    if (!a_.published.empty()) VLAQ_RETURN_IF_ERROR(CheckPublished(subjects_));
    VLAQ_RETURN_IF_ERROR(CheckBatches());
    VLAQ_RETURN_IF_ERROR(CheckQuality(a_, subjects_));
    results_.made = MadeNow(context_.command);
    for (const SubjectSpec& subject : subjects_) {
      SubjectResult described;
      VLAQ_RETURN_IF_ERROR(DescribeFiles(subject, a_.backend.engines, described));
      described_.push_back(std::move(described));
    }
    VLAQ_RETURN_IF_ERROR(CheckMemory(described_));
    VLAQ_ASSIGN_OR_RETURN(scratch_, ScratchFolder::Make("bench"));
    VLAQ_ASSIGN_OR_RETURN(inputs_, MakeBenchInputs(a_, subjects_, scratch_->path()));
    if (!inputs_.open.empty()) {
      context_.log.Note(fmt::format("nothing says how large {} is: 1 is taken; --extent NAME=NUMBER or --inputs say so",
                                    inputs_.open));
    }
    results_.settings = SettingsOf(a_, subjects_, inputs_);
    return Measure(results_);
  }

  // Sweeps and errors on episodes: they take long, and what failed in them leaves the results of Run() as they are.
  Status RunMore() {
    VLAQ_RETURN_IF_ERROR(Sweep());
    return MeasureQuality(a_, subjects_, results_, context_.log);
  }

  const std::vector<SubjectSpec>& subjects() const { return subjects_; }
  const Results& results() const { return results_; }

 private:
  using Workers = std::vector<std::unique_ptr<WorkerSubject>>;

  Status CheckBatches() const {
    const bool several = std::ranges::any_of(a_.batches, [](int64_t batch) { return batch != 1; });
    const auto streams = std::ranges::find_if(subjects_, [](const auto& subject) { return subject.streaming; });
    if (!several || streams == subjects_.end()) return {};
    return UsageError(fmt::format("'{}' streams, for one robot: no batch", streams->name),
                      "--batch takes subjects that see the whole window at each step: whole:BUNDLE, FILE.onnx, "
                      "torch:CHECKPOINT");
  }

  Result<Workers> Start(const Settings& settings) {
    Workers workers;
    for (const SubjectSpec& subject : subjects_) {
      VLAQ_ASSIGN_OR_RETURN(const std::string command, WorkerCommand(subject, subjects_, a_.backend));
      VLAQ_ASSIGN_OR_RETURN(
          auto worker,
          WorkerSubject::Start(
              subject.name, command,
              {.inputs = inputs_.file, .threads = settings.threads, .window = settings.window, .batch = settings.batch},
              a_.timeout_s));
      context_.log.Progress("subjects", workers.size() + 1, subjects_.size());
      workers.push_back(std::move(worker));
    }
    return workers;
  }

  Status MeasureNull(const Settings& settings, Results& results) {
    SubjectSpec null;
    null.name = null.text = "null";
    null.kind = "null";
    VLAQ_ASSIGN_OR_RETURN(const std::string command, WorkerCommand(null, subjects_, a_.backend));
    VLAQ_ASSIGN_OR_RETURN(
        const auto worker,
        WorkerSubject::Start("null", command, {.inputs = inputs_.file, .threads = settings.threads}, a_.timeout_s));
    VLAQ_ASSIGN_OR_RETURN(results.harness, benchmark::MeasureHarness(*worker, kNullBlocks));
    return {};
  }

  Status Measure(Results& results) {
    Settings& settings = results.settings;
    if (a_.roofline) results.peaks = PeaksNow(settings.threads);
    VLAQ_RETURN_IF_ERROR(MeasureNull(settings, results));
    VLAQ_ASSIGN_OR_RETURN(const Workers workers, Start(settings));
    std::vector<Subject*> pointers;
    std::vector<int> pids;
    for (const auto& worker : workers) {
      pointers.push_back(worker.get());
      pids.push_back(worker->pid());
    }
    const benchmark::MachineReader machine("/", pids);
    const benchmark::World world{benchmark::NowNs,
                                 [](int64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); },
                                 [&machine] { return machine.Read(); }};
    VLAQ_ASSIGN_OR_RETURN(benchmark::Ran ran, benchmark::RunInTurns(pointers, settings, world, context_.log));
    results.machine = machine.Describe();
    benchmark::Conclude(std::move(ran.readings), results.machine);
    results.subjects = std::move(ran.subjects);
    if (!settings.percentiles_given) {
      const auto fewest =
          std::ranges::min_element(results.subjects, {}, [](const auto& s) { return s.samples.size(); });
      const auto runs = static_cast<int64_t>(fewest->samples.size());
      settings.percentiles = benchmark::Claimable(settings.percentiles, runs, settings.confidence);
    }
    for (size_t i = 0; i < results.subjects.size(); ++i) {
      SubjectResult& subject = results.subjects[i];
      subject.ready = workers[i]->ready();
      Describe(i, subject);
      subject.summary = benchmark::Summarise(subject.samples, settings);
      if (a_.profile || a_.roofline) VLAQ_RETURN_IF_ERROR(Explain(*workers[i], results, subject));
    }
    Judge(results);
    return {};
  }

  // What the command line and the files say of it.
  void Describe(size_t i, SubjectResult& subject) const {
    const SubjectResult& known = described_[i];
    subject.spec = known.spec;
    subject.kind = known.kind;
    subject.own_worker = known.own_worker;
    subject.mode = known.mode;
    subject.path = known.path;
    subject.files = known.files;
    subject.size_bytes = known.size_bytes;
  }

  // The profile, and the limit that follows from it. Subjects that keep no record have neither, which is said.
  Status Explain(WorkerSubject& worker, const Results& results, SubjectResult& subject) {
    auto operators = worker.Profile(std::vector<int>{0});
    if (!operators.ok()) {
      context_.log.Note(operators.error().ToString());
      return {};
    }
    if (results.peaks && subject.summary.n > 0) {
      benchmark::Roofline roofline;
      double compute_s = 0;
      for (const auto& op : *operators) {
        const auto macs = static_cast<double>(op.macs);
        roofline.macs += macs;
        compute_s += macs / results.peaks->MacsPerSecond(op.precision);
      }
      roofline.bytes = static_cast<double>(subject.size_bytes);  // each weight is read once a step at least
      const double memory_s = roofline.bytes / results.peaks->bytes_per_s;
      roofline.memory_bound = memory_s > compute_s;
      roofline.limit_ns = 1e9 * std::max(memory_s, compute_s);
      roofline.fraction_of_limit = roofline.limit_ns / subject.summary.median_ns;
      if (roofline.macs > 0) subject.roofline = roofline;
    }
    subject.operators = std::move(*operators);
    return {};
  }

  // What the others' are counted against. Where the first says none (another program), the largest: a stand-in must not
  // be its own measure.
  static int64_t ParametersOfTheFirst(const std::vector<SubjectResult>& subjects) {
    const int64_t first = subjects.front().ready.parameters.value_or(0);
    if (first > 0) return first;
    int64_t most = 0;
    for (const SubjectResult& s : subjects) most = std::max(most, s.ready.parameters.value_or(0));
    return most;
  }

  static void Judge(Results& results) {
    const SubjectResult& first = results.subjects.front();
    results.comparisons.clear();
    const int64_t reference = ParametersOfTheFirst(results.subjects);
    for (SubjectResult& subject : results.subjects) {
      if (subject.ready.parameters && reference > 0) {
        subject.identity = static_cast<double>(*subject.ready.parameters) / static_cast<double>(reference);
      }
      subject.verdict = benchmark::Judge(subject, results);
      if (&subject != &first) results.comparisons.push_back(benchmark::Compare(first, subject));
    }
    // One subject is all that the machine does then, so the energy of the run is its own.
    const auto energy = benchmark::EnergyOf(results.machine.readings);
    if (energy && results.subjects.size() == 1 && first.summary.n > 0) {
      results.subjects[0].summary.energy_j_per_run = *energy / static_cast<double>(first.summary.n);
    }
  }

  // The other values of --threads and --batch, each a short run of its own.
  Status Sweep() {
    VLAQ_RETURN_IF_ERROR(SweepOver("threads", std::vector<int64_t>(a_.threads.begin(), a_.threads.end())));
    return SweepOver("batch", a_.batches);
  }

  Status SweepOver(const std::string& axis, const std::vector<int64_t>& values) {
    if (values.size() < 2) return {};
    std::vector<benchmark::Sweep> sweeps;
    for (const SubjectSpec& subject : subjects_) sweeps.push_back({axis, subject.name, {}});
    for (const int64_t value : values) {
      Results at = results_;
      if (axis == "batch") at.settings.batch = value;
      if (axis == "threads") at.settings.threads = static_cast<int>(value);
      VLAQ_RETURN_IF_ERROR(Measure(at));
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

  const BenchArguments& a_;
  Context& context_;
  std::vector<SubjectSpec> subjects_;
  std::vector<SubjectResult> described_;
  std::optional<ScratchFolder> scratch_;  // holds the inputs as long as somebody may be asked about them
  BenchInputs inputs_;
  Results results_;
};

Status CheckArguments(const BenchArguments& a) {
  if (a.subjects.empty())
    return UsageError("name what to measure", "a bundle, a .onnx file, torch:CHECKPOINT or cmd:COMMAND");
  for (const double p : a.percentiles) {
    if (!(p > 0 && p < 100)) return UsageError(fmt::format("--percentiles: {:g} is not between 0 and 100", p));
  }
  if (a.published.empty()) return {};
  std::error_code ignored;
  if (!a.force && fs::exists(a.published, ignored)) {
    return UsageError(fmt::format("{} already exists", a.published.string()), "give another name, or --force");
  }
  return CheckFolderPlace(a.published);
}

// Names and paths need not be UTF-8, and JSON must.
Status Write(const Results& results, const fs::path& path, Existing existing) {
  if (path.empty()) return {};
  return WriteFile(path, JsonString(ToJson(results), 1) + "\n", existing);
}

Status RunBench(const BenchArguments& a, Context& context) {
  VLAQ_RETURN_IF_ERROR(CheckArguments(a));
  std::optional<benchmark::StoredResults> before;
  if (!a.against_last.empty()) {
    VLAQ_ASSIGN_OR_RETURN(before, benchmark::ReadResults(a.against_last));
  }
  Bench bench(a, context);
  VLAQ_RETURN_IF_ERROR(bench.Run());
  const Results& results = bench.results();
  // Before what may still fail, so that the measurement is not lost.
  VLAQ_RETURN_IF_ERROR(Write(results, a.output, WhenExisting(a.force)));
  const Status more = bench.RunMore();
  const bool grew = !results.sweeps.empty() || !a.episodes.empty();
  if (more.ok() && grew) VLAQ_RETURN_IF_ERROR(Write(results, a.output, Existing::kReplace));
  if (a.json) {
    PrintJson(ToJson(results), context.out);
  } else {
    PrintResults(results, a.verbose, context.out);
  }
  if (!more.ok()) return Within("after the measurement, whose results are there", more.error());
  if (!a.published.empty())
    VLAQ_RETURN_IF_ERROR(WritePublished(a, bench.subjects(), results, a.json ? context.err : context.out));
  if (before) {
    VLAQ_RETURN_IF_ERROR(TellChanges(*before, benchmark::Stored(results), a.threshold, false, false,
                                     a.json ? context.err : context.out));
  }
  if (results.valid()) return {};
  std::string hint = "the findings above say why and what to do";
  if (!a.output.empty())
    hint += "; the results are written all the same, and --force replaces them when measured again";
  return Error{ErrorCode::kUnstable, "not every subject is VALID", a.output.string(), std::move(hint)};
}

// `vlaq bench worker`: not for people, so no help shows it.
Action AddWorker(CLI::App& bench, Context& context) {
  struct WorkerArguments {
    std::string kind;
    fs::path path;
    BackendChoice backend;
  };
  auto a = std::make_shared<WorkerArguments>();
  CLI::App* worker = bench.add_subcommand("worker", "Answers the benchmark's questions");
  worker->group("");
  worker->add_option("kind", a->kind)->required();
  worker->add_option("path", a->path);
  a->backend.AddTo(*worker);
  return [a, &context]() -> Status {
    static const std::map<std::string, measuring::Kind> kinds{{"streaming", measuring::Kind::kStreaming},
                                                              {"whole", measuring::Kind::kWhole},
                                                              {"onnx", measuring::Kind::kOnnx},
                                                              {"null", measuring::Kind::kNull}};
    const auto kind = kinds.find(a->kind);
    if (kind == kinds.end()) return UsageError(fmt::format("'{}' is no kind of worker", a->kind));
    VLAQ_ASSIGN_OR_RETURN(const auto backend, a->backend.Make());
    measuring::Serve({kind->second, a->path, backend.get(), a->backend.Options()}, std::cin, context.out);
    return {};
  };
}

void AddOptions(CLI::App& app, BenchArguments& a) {
  app.add_option(
      "subjects", a.subjects,
      fmt::format(
          "What to measure: [NAME=][KIND:]WHAT; KIND: {}. Without one: a bundle (one new frame a "
          "step), or an .onnx file (the whole window, or its inputs). whole: the bundle's whole graph; torch: a "
          "checkpoint in PyTorch; cmd: a program that speaks the protocol of docs/benchmarks.md. "
          "Others are compared with the first",
          fmt::join(SubjectKinds(), ", ")));
  OneOf(app.add_option("--protocol", a.protocol,
                       "published: 5 runs to warm up, 20 timed; serving: the next step when one is done, until the "
                       "percentiles can be "
                       "claimed; control: a new frame every period"),
        benchmark::ProtocolNames())
      ->capture_default_str();
  const std::string how = "How";
  app.add_option("--batch", a.batches, "Windows in one run; several make a sweep")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096))
      ->group(how);
  app.add_option("--sweep-threads", a.threads,
                 "Thread counts; the first is the main run's in place of --threads, several make a sweep")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->type_name("N,N,...")
      ->group(how);
  app.add_option("--rounds", a.rounds, "At least so many turns of each; serving only")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str()
      ->group(how);
  app.add_option("--budget", a.budget_s, "Seconds for all together, serving; then what cannot be claimed is INVALID")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(how);
  app.add_option("--percentiles", a.percentiles,
                 "Percentiles that shall be claimed: 99 needs 662 runs; default: 50, and 90 where the runs allow it")
      ->delimiter(',')
      ->type_name("P,P,...")
      ->group(how);
  app.add_option("--period", a.period_ms, "Milliseconds between frames, control; default: the policy's own")
      ->check(CLI::Range(1.0, 1e6))
      ->group(how);
  app.add_option("--duration", a.duration_s, "Seconds of each, control")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(how);
  app.add_option("--timeout", a.timeout_s, "Seconds that a subject may take to load, or for one turn")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(how);
  app.add_option("--seed", a.seed, "Of noise frames and of the order of turns")
      ->type_name("UINT")
      ->capture_default_str()
      ->group(how);
  const std::string data = "On what";
  app.add_option("--frames", a.frames, "Camera frames, as `vlaq run` takes them; default: noise")
      ->type_name("SRC")
      ->group(data);
  app.add_option("--inputs", a.inputs, std::string(kInputsHelp) + "; default for what is not given: noise")
      ->type_name("FILE")
      ->group(data);
  app.add_option(
         "--extent", a.extents,
         "A number for an extent that an input leaves open and nothing given says: by its name in the graph, or "
         "as INPUT:AXIS, the batch axis not counted; default: 1")
      ->type_name("NAME=NUMBER")
      ->group(data);
  app.add_option("--frames-count", a.frames_count, "Distinct frames, or steps of other inputs")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->group(data);
  app.add_option("--episodes", a.episodes, "Recorded episodes, for the MAE of bundles beside their time")
      ->type_name("DIR")
      ->group(data);
  app.add_option(
         "--max-difference", a.max_difference,
         "Of any action (-1 to 1, or as the policy's graph gives it) from the first subject's, and of any other "
         "output that both have; beyond it INVALID")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(data);
  const std::string more = "What to write";
  app.add_flag("--profile", a.profile, "Also where a step spends its time, by operator")->group(more);
  app.add_flag("--roofline", a.roofline, "Also the limit that this machine's peaks set, and how much of it is reached")
      ->group(more);
  app.add_option("-o,--output", a.output, "Write the results, all samples included, to this file")
      ->type_name("FILE")
      ->group(more);
  app.add_option("--against-last", a.against_last, "Compare with results of an earlier run; exit code 5 if slower")
      ->type_name("FILE")
      ->group(more);
  app.add_option("--threshold", a.threshold, "What counts as slower: 0.05 is 5 %")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(more);
  app.add_option(
         "--published", a.published,
         "Write the files of the published table to this folder (any protocol); subjects named int8, which has to "
         "be there, pytorch, onnx and streaming")
      ->type_name("DIR")
      ->group(more);
  app.add_flag("-v,--verbose", a.verbose, "Print every finding about each subject, not the worst alone")->group(more);
  AddForceFlag(app, a.force);
  AddJsonFlag(app, a.json);
  a.backend.AddTo(app);
  app.footer(
      "Exit code 6 if a subject is UNSTABLE or INVALID; results are written all the same.\n\n"
      "Examples:\n"
      "  vlaq bench policy policy_int8 -o results.json\n"
      "  vlaq bench torch:model.pth whole:policy int8=policy_int8 --threads 2 --roofline\n"
      "  vlaq bench policy_int8 whole:policy_int8 --protocol control --duration 120\n"
      "  vlaq bench policy 'other=cmd:python3 mine.py' --percentiles 50,90,99");
}

}  // namespace

Action AddBench(CLI::App& app, Context& context) {
  auto a = std::make_shared<BenchArguments>();
  AddOptions(app, *a);
  const Action worker = AddWorker(app, context);
  CLI::App* worker_app = app.get_subcommand("worker");
  const CLI::Option* difference = app.get_option("--max-difference");
  return [a, worker, worker_app, difference, &context]() -> Status {
    if (worker_app->parsed()) return worker();
    a->difference_given = difference->count() > 0;
    if (a->threads.empty() && a->backend.threads > 0) a->threads = {a->backend.threads};
    return RunBench(*a, context);
  };
}

}  // namespace vlaq::cli
