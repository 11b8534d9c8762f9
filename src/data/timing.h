// When the steps of an episode were: by recorded time stamps, else by the rate that its file states. In scope: units of
// time (their one place), what is wrong with time stamps, what the intervals between steps are. Pure. Not aware of:
// files (hdf5_times.h), sets of episodes (timing_statistics.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace vlaq::data {

enum class TimeSource {
  kTimeStamps,  // recorded, step by step
  kStatedRate,  // derived: step t is t periods after the first
  kUnknown,
};
// "time stamps", "the stated rate", "nothing".
std::string_view Name(TimeSource source);

// Time stamps as they lie in a file.
struct StoredTimes {
  std::variant<std::vector<double>, std::vector<int64_t>> values;
  // "s", "ms", "us", "ns" or a longer word for them; empty: seconds if `values` are floats, nanoseconds if integers.
  std::string unit;
  bool is_float32 = false;  // the doubles were float32 in the file
};

struct RecordedTimes {
  std::vector<double> seconds;  // since the first step
  std::string_view unit;        // "ns": of the file, stated or assumed
};

// Errors: kInput naming the step that is not finite or not after the one before it, or the unit that is not known.
Result<RecordedTimes> SecondsOf(const StoredTimes& stored);

// What a file says of its rate.
struct StatedRate {
  double hz = 0;
  std::string_view place;   // "attribute 'fps'"
  double tolerance = 0.10;  // how far from it the time stamps may be, as a fraction
};

struct Timing {
  TimeSource source = TimeSource::kUnknown;
  std::vector<double> seconds = {};      // of kTimeStamps: since the first step, ascending
  std::optional<double> stated_hz = {};  // steps a second
  // What is wrong with the recorded time stamps, with its place in the file. Those that do not ascend are not used.
  std::optional<Error> wrong = {};

  // Seconds between the first step and step `t` (0 <= t < length); nullopt if nothing tells.
  std::optional<double> SecondsAt(int64_t t) const;
  // Steps a second: as stated, else by the median interval of time stamps with which nothing is wrong.
  std::optional<double> RateHz() const;
};

// `recorded`: an error if the file has time stamps that cannot be used, nullopt if it has none. Time stamps that are
// sound but far from the stated rate, or from any a robot has, stay in use and are `wrong`; `place` names them there.
Timing MakeTiming(Result<std::optional<RecordedTimes>> recorded, const std::string& place,
                  const std::optional<StatedRate>& stated);

// Intervals between time stamps, in seconds.
struct Intervals {
  double median = 0;
  double p99 = 0;  // 99 % are no longer
  double longest = 0;
  int64_t longest_step = 0;  // which ends it; of several as long, the first
  int64_t gaps = 0;          // longer than 1.5 medians: at least one step is missing
};
// nullopt without time stamps, and of one step.
std::optional<Intervals> IntervalsOf(const Timing& timing);

}  // namespace vlaq::data
