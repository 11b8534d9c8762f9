#include "bench/harness/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/json_field.h"
#include "base/random.h"

namespace vlaq::harness {
namespace {

// How far a subject is from itself: its even rounds against the odd ones that follow.
double NoiseFloor(const std::vector<double>& medians) {
  std::vector<double> ratios;
  for (size_t i = 0; i + 1 < medians.size(); i += 2) ratios.push_back(medians[i] / medians[i + 1]);
  return ratios.empty() ? 0 : std::fabs(Median(std::move(ratios)) - 1);
}

// Twenty comparisons are soon made, and one in twenty would be wrong by an interval of 95 %.
constexpr double kSureOfVerdict = 0.99;
constexpr double kSureOfChange = 0.95;  // of two runs, where the threshold is wide

std::string Format(const Comparison& c, const Interval& sure, double least_effect) {
  if (c.rounds < FewestForMedian(kSureOfVerdict)) return "cannot tell: too few rounds";
  const double effect = std::fabs(c.ratio - 1);
  const bool shown = !sure.Holds(1) && effect > least_effect && effect > c.noise_floor;
  if (!shown) return "no difference shown";
  return c.ratio > 1 ? "second faster" : "first faster";
}

StoredSubject ReadSubject(const JsonField& numbered) {
  StoredSubject subject;
  numbered.Need("name", subject.name);
  const JsonField field = numbered.Called(fmt::format("subject '{}'", subject.name));
  field["verdict"].NeedName("state", FindState, StateNames(), subject.state);
  const JsonField samples = field["samples"];
  const std::vector<int64_t> rounds = samples["round"].Integers(), wall = samples["wall_ns"].Integers();
  const int64_t n = field["summary"]["n"].Integer();
  field.Read("runs_on", subject.runs_on);
  // Whether two subjects are known to be the same: of one that lacks a hash, nothing is.
  if (const auto files = field.Find("files")) {
    for (const JsonField& file : files->Items()) file.Read("sha256", subject.files.emplace_back());
  }
  if (wall.empty() || wall.size() != rounds.size() || static_cast<int64_t>(wall.size()) != n) {
    field.Fail(fmt::format("has {} times of {} rounds and an n of {}", wall.size(), rounds.size(), n));
  }
  if (!field.status().ok()) return subject;
  Samples taken;
  for (size_t i = 0; i < wall.size(); ++i) {
    if (wall[i] <= 0) field.Fail(fmt::format("has a time of {} ns, which is none", wall[i]));
    taken.Add(static_cast<int>(rounds[i]), 0, 0, wall[i], 0);
  }
  subject.round_medians = taken.RoundMedians();
  return subject;
}

// Ratios of medians of rounds drawn from each run on its own.
Interval RatioInterval(const std::vector<double>& before, const std::vector<double>& after) {
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  if (std::min(before.size(), after.size()) < FewestForMedian(kSureOfChange)) return {-kUnbounded, kUnbounded};
  constexpr int kResamples = 4000;
  Random random(0, 0xC0DE);
  const auto draw = [&random](const std::vector<double>& from) {
    std::vector<double> drawn(from.size());
    for (double& value : drawn) value = from[random.Below(from.size())];
    return Median(std::move(drawn));
  };
  std::vector<double> ratios;
  for (int i = 0; i < kResamples; ++i) ratios.push_back(draw(after) / draw(before));
  std::ranges::sort(ratios);
  return {Quantile(ratios, (1 - kSureOfChange) / 2), Quantile(ratios, (1 + kSureOfChange) / 2)};
}

// What makes two runs no fair comparison; empty if nothing.
std::string Differs(const StoredResults& a, const StoredResults& b) {
  if (a.cpu != b.cpu) return fmt::format("the processors differ: '{}' and '{}'", a.cpu, b.cpu);
  if (a.protocol != b.protocol) return fmt::format("the protocols differ: {} and {}", a.protocol, b.protocol);
  if (a.threads != b.threads) return fmt::format("the threads differ: {} and {}", a.threads, b.threads);
  if (a.batch != b.batch) return fmt::format("the batches differ: {} and {}", a.batch, b.batch);
  if (a.window != b.window) return fmt::format("the windows differ: {} and {}", a.window, b.window);
  if (a.inputs_sha256 != b.inputs_sha256) return "the inputs differ (SHA-256)";
  return "";
}

// Why the first subjects of two runs are not known to be the same; empty if they are.
std::string NoReference(const StoredSubject& a, const StoredSubject& b) {
  if (a.name != b.name) return fmt::format("the first subjects are '{}' and '{}'", a.name, b.name);
  const auto known = [](const StoredSubject& s) {
    return !s.files.empty() && std::ranges::none_of(s.files, [](const auto& hash) { return hash.empty(); });
  };
  if (!known(a) || !known(b)) return fmt::format("no hashes say whether the first subject, '{}', is the same", a.name);
  return a.files == b.files ? "" : fmt::format("the files of the first subject, '{}', differ (SHA-256)", a.name);
}

// Times of a subject over those of the reference in the same round of its own run.
std::vector<double> OverReference(const StoredSubject& subject, const StoredSubject& reference) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(subject.round_medians.size(), reference.round_medians.size()); ++i) {
    ratios.push_back(subject.round_medians[i] / reference.round_medians[i]);
  }
  return ratios;
}

