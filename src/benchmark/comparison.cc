#include "benchmark/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

std::string Words(const Comparison& c, const Interval& sure) {
  const double effect = std::fabs(c.ratio - 1);
  const bool shown = !sure.Holds(1) && effect > kLeastEffect && effect > c.noise_floor;
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
  for (size_t i = 0; i < wall.size(); ++i) {
    if (wall[i] <= 0) return Damaged(where, fmt::format("a time of {} ns is none", wall[i]));
    taken.Add(static_cast<int>(rounds[i]), 0, 0, wall[i], 0);
  }
  subject.round_medians = taken.RoundMedians();
  return subject;
}

// Ratios of medians of rounds drawn from each run on its own.
Interval RatioInterval(const std::vector<double>& before, const std::vector<double>& after) {
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
  return {Quantile(ratios, 0.025), Quantile(ratios, 0.975)};
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
  c.verdict = Words(c, BootstrapMedian(ratios, kSureOfVerdict));
  return c;
}

StoredResults Stored(const Results& results) {
  StoredResults stored{"this run",
                       results.machine.cpu,
                       std::string(ProtocolName(results.settings.protocol)),
                       results.settings.inputs_sha256,
                       results.settings.threads,
                       results.settings.batch,
                       results.settings.window,
                       {}};
  for (const SubjectResult& subject : results.subjects) {
    stored.subjects.push_back({subject.name, subject.verdict.state(), subject.samples.RoundMedians()});
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

Result<std::vector<Change>> CompareRuns(const StoredResults& before, const StoredResults& after, double threshold,
                                        bool allow_different) {
  const std::string place = fmt::format("{} and {}", before.where, after.where);
  if (const std::string why = Differs(before, after); !why.empty() && !allow_different) {
    return InputError(place, why, "measure both alike, or --allow-different");
  }
  std::vector<Change> changes;
  for (const StoredSubject& now : after.subjects) {
    const auto then = std::ranges::find(before.subjects, now.name, &StoredSubject::name);
    if (then == before.subjects.end()) continue;
    if ((then->state == State::kInvalid || now.state == State::kInvalid) && !allow_different) {
      return InputError(
          place,
          fmt::format("'{}' is INVALID in {}", now.name, then->state == State::kInvalid ? before.where : after.where),
          "measure again, or --allow-different");
    }
    Change change{now.name, Median(then->round_medians), Median(now.round_medians)};
    change.ratio = change.new_ns / change.old_ns;
    change.interval = RatioInterval(then->round_medians, now.round_medians);
    if (change.interval.low > 1 + threshold) change.kind = Change::Kind::kSlower;
    if (change.interval.high < 1 / (1 + threshold)) change.kind = Change::Kind::kFaster;
    changes.push_back(std::move(change));
  }
  if (changes.empty()) return InputError(place, "no subject is in both", "compare runs with the same names");
  return changes;
}

}  // namespace vlaq::benchmark
