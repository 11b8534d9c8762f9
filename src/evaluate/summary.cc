#include "evaluate/summary.h"

#include <fmt/format.h>

namespace vlaq::evaluate {
namespace {

void Count(bool happened, Rate& rate) {
  rate.count += happened ? 1 : 0;
  ++rate.of;
}

}  // namespace

Summary Summarize(const std::vector<Outcome>& outcomes) {
  Summary summary;
  double steps = 0;
  double length = 0;
  for (const Outcome& outcome : outcomes) {
    Count(outcome.succeeded, summary.success);
    Count(outcome.reached, summary.reached);
    Count(outcome.collided, summary.collided);
    Count(outcome.timed_out, summary.timed_out);
    Count(outcome.first_passed == outcome.told, summary.told_side);
    Count(outcome.first_passed == sim::Opposite(outcome.told), summary.other_side);
    Count(outcome.succeeded, summary.by_layout[outcome.layout]);
    if (!outcome.succeeded) continue;
    steps += outcome.steps;
    length += outcome.path_length;
  }
  if (summary.success.count > 0) {
    summary.mean_steps = steps / static_cast<double>(summary.success.count);
    summary.mean_path_length = length / static_cast<double>(summary.success.count);
  }
  return summary;
}

Result<PairedCounts> CompareSuccess(const std::vector<Outcome>& a, const std::vector<Outcome>& b) {
  if (a.size() != b.size()) {
    return UsageError(fmt::format("{} episodes against {}: they cannot be paired", a.size(), b.size()));
  }
  PairedCounts counts;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].seed != b[i].seed) {
      return UsageError(fmt::format("seed {} stands against seed {}: they cannot be paired", a[i].seed, b[i].seed));
    }
    counts.both += a[i].succeeded && b[i].succeeded ? 1 : 0;
    counts.only_first += a[i].succeeded && !b[i].succeeded ? 1 : 0;
    counts.only_second += !a[i].succeeded && b[i].succeeded ? 1 : 0;
    counts.neither += !a[i].succeeded && !b[i].succeeded ? 1 : 0;
  }
  return counts;
}

}  // namespace vlaq::evaluate
