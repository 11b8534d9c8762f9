// Two subjects against each other: of one run, round by round, or of two runs.
//
// In scope: ratios with intervals, and what may be said of them. Not aware of: how times came about. Pure and seeded.
#pragma once

#include <filesystem>

#include "base/status.h"
#include "benchmark/results.h"

namespace vlaq::benchmark {

// Effects smaller than this are nobody's business, however sure.
inline constexpr double kLeastEffect = 0.01;

// Of one run: the ratio within each round, its median with a bootstrap interval of 95 %. One is called faster only if
// the interval of 99 % leaves out 1 and the effect exceeds kLeastEffect and the noise floor: the same figure of each
// subject against itself, its even rounds against the odd ones beside them (the larger of both).
Comparison Compare(const SubjectResult& first, const SubjectResult& second);

// What `compare` needs of a stored document.
struct StoredSubject {
  std::string name;
  State state = State::kValid;
  std::vector<double> round_medians;
};
struct StoredResults {
  std::string where, cpu, protocol, inputs_sha256;
  int64_t threads = 1, batch = 1, window = 0;
  std::vector<StoredSubject> subjects;
};
// Errors: kInput naming the file and the member: not a document of this schema, or samples whose vectors or summary do
// not fit each other.
Result<StoredResults> ReadResults(const std::filesystem::path& path);
StoredResults Stored(const Results& results);

struct Change {
  std::string name;
  double old_ns = 0, new_ns = 0;
  double ratio = 1;        // new / old: above 1 is slower
  Interval interval = {};  // 95 %
  enum class Kind { kSame, kSlower, kFaster } kind = Kind::kSame;
};
// Subjects of the same name. Not paired in time, so each run's rounds are drawn on their own. Slower or faster: the
// whole interval beyond `threshold` (0.05: 5 %). Errors: kInput saying what differs (machine, settings, inputs) or is
// not VALID, unless `allow_different`; if no name is in both.
Result<std::vector<Change>> CompareRuns(const StoredResults& before, const StoredResults& after, double threshold,
                                        bool allow_different);

}  // namespace vlaq::benchmark
