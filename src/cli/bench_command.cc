#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "base/json.h"
#include "base/machine.h"
#include "base/text.h"
#include "base/version.h"
#include "bench/bench.h"
#include "bench/harness/comparison.h"
#include "bench/serve.h"
#include "cli/bench_arguments.h"
#include "cli/build_info.h"
#include "cli/commands.h"
#include "cli/cost_arguments.h"
#include "cli/observations.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using harness::Results;
using harness::Settings;

constexpr double kLongestPeriodSeconds = 1e6;

#ifdef NDEBUG
constexpr bool kAssertions = false;
#else
constexpr bool kAssertions = true;
#endif

harness::Made MadeNow(const std::vector<std::string>& command) {
  return {.vlaq = std::string(kVersion),
          .revision = std::string(ThisBuild().revision),
          .compiler = std::string(ThisBuild().compiler),
          .build_type = std::string(ThisBuild().build_type),
          .time_utc = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
          .assertions = kAssertions,
          .command = command};
}

// Clamps a time, which a user may give as large as any number: `most_s` is far from where ns overflow.
int64_t Nanoseconds(double seconds, double most_s = 1e9) {
  return std::max<int64_t>(1, static_cast<int64_t>(1e9 * std::clamp(seconds, 0.0, most_s)));
}

Settings SettingsOf(const BenchArguments& a) {
  Settings s;
  s.protocol = *harness::FindProtocol(a.protocol);  // OneOf() let no other name pass
  s.threads = a.threads.empty() ? ThisMachine().threads : a.threads[0];
  s.batch = a.batches[0];
  s.budget_ns = Nanoseconds(a.budget_s);
  s.duration_ns = Nanoseconds(a.duration_s);
  s.min_rounds = a.rounds;
  s.percentiles_given = !a.percentiles.empty();
  if (s.percentiles_given) s.percentiles.clear();
  for (const double p : a.percentiles) s.percentiles.push_back(p / 100);
  s.max_difference = a.max_difference;
  s.difference_given = a.difference_given;
  return s;
}

// --frames and --inputs.
class GivenObservations : public bench::GivenInputs {
 public:
  GivenObservations(Observations observations, std::string from)
      : observations_(std::move(observations)), from_(std::move(from)) {}
  bool Gives(const std::string& input) const override { return observations_.Gives(input); }
  size_t size() const override { return observations_.size(); }
  Result<backend::NamedTensors> Read(size_t index) const override {
    VLAQ_ASSIGN_OR_RETURN(Observations::Step step, observations_.Read(index));
    return backend::NamedTensors(step.observation.begin(), step.observation.end());
  }
  std::string From() const override { return from_; }

 private:
  Observations observations_;
  std::string from_;
};

std::vector<Feature> FeaturesOf(const std::vector<policy::Input>& inputs) {
  std::vector<Feature> features;
  for (const policy::Input& input : inputs) {
    const FeatureType type = input.type == policy::InputType::kImage   ? FeatureType::kImage
                             : input.type == policy::InputType::kNoise ? FeatureType::kNoise
                                                                       : FeatureType::kState;
    features.push_back({input.name, type, input.dtype, input.shape, {}, {}});
  }
  return features;
}

Result<std::unique_ptr<bench::GivenInputs>> OpenGiven(const BenchArguments& a,
                                                      const std::vector<policy::Input>& inputs) {
  VLAQ_ASSIGN_OR_RETURN(Observations given, Observations::Open(FeaturesOf(inputs), a.frames, a.inputs, SilentLog(),
                                                               Observations::Wanted::kSome));
  std::vector<std::string> sources = a.frames;
  if (!a.inputs.empty()) sources.push_back(a.inputs);
  return std::unique_ptr<bench::GivenInputs>(
      std::make_unique<GivenObservations>(std::move(given), fmt::format("{}", fmt::join(sources, " "))));
}

Result<bench::BenchRequest> RequestOf(const BenchArguments& a, std::vector<bench::BenchSubject> subjects,
                                      const std::vector<std::string>& command) {
  bench::BenchRequest request;
  request.subjects = std::move(subjects);
  request.settings = SettingsOf(a);
  if (a.period_ms > 0) request.period_ns = Nanoseconds(a.period_ms / 1e3, kLongestPeriodSeconds);
  request.sweep_threads.assign(a.threads.begin(), a.threads.end());
  request.sweep_batches = a.batches;
  request.inputs.open_given = [&a](const std::vector<policy::Input>& inputs) { return OpenGiven(a, inputs); };
  request.inputs.steps = a.frames_count;
  request.inputs.seed = a.seed;
  VLAQ_ASSIGN_OR_RETURN(request.inputs.extents, ReadExtents(a.extents));
  request.engines = a.backend.engines;
  request.timeout_s = a.timeout_s;
  request.profile = a.profile;
  request.roofline = a.roofline;
  request.start_null = NullStarter(a.backend);
  request.made = MadeNow(command);
  return request;
}

