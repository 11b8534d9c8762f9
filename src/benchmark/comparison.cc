#include "benchmark/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/random.h"

namespace vlaq::benchmark {
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

std::string Words(const Comparison& c, const Interval& sure, double least_effect) {
  if (c.rounds < FewestForMedian(kSureOfVerdict)) return "cannot tell: too few rounds";
  const double effect = std::fabs(c.ratio - 1);
  const bool shown = !sure.Holds(1) && effect > least_effect && effect > c.noise_floor;
  if (!shown) return "no difference shown";
  return c.ratio > 1 ? "second faster" : "first faster";
}

Error Damaged(const std::string& where, const std::string& what) {
  return InputError(where, what, "take the file as vlaq bench wrote it");
}

Result<std::vector<int64_t>> Integers(const JsonReader& reader, std::string_view key) {
  VLAQ_ASSIGN_OR_RETURN(auto values, reader.Integers(key));
  if (!values) return Damaged(reader.where(), fmt::format("\"{}\" is missing", key));
  return std::move(*values);
}

Result<const Json*> Object(const Json& json, std::string_view key, const std::string& where) {
  const auto found = json.find(std::string(key));
  if (found == json.end() || !found->is_object()) return Damaged(where, fmt::format("\"{}\" must be an object", key));
  return &*found;
}

Result<std::string> Text(const Json& json, std::string_view key, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(auto text, JsonReader(json, where).String(key));
  if (!text) return Damaged(where, fmt::format("\"{}\" is missing", key));
  return std::move(*text);
}

Result<int64_t> Integer(const Json& json, std::string_view key, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const auto value, JsonReader(json, where).Integer(key));
  if (!value) return Damaged(where, fmt::format("\"{}\" is missing", key));
  return *value;
}

// What a document may leave out: it only decides whether two subjects are known to be the same.
std::string TextOr(const Json& json, const std::string& key) {
  if (!json.is_object()) return "";
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<State> ReadState(const Json& subject, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json* verdict, Object(subject, "verdict", where));
  VLAQ_ASSIGN_OR_RETURN(const std::string name, Text(*verdict, "state", where));
  for (const State state : {State::kValid, State::kUnstable, State::kInvalid}) {
    if (StateName(state) == name) return state;
  }
  return Damaged(where, fmt::format("\"state\" is '{}', which is no verdict", name));
}

Result<StoredSubject> ReadSubject(const Json& json, const std::string& file) {
  if (!json.is_object()) return Damaged(file, "a subject is no object");
  StoredSubject subject;
  VLAQ_ASSIGN_OR_RETURN(subject.name, Text(json, "name", file));
  const std::string where = fmt::format("{}: subject '{}'", file, subject.name);
  VLAQ_ASSIGN_OR_RETURN(subject.state, ReadState(json, where));
  VLAQ_ASSIGN_OR_RETURN(const Json* samples, Object(json, "samples", where));
  VLAQ_ASSIGN_OR_RETURN(const Json* summary, Object(json, "summary", where));
  const JsonReader reader(*samples, where + ": samples");
  VLAQ_ASSIGN_OR_RETURN(const auto rounds, Integers(reader, "round"));
  VLAQ_ASSIGN_OR_RETURN(const auto wall, Integers(reader, "wall_ns"));
  VLAQ_ASSIGN_OR_RETURN(const int64_t n, Integer(*summary, "n", where));
  if (wall.empty() || wall.size() != rounds.size() || static_cast<int64_t>(wall.size()) != n) {
    return Damaged(where, fmt::format("has {} times of {} rounds and an n of {}", wall.size(), rounds.size(), n));
  }
  Samples taken;
  subject.runs_on = TextOr(json, "runs_on");
  if (const auto files = json.find("files"); files != json.end() && files->is_array()) {
    for (const Json& described : *files) subject.files.push_back(TextOr(described, "sha256"));
  }
  for (size_t i = 0; i < wall.size(); ++i) {
    if (wall[i] <= 0) return Damaged(where, fmt::format("a time of {} ns is none", wall[i]));
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
  const double least = either(State::kUnstable) ? kLeastUnstableEffect : kLeastEffect;
  c.verdict =
      either(State::kInvalid) ? "not judged: INVALID" : Words(c, BootstrapMedian(ratios, kSureOfVerdict), least);
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
  StoredResults stored;
  stored.where = path.string();
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  if (!json.is_object()) return Damaged(stored.where, "is no JSON object");
  VLAQ_ASSIGN_OR_RETURN(const std::string schema, Text(json, "schema", stored.where));
  if (schema != kResultsSchema) {
    return Damaged(stored.where, fmt::format("\"schema\" is '{}' instead of {}", schema, kResultsSchema));
  }
  VLAQ_ASSIGN_OR_RETURN(const Json* machine, Object(json, "machine", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.cpu, Text(*machine, "cpu", stored.where));
  VLAQ_ASSIGN_OR_RETURN(const Json* settings, Object(json, "settings", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.protocol, Text(*settings, "protocol", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.threads, Integer(*settings, "threads", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.batch, Integer(*settings, "batch", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.window, Integer(*settings, "window", stored.where));
  VLAQ_ASSIGN_OR_RETURN(const Json* inputs, Object(*settings, "inputs", stored.where));
  VLAQ_ASSIGN_OR_RETURN(stored.inputs_sha256, Text(*inputs, "sha256", stored.where));
  if (const auto made = json.find("made"); made != json.end()) stored.revision = TextOr(*made, "revision");
  const auto subjects = json.find("subjects");
  if (subjects == json.end() || !subjects->is_array() || subjects->empty()) {
    return Damaged(stored.where, "\"subjects\" must be a list that is not empty");
  }
  for (const Json& subject : *subjects) {
    VLAQ_ASSIGN_OR_RETURN(StoredSubject read, ReadSubject(subject, stored.where));
    stored.subjects.push_back(std::move(read));
  }
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

}  // namespace vlaq::benchmark
