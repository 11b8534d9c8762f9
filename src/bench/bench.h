// A benchmark as a call: subjects in turns on the same inputs, their figures, verdicts and limits. What `vlaq bench`
// does but for options and printing. In scope: what has to hold before anything is measured, the run, sweeps. Not aware
// of: how words name subjects, files of results, recorded episodes. One benchmark of a process at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/scratch_folder.h"
#include "base/status.h"
#include "bench/bench_inputs.h"
#include "bench/bench_subject.h"
#include "bench/harness/results.h"

namespace vlaq::bench {

struct BenchRequest {
  std::vector<BenchSubject> subjects;  // the first is what the others are compared with
  // Protocol, budget, percentiles and the like; what the inputs say (window, unit, ...) is filled in.
  harness::Settings settings;
  std::optional<int64_t> period_ns;  // of control; absent: of the first bundle's policy
  // Values to repeat the run with, one at a time; fewer than two: none.
  std::vector<int64_t> sweep_threads, sweep_batches;
  BenchInputsRequest inputs;
  std::filesystem::path engines;  // see DescribeSubject
  double timeout_s = 300;         // for loading a subject, or one turn of it
  bool profile = false, roofline = false;
  // What asking costs is measured with this; null: StartNull.
  decltype(BenchSubject::start) start_null;
  harness::Made made;
};

class Benchmark {
 public:
  // All that can fail is looked at before anything is measured. Errors: kUsage for no subjects, two of one name, or a
  // batch of one that keeps what it made; kInput for files and memory.
  static Result<Benchmark> Prepare(BenchRequest request, Log& log);

  // The main run. Errors: kBackend naming the subject.
  Status Measure(Log& log);
  // Sweeps, which leave the results of Measure() as they are if they fail.
  Status Sweep(Log& log);

  const harness::Results& results() const { return results_; }
  harness::Results& results() { return results_; }

 private:
  Benchmark() = default;
  Status MeasureInto(harness::Results& results, Log& log);
  Status SweepOver(const std::string& axis, const std::vector<int64_t>& values, Log& log);

  BenchRequest request_;
  std::vector<harness::SubjectResult> described_;
  std::optional<ScratchFolder> scratch_;  // holds the inputs as long as somebody may be asked about them
  BenchInputs inputs_;
  harness::Results results_;
};

// All of it. Errors: as Benchmark.
Result<harness::Results> Bench(BenchRequest request, Log& log);

}  // namespace vlaq::bench