Status CheckArguments(const BenchArguments& a) {
  if (a.subjects.empty())
    return UsageError("name what to measure", "a bundle, a .onnx file, torch:CHECKPOINT or cmd:COMMAND");
  for (const double p : a.percentiles) {
    if (!(p > 0 && p < 100)) return UsageError(fmt::format("--percentiles: {:g} is not between 0 and 100", p));
  }
  if (a.published.empty() != a.published_to.empty()) {
    return UsageError("--published and --published-to belong together", "--published TABLE.json --published-to DIR");
  }
  if (a.published.empty()) return {};
  std::error_code ignored;
  if (!a.force && fs::exists(a.published_to, ignored)) {
    return UsageError(fmt::format("{} already exists", a.published_to.string()), "give another name, or --force");
  }
  return CheckFolderPlace(a.published_to);
}

// Names and paths need not be UTF-8, and JSON must.
Status Write(const Results& results, const fs::path& path, Existing existing) {
  if (path.empty()) return {};
  return WriteFile(path, JsonString(ToJson(results), 1) + "\n", existing);
}

Status RunBench(const BenchArguments& a, Context& context) {
  VLAQ_RETURN_IF_ERROR(CheckArguments(a));
  std::optional<harness::StoredResults> before;
  if (!a.baseline.empty()) {
    VLAQ_ASSIGN_OR_RETURN(before, harness::ReadResults(a.baseline));
  }
  VLAQ_RETURN_IF_ERROR(a.backend.Check());
  VLAQ_ASSIGN_OR_RETURN(std::vector<bench::BenchSubject> subjects, ReadSubjects(a.subjects, a.backend));
  std::optional<PublishedTable> table;
  if (!a.published.empty()) {
    VLAQ_ASSIGN_OR_RETURN(table, ReadPublishedTable(a.published));
    VLAQ_RETURN_IF_ERROR(CheckPublished(*table, subjects));
  }
  VLAQ_RETURN_IF_ERROR(CheckQuality(a, subjects));
  VLAQ_ASSIGN_OR_RETURN(bench::BenchRequest request, RequestOf(a, subjects, context.command));
  VLAQ_ASSIGN_OR_RETURN(auto bench, bench::Benchmark::Prepare(std::move(request), context.log));
  VLAQ_RETURN_IF_ERROR(bench.Measure(context.log));
  const Results& results = bench.results();
  // Before what may still fail, so that the measurement is not lost.
  VLAQ_RETURN_IF_ERROR(Write(results, a.output, WhenExisting(a.force)));
  Status more = bench.Sweep(context.log);
  if (more.ok()) more = MeasureQuality(a, subjects, bench.results(), context.log);
  const bool grew = !results.sweeps.empty() || !a.episodes.empty();
  if (more.ok() && grew) VLAQ_RETURN_IF_ERROR(Write(results, a.output, Existing::kReplace));
  if (a.json) {
    PrintJson(ToJson(results), context.out);
  } else {
    PrintResults(results, a.verbose, context.out);
  }
  if (!more.ok()) return Within("after the measurement, whose results are there", more.error());
  if (table) {
    VLAQ_RETURN_IF_ERROR(WritePublished(a, *table, subjects, results, a.json ? context.err : context.out));
  }
  if (before) {
    VLAQ_RETURN_IF_ERROR(
        PrintChanges(*before, harness::Stored(results), a.threshold, false, false, a.json ? context.err : context.out));
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
    std::string kind, schedule;
    fs::path path;
    BackendChoice backend;
  };
  auto a = std::make_shared<WorkerArguments>();
  CLI::App* worker = bench.add_subcommand("worker", "Answers the benchmark's questions");
  worker->group("");
  worker->add_option("kind", a->kind)->required();
  worker->add_option("path", a->path);
  worker->add_option("--schedule", a->schedule);
  a->backend.AddTo(*worker);
  return [a, &context]() -> Status {
    static const std::map<std::string, bench::Kind> kinds{
        {"bundle", bench::Kind::kBundle}, {"onnx", bench::Kind::kOnnx}, {"null", bench::Kind::kNull}};
    const auto kind = kinds.find(a->kind);
    if (kind == kinds.end()) return UsageError(fmt::format("'{}' is no kind of worker", a->kind));
    VLAQ_ASSIGN_OR_RETURN(const auto backend, a->backend.Make());
    bench::Serve({kind->second, a->schedule, a->path, backend.get(), a->backend.Options()}, std::cin, context.out);
    return {};
  };
}

