// Two subjects against each other: of one run, round by round, or of two runs.
//
// In scope: ratios with intervals, and what may be said of them. Not aware of: how times came about. Pure and seeded.
#pragma once

#include <filesystem>

#include "base/status.h"
#include "bench/harness/results.h"

namespace vlaq::harness {

// A smaller effect is not reported, however sure it is: it makes no practical difference.
inline constexpr double kMinEffect = 0.01;
// And smaller than this where one of the two is UNSTABLE: as much as its rounds vary.
inline constexpr double kMinUnstableEffect = 0.05;

// Two subjects of one run: the ratio within each round, its median with a bootstrap interval of 95 %. One is called
// faster only if the interval of 99 % leaves out 1 and the effect exceeds kMin(Unstable)Effect and the noise floor: the
// same figure of each subject against itself, its even rounds against the odd ones beside them (the larger of both).
// Too few rounds for an interval of 99 %, or a subject that is INVALID: not judged, and the verdict says so.
Comparison Compare(const SubjectResult& first, const SubjectResult& second);

// What `compare` needs of a stored document.
struct StoredSubject {
  std::string name, runs_on;
  std::vector<std::string> files;  // SHA-256 of each, in order; none of a program whose files are not known
  State state = State::kValid;
  std::vector<double> round_medians;
};
struct StoredResults {
  std::string where, cpu, protocol, inputs_sha256, revision;
  int64_t threads = 1, batch = 1, window = 0;
  std::vector<StoredSubject> subjects;
};
// Errors: kInput naming the file and the member: not a document of this schema, or samples whose vectors or summary do
// not fit each other.
Result<StoredResults> ReadResults(const std::filesystem::path& path);
StoredResults Stored(const Results& results);

struct Change {
  std::string name;
  double old_ns = 0, new_ns = 0;  // medians of the rounds
  State old_state = State::kValid, new_state = State::kValid;
  double ratio = 1;        // new / old: above 1 is slower
  Interval interval = {};  // 95 %; infinite with too few rounds
  bool paired = false;     // the ratio is that of ratios to the reference
  size_t rounds = 0;       // of the run that has fewer
  enum class Kind { kSame, kSlower, kFaster, kTooFew, kReference, kInvalid } kind = Kind::kSame;
};
struct Changes {
  std::string reference;  // that the others are held against; empty: none, see `unpaired`
  std::string unpaired;   // why there is none
  std::vector<Change> list;
};
struct CompareOptions {
  double threshold = 0.05;
  bool allow_different = false;  // machine, settings, inputs; INVALID subjects
  bool allow_invalid = false;    // INVALID subjects
  bool allow_missing = false;    // subjects that only one of the runs has
};
// Subjects of the same name. If the first of both runs is the same (name and SHA-256 of its files), it is the
// reference: each other subject's times are divided by the reference's of the same round before the runs are held
// against each other, so that a machine that became slower slows both. The reference itself is judged by its own times,
// unless the same revision of vlaq and the same back end ran it: then only the machine can have changed, and it is not
// judged. Without a reference the times are taken as they are. Slower or faster: the whole interval beyond the
// threshold; INVALID subjects, where allowed, have their ratio and are not judged. Errors: kInput saying what differs
// (machine, settings, inputs), is not VALID or is missing, unless that is allowed; if no name is in both.
Result<Changes> CompareRuns(const StoredResults& before, const StoredResults& after, const CompareOptions& options);

}  // namespace vlaq::harness
