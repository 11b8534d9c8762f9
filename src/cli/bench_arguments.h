// What `vlaq bench` was asked, and the parts of it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/bench_subject.h"
#include "bench/harness/comparison.h"
#include "bench/harness/results.h"
#include "cli/command.h"

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
  std::filesystem::path episodes, output, baseline, published, published_to;
  double threshold = 0.05;
  bool profile = false, roofline = false, force = false, json = false, verbose = false;
  BackendChoice backend;
};

// Subjects as the command line names them, [NAME=][KIND:]WHAT or [NAME=]SCHEDULE:BUNDLE, with how each is started. One
// without a name gets the last part of its path. Errors: kUsage for an unknown kind or schedule, or two of one name;
// kInput if a bundle cannot be opened.
Result<std::vector<bench::BenchSubject>> ReadSubjects(const std::vector<std::string>& texts,
                                                      const BackendChoice& backend);
std::vector<std::string> SubjectKinds();
// The kind, or the schedule's name that stood in its place.
std::string KindText(const bench::BenchSubject& subject);
// Starts a worker that does nothing.
decltype(bench::BenchSubject::start) NullStarter(const BackendChoice& backend);

// Whether MeasureQuality() has what it needs. Errors: kInput naming the episode; kUsage if no subject is a bundle.
Status CheckQuality(const BenchArguments& a, const std::vector<bench::BenchSubject>& subjects);
// MAE over recorded episodes, of bundles. Errors: kInput, kBackend.
Status MeasureQuality(const BenchArguments& a, const std::vector<bench::BenchSubject>& subjects,
                      harness::Results& results, Log& log);

// The table, and a line a subject with the worst that was found; all of it if `verbose`.
void PrintResults(const harness::Results& results, bool verbose, std::ostream& out);

// ---- a table that was published, made anew (bench_published.cc) ----

// A row of the table: the name by which a subject has to go for it, and what it has to be for its text to be true.
struct PublishedColumn {
  std::string name, title, meaning;
  std::string kind;          // of the subject: "torch", "bundle", or the schedule of one
  std::string precision;     // that it has to compute in
  std::string example;       // "torch:CHECKPOINT"
  std::string same_weights;  // the column whose bundle's weights it has to have; or empty
};
// What --published says: names and texts of one policy's table, as data.
struct PublishedTable {
  std::string where;                        // its file
  std::string folder, results, graph_file;  // what is written
  std::string graph_of;                     // the column whose single graph is published
  std::string reference;                    // the column that ratios are to
  std::string provider;                     // execution provider that it is the table of
  std::vector<PublishedColumn> columns;
  std::string meaning;  // JSON text, for the end of the results
};
// "vlaq.published_table/1" (docs/benchmarks.md). Errors: kInput naming the key.
Result<PublishedTable> ReadPublishedTable(const std::filesystem::path& path);
// Whether the subjects are what their columns say. Errors: kUsage naming the subject that is missing or another.
Status CheckPublished(const PublishedTable& table, const std::vector<bench::BenchSubject>& subjects);
// Only what CheckPublished() takes may be written. Errors: kInput; kBackend for a worker that ran something else.
Status WritePublished(const BenchArguments& a, const PublishedTable& table,
                      const std::vector<bench::BenchSubject>& subjects, const harness::Results& results,
                      std::ostream& out);

// `compare`'s table and verdict: kVerification if one got slower. Also of bench --baseline.
Status PrintChanges(const harness::StoredResults& before, const harness::StoredResults& after, double threshold,
                    bool allow_different, bool json, std::ostream& out);

}  // namespace vlaq::cli