void AddOptions(CLI::App& app, BenchArguments& a) {
  app.add_option(
      "subjects", a.subjects,
      fmt::format(
          "What to measure: [NAME=][KIND:]WHAT; KIND: {}, or a schedule of a bundle (SCHEDULE:BUNDLE). Without one: a "
          "bundle by its default schedule, or an .onnx file (the whole window, or its inputs). torch: a checkpoint in "
          "PyTorch; cmd: a program that speaks the protocol of docs/benchmarks.md. Others are compared with the first",
          fmt::join(SubjectKinds(), ", ")));
  OneOf(app.add_option("--protocol", a.protocol,
                       "published: 5 runs to warm up, 20 timed; serving: the next step when one is done, until the "
                       "percentiles can be "
                       "claimed; control: a new frame every period"),
        harness::ProtocolNames())
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
  app.add_option("--rounds", a.rounds, "Least number of turns of each subject, in the protocol serving")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str()
      ->group(how);
  AsTime(app.add_option(
             "--budget", a.budget_s,
             "Time for all subjects together, in the protocol serving; what cannot be claimed by then is INVALID"))
      ->default_str("60s")
      ->group(how);
  app.add_option(
         "--percentiles", a.percentiles,
         "Percentiles to report with 99 % confidence; 99 needs 662 runs; default: 50, and 90 where the runs allow it")
      ->delimiter(',')
      ->type_name("P,P,...")
      ->group(how);
  AsTime(app.add_option("--period", a.period_ms,
                        "Time between frames, in the protocol control, 1ms to 1000s; default: the policy's own"),
         "ms")
      ->check(CLI::Range(1.0, 1e6))
      ->group(how);
  AsTime(app.add_option("--duration", a.duration_s, "How long each subject is measured, in the protocol control"))
      ->default_str("60s")
      ->group(how);
  AsTime(app.add_option("--timeout", a.timeout_s, "How long a subject may take to load, or for one turn"))
      ->default_str("300s")
      ->group(how);
  app.add_option("--seed", a.seed, "Seed of noise frames and of the order of turns")
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
  app.add_option("--extent", a.extents,
                 "Size of a dynamic axis that nothing else says: by its name in the graph, or as INPUT:AXIS, the batch "
                 "axis not counted; default: 1")
      ->type_name("NAME=NUMBER")
      ->group(data);
  app.add_option("--frames-count", a.frames_count, "Distinct frames, or steps of other inputs")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->group(data);
  app.add_option("--episodes", a.episodes, "Recorded episodes, for the MAE of bundles beside their time")
      ->type_name("DIR")
      ->group(data);
  app.add_option("--max-difference", a.max_difference,
                 "Largest difference of any action, as the policy's graph gives it, from the first subject's, and of "
                 "any other output that both have; beyond it INVALID")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(data);
  const std::string more = "What to write";
  app.add_flag("--profile", a.profile, "Also measure where a step spends its time, by operator")->group(more);
  app.add_flag("--roofline", a.roofline,
               "Also show the limit that this machine's peaks set, and how much of it is reached")
      ->group(more);
  app.add_option("-o,--output", a.output, "Write the results, all samples included, to this file")
      ->type_name("FILE")
      ->group(more);
  app.add_option("--baseline", a.baseline, "Compare with results of an earlier run; exit code 5 if slower")
      ->type_name("FILE")
      ->group(more);
  app.add_option("--threshold", a.threshold, "What counts as slower: 0.05 is 5 %")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(more);
  app.add_option(
         "--published", a.published,
         "A published table to make anew (any protocol), as this file says: names of subjects, what each has to "
         "be, and what is written (examples/mobile_vla/published.json)")
      ->type_name("TABLE.json")
      ->group(more);
  app.add_option("--published-to", a.published_to, "Folder for the files of that table")->type_name("DIR")->group(more);
  app.add_flag("-v,--verbose", a.verbose, "Print every finding about each subject, not the worst alone")->group(more);
  AddForceFlag(app, a.force);
  AddJsonFlag(app, a.json);
  a.backend.AddTo(app);
  app.footer(
      "Exit code 6 if a subject is UNSTABLE or INVALID; results are written all the same.\n\n"
      "Examples:\n"
      "  vlaq bench policy policy_int8 -o results.json\n"
      "  vlaq bench torch:model.pth policy int8=policy_int8 --threads 2 --roofline\n"
      "  vlaq bench policy_int8 SCHEDULE:policy_int8 --protocol control --duration 120\n"
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