// Names that are in `there` and not in `here`.
std::vector<std::string> Missing(const StoredResults& there, const StoredResults& here) {
  std::vector<std::string> names;
  for (const StoredSubject& subject : there.subjects) {
    if (std::ranges::find(here.subjects, subject.name, &StoredSubject::name) == here.subjects.end()) {
      names.push_back(subject.name);
    }
  }
  return names;
}

// What keeps two runs from being compared, apart from what is allowed.
Status CheckAlike(const StoredResults& before, const StoredResults& after, const CompareOptions& options) {
  const std::string place = fmt::format("{} and {}", before.where, after.where);
  if (const std::string why = Differs(before, after); !why.empty() && !options.allow_different) {
    return InputError(place, why, "measure both alike, or --allow-different");
  }
  const auto gone = Missing(before, after), added = Missing(after, before);
  if (added.size() == after.subjects.size()) {
    return InputError(place, "no subject is in both", "compare runs with the same names");
  }
  if (options.allow_missing) return {};
  for (const auto& [names, where] : {std::pair(&gone, &before.where), std::pair(&added, &after.where)}) {
    if (names->empty()) continue;
    return InputError(place, fmt::format("only {} has '{}'", *where, fmt::join(*names, "', '")),
                      "measure the same subjects, or vlaq compare --allow-missing");
  }
  return {};
}

Change ChangeOf(const StoredSubject& then, const StoredSubject& now, const std::vector<double>& old_times,
                const std::vector<double>& new_times, double threshold) {
  Change change{.name = now.name, .old_state = then.state, .new_state = now.state, .kind = Change::Kind::kTooFew};
  if (old_times.empty() || new_times.empty()) return change;
  change.old_ns = Median(then.round_medians);
  change.new_ns = Median(now.round_medians);
  change.ratio = Median(new_times) / Median(old_times);
  change.interval = RatioInterval(old_times, new_times);
  change.rounds = std::min(old_times.size(), new_times.size());
  if (change.rounds < FewestForMedian(kSureOfChange)) return change;
  change.kind = Change::Kind::kSame;
  if (change.interval.low > 1 + threshold) change.kind = Change::Kind::kSlower;
  if (change.interval.high < 1 / (1 + threshold)) change.kind = Change::Kind::kFaster;
  return change;
}

}  // namespace

