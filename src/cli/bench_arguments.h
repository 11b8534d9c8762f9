// What `vlaq bench` was asked, and the parts of it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmark/comparison.h"
#include "benchmark/results.h"
#include "benchmark/worker.h"
#include "bundle/bundle.h"
#include "cli/verb.h"

namespace vlaq::cli {

struct BenchArguments {
  std::vector<std::string> subjects;
  std::string protocol = "serving";
  std::vector<int> threads;         // several: a sweep
  std::vector<int64_t> batches{1};  // several: a sweep
  std::vector<double> percentiles;  // none: 50, and 90 where the runs allow it
  double budget_s = 60, duration_s = 60, period_ms = 0, timeout_s = 300;
  int rounds = 12, frames_count = 24;
  uint64_t seed = 1;
  double max_difference = 0.1;
  bool difference_given = false;
  std::vector<std::string> frames, extents;
  std::string inputs;  // FILE.safetensors[:PREFIX]
  std::filesystem::path episodes, output, against_last, published;
  double threshold = 0.05;
  bool profile = false, roofline = false, force = false, json = false, verbose = false;
  BackendChoice backend;
};

// One subject as the command line names it: [NAME=][KIND:]WHAT.
struct SubjectSpec {
  std::string text, name;
  std::string kind;  // a row of the table in bench_subjects.cc
  std::string what;  // a bundle, a file, a command
  std::optional<bundle::Bundle> bundle;
  bool streaming = false;
};

// A subject without a name gets the last part of its path. Errors: kUsage for an unknown kind; kInput if a bundle
// cannot be opened; kUsage for two of one name.
Result<std::vector<SubjectSpec>> ReadSubjects(const std::vector<std::string>& texts);
std::vector<std::string> SubjectKinds();

// The shell command that starts its worker. Errors: kBackend if PyTorch's environment is not there; kUsage if a
// checkpoint is given without a bundle that says which policy it is.
Result<std::string> WorkerCommand(const SubjectSpec& subject, const std::vector<SubjectSpec>& all,
                                  const BackendChoice& backend);

// The schedule of its bundle that it runs; empty: the default one.
std::string_view ScheduleOf(const SubjectSpec& subject);

// What all of them observe: recorded, given, or seeded noise. Also says what it is. Errors: kInput, kUsage.
struct BenchInputs {
  std::filesystem::path file;
  std::string what, sha256;
  std::string open;  // extents that nothing says, and that are 1 therefore, in words; or empty
  std::string span = "model: pixel values in memory to actions";  // what is timed
  std::string unit{benchmark::kNormalizedAction};                 // of actions
  int count = 0;
  int64_t window = 8;
};
Result<BenchInputs> MakeBenchInputs(const BenchArguments& a, const std::vector<SubjectSpec>& subjects,
                                    const std::filesystem::path& folder);

// Files of a subject with their hashes, and what it takes on disk. Errors: kInput.
Status DescribeFiles(const SubjectSpec& subject, const std::filesystem::path& engines,
                     benchmark::SubjectResult& result);

// Whether MeasureQuality() has what it needs. Errors: kInput naming the episode; kUsage if no subject is a bundle.
Status CheckQuality(const BenchArguments& a, const std::vector<SubjectSpec>& subjects);
// MAE over recorded episodes, of bundles. Errors: kInput, kBackend.
Status MeasureQuality(const BenchArguments& a, const std::vector<SubjectSpec>& subjects, benchmark::Results& results,
                      Log& log);

// The table, and a line a subject with the worst that was found; all of it if `verbose`.
void PrintResults(const benchmark::Results& results, bool verbose, std::ostream& out);

// The files of the published table. Errors of the check: kUsage naming the subject that is missing; of writing: kInput.
// Only what CheckPublished() takes may be written.
Status CheckPublished(const std::vector<SubjectSpec>& subjects);
Status WritePublished(const BenchArguments& a, const std::vector<SubjectSpec>& subjects,
                      const benchmark::Results& results, std::ostream& out);

// `compare`'s table and verdict: kVerification if one got slower. Also of bench --against-last.
Status TellChanges(const benchmark::StoredResults& before, const benchmark::StoredResults& after, double threshold,
                   bool allow_different, bool json, std::ostream& out);

}  // namespace vlaq::cli
