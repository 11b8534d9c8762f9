#include "data/timing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/names.h"
#include "base/statistics.h"

namespace vlaq::data {
namespace {

constexpr std::array<Named<TimeSource>, 3> kTimeSources{{{TimeSource::kTimeStamps, "time stamps"},
                                                         {TimeSource::kStatedRate, "the stated rate"},
                                                         {TimeSource::kUnknown, "nothing"}}};

struct TimeUnit {
  std::string_view name;
  double seconds;
  std::array<std::string_view, 3> words;  // other spellings
};
constexpr std::array<TimeUnit, 4> kTimeUnits{{{"s", 1, {"seconds", "second", "sec"}},
                                              {"ms", 1e-3, {"milliseconds", "millisecond", "msec"}},
                                              {"us", 1e-6, {"microseconds", "microsecond", "\u00b5s"}},
                                              {"ns", 1e-9, {"nanoseconds", "nanosecond", "nsec"}}}};

constexpr double kGap = 1.5;                // medians
constexpr double kRounding = 1e-9;          // of an interval: the difference of two times
constexpr double kMinRate = 1.0 / 3600;     // a step an hour
constexpr double kMaxRate = 1e5;            // steps a second
constexpr double kCoarseInFloat32 = 16384;  // s; beyond it float32 has no milliseconds

constexpr std::string_view kTimesAdvice =
    "correct the time stamps, or take the dataset out: a stated rate then tells when steps were";

const TimeUnit* FindUnit(std::string_view word) {
  const auto* const found = std::find_if(kTimeUnits.begin(), kTimeUnits.end(), [&](const TimeUnit& unit) {
    return unit.name == word || std::find(unit.words.begin(), unit.words.end(), word) != unit.words.end();
  });
  return found == kTimeUnits.end() ? nullptr : found;
}

double Elapsed(double from, double to) { return to - from; }
// Exact where doubles are not: nanoseconds since 1970 take 61 bits.
double Elapsed(int64_t from, int64_t to) {
  const auto difference = [](int64_t low, int64_t high) {
    return static_cast<double>(static_cast<uint64_t>(high) - static_cast<uint64_t>(low));
  };
  return to >= from ? difference(from, to) : -difference(to, from);
}

Error NotAfter(const StoredTimes& stored, size_t step, double before, double now) {
  const bool coarse =
      stored.is_float32 && now == before && std::abs(std::get<0>(stored.values)[step]) > kCoarseInFloat32;
  return InputError(
      "", fmt::format("step {} is {:.9g} s after the first, not after step {} ({:.9g} s)", step, now, step - 1, before),
      coarse ? "float32 has too few digits for times of day: write float64, or seconds since the first step"
             : std::string(kTimesAdvice));
}

// Which unit time stamps that were read as `read` really have, if their steps are `period_s` apart.
const TimeUnit* LikelierUnit(std::string_view read, double median_s, double period_s, double tolerance) {
  const TimeUnit* taken = FindUnit(read);
  for (const TimeUnit& unit : kTimeUnits) {
    const double median = median_s / taken->seconds * unit.seconds;
    if (&unit != taken && std::abs(median / period_s - 1) <= tolerance) return &unit;
  }
  return nullptr;
}

std::optional<Error> WrongRate(const RecordedTimes& times, double median_s, const std::string& place,
                               const std::optional<StatedRate>& stated) {
  const std::string found = fmt::format("steps are {:.4g} s apart (median, read in {})", median_s, times.unit);
  if (stated && std::abs(median_s * stated->hz - 1) > stated->tolerance) {
    const TimeUnit* unit = LikelierUnit(times.unit, median_s, 1 / stated->hz, stated->tolerance);
    return InputError(place, fmt::format("{}, but {} says {:.4g} a second", found, stated->place, stated->hz),
                      unit == nullptr
                          ? fmt::format("correct whichever is wrong: {} or the time stamps", stated->place)
                          : fmt::format("they look like {}: say so in the dataset's attribute 'units'", unit->name));
  }
  if (const double rate = 1 / median_s; !(rate >= kMinRate && rate <= kMaxRate)) {
    return InputError(place, found + ", as no robot's are",
                      "say their unit (s, ms, us or ns) in the dataset's attribute 'units'");
  }
  return std::nullopt;
}

std::vector<double> SortedIntervals(const std::vector<double>& seconds) {
  std::vector<double> intervals;
  for (size_t t = 1; t < seconds.size(); ++t) intervals.push_back(seconds[t] - seconds[t - 1]);
  std::sort(intervals.begin(), intervals.end());
  return intervals;
}

}  // namespace

std::string_view Name(TimeSource source) { return NameIn(kTimeSources, source); }

Result<RecordedTimes> SecondsOf(const StoredTimes& stored) {
  const std::string_view assumed = stored.values.index() == 0 ? "s" : "ns";
  const TimeUnit* unit = FindUnit(stored.unit.empty() ? assumed : std::string_view(stored.unit));
  if (unit == nullptr) {
    return InputError("", fmt::format("is in '{}', no known unit of time", stored.unit),
                      fmt::format("units are {}", fmt::join(vlaq::NamesIn(kTimeUnits), ", ")));
  }
  RecordedTimes times{{}, unit->name};
  const auto convert = [&](const auto& values) -> Status {
    times.seconds.reserve(values.size());
    for (size_t t = 0; t < values.size(); ++t) {
      const double now = Elapsed(values[0], values[t]) * unit->seconds;
      if (!std::isfinite(now)) {
        return InputError("", fmt::format("step {} holds {}", t, values[t]), std::string(kTimesAdvice));
      }
      if (t > 0 && now <= times.seconds.back()) return NotAfter(stored, t, times.seconds.back(), now);
      times.seconds.push_back(now);
    }
    return {};
  };
  VLAQ_RETURN_IF_ERROR(std::visit(convert, stored.values));
  return times;
}

std::optional<double> Timing::SecondsAt(int64_t t) const {
  switch (source) {
    case TimeSource::kTimeStamps:
      return seconds[static_cast<size_t>(t)];
    case TimeSource::kStatedRate:
      return static_cast<double>(t) / *stated_hz;
    case TimeSource::kUnknown:
      break;
  }
  return std::nullopt;
}

std::optional<double> Timing::RateHz() const {
  if (stated_hz) return stated_hz;
  const auto intervals = wrong ? std::nullopt : IntervalsOf(*this);
  return intervals ? std::optional(1 / intervals->median) : std::nullopt;
}

Timing MakeTiming(Result<std::optional<RecordedTimes>> recorded, const std::string& place,
                  const std::optional<StatedRate>& stated) {
  Timing timing;
  if (stated) {
    timing.source = TimeSource::kStatedRate;
    timing.stated_hz = stated->hz;
  }
  if (!recorded.ok()) {
    timing.wrong = recorded.error();
    return timing;
  }
  if (!*recorded) return timing;
  RecordedTimes& times = **recorded;
  timing.source = TimeSource::kTimeStamps;
  if (times.seconds.size() > 1) {
    timing.wrong = WrongRate(times, Median(SortedIntervals(times.seconds)), place, stated);
  }
  timing.seconds = std::move(times.seconds);
  return timing;
}

std::optional<Intervals> IntervalsOf(const Timing& timing) {
  if (timing.seconds.size() < 2) return std::nullopt;
  const std::vector<double> sorted = SortedIntervals(timing.seconds);
  Intervals intervals{.median = Quantile(sorted, 0.5), .p99 = NearestRank(sorted, 0.99), .longest = sorted.back()};
  for (size_t t = 1; t < timing.seconds.size(); ++t) {
    const double interval = timing.seconds[t] - timing.seconds[t - 1];
    if (interval > kGap * intervals.median) ++intervals.gaps;
    const bool longest = interval > intervals.longest * (1 - kRounding);
    if (longest && intervals.longest_step == 0) intervals.longest_step = static_cast<int64_t>(t);
  }
  return intervals;
}

}  // namespace vlaq::data