Comparison Compare(const SubjectResult& first, const SubjectResult& second) {
  const std::vector<double> a = first.samples.RoundMedians(), b = second.samples.RoundMedians();
  Comparison c{first.name, second.name};
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (b[i] > 0) ratios.push_back(a[i] / b[i]);
  }
  c.rounds = ratios.size();
  c.interval = BootstrapMedian(ratios);
  c.ratio = ratios.empty() ? 1 : Median(ratios);
  c.noise_floor = std::max(NoiseFloor(a), NoiseFloor(b));
  const auto either = [&](State state) { return first.verdict.state() == state || second.verdict.state() == state; };
  const double least = either(State::kUnstable) ? kMinUnstableEffect : kMinEffect;
  c.verdict =
      either(State::kInvalid) ? "not judged: INVALID" : Format(c, BootstrapMedian(ratios, kSureOfVerdict), least);
  return c;
}

StoredResults Stored(const Results& results) {
  StoredResults stored{"this run",
                       results.machine.cpu,
                       std::string(ProtocolName(results.settings.protocol)),
                       results.settings.inputs_sha256,
                       results.made.revision,
                       results.settings.threads,
                       results.settings.batch,
                       results.settings.window,
                       {}};
  for (const SubjectResult& subject : results.subjects) {
    StoredSubject kept{
        subject.name, subject.ready.runs_on, {}, subject.verdict.state(), subject.samples.RoundMedians()};
    for (const FileOf& file : subject.files) kept.files.push_back(file.sha256);
    stored.subjects.push_back(std::move(kept));
  }
  return stored;
}

Result<StoredResults> ReadResults(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  constexpr const char* kAdvice = "take the file as vlaq bench wrote it";
  const JsonField root(json, path.string(), kAdvice);
  StoredResults stored;
  stored.where = path.string();
  root.HasSchema(kResultsSchema, kAdvice);
  root["machine"].Need("cpu", stored.cpu);
  const JsonField settings = root["settings"];
  settings.Need("protocol", stored.protocol);
  settings.Need("threads", stored.threads);
  settings.Need("batch", stored.batch);
  settings.Need("window", stored.window);
  settings["inputs"].Need("sha256", stored.inputs_sha256);
  if (const auto made = root.Find("made")) made->Read("revision", stored.revision);
  for (const JsonField& subject : root["subjects"].Items()) stored.subjects.push_back(ReadSubject(subject));
  if (stored.subjects.empty()) root.FailAt("subjects", "must be a list that is not empty");
  VLAQ_RETURN_IF_ERROR(root.status());
  return stored;
}

Result<Changes> CompareRuns(const StoredResults& before, const StoredResults& after, const CompareOptions& options) {
  VLAQ_RETURN_IF_ERROR(CheckAlike(before, after, options));
  const StoredSubject& old_first = before.subjects.front();
  const StoredSubject& new_first = after.subjects.front();
  Changes changes;
  changes.unpaired = NoReference(old_first, new_first);
  if (changes.unpaired.empty()) changes.reference = new_first.name;
  for (const StoredSubject& now : after.subjects) {
    const auto then = std::ranges::find(before.subjects, now.name, &StoredSubject::name);
    if (then == before.subjects.end()) continue;
    const bool invalid = then->state == State::kInvalid || now.state == State::kInvalid;
    if (invalid && !options.allow_different && !options.allow_invalid) {
      return InputError(
          fmt::format("{} and {}", before.where, after.where),
          fmt::format("'{}' is INVALID in {}", now.name, then->state == State::kInvalid ? before.where : after.where),
          "measure again, or --allow-invalid to see the ratios all the same");
    }
    const bool paired = !changes.reference.empty() && now.name != changes.reference;
    const auto times = [&](const StoredSubject& of, const StoredSubject& first) {
      return paired ? OverReference(of, first) : of.round_medians;
    };
    Change change = ChangeOf(*then, now, times(*then, old_first), times(now, new_first), options.threshold);
    change.paired = paired;
    const bool same_program =
        !before.revision.empty() && before.revision == after.revision && then->runs_on == now.runs_on;
    if (now.name == changes.reference && same_program) change.kind = Change::Kind::kReference;
    if (invalid) change.kind = Change::Kind::kInvalid;
    changes.list.push_back(std::move(change));
  }
  return changes;
}

}  // namespace vlaq::harness
