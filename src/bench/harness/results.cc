#include "bench/harness/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/names.h"

namespace vlaq::harness {
namespace {

constexpr std::array kProtocols = {
    Named{Protocol::kPublished, "published"},
    Named{Protocol::kServing, "serving"},
    Named{Protocol::kControl, "control"},
};
constexpr std::array kStates = {
    Named{State::kValid, "VALID"},
    Named{State::kUnstable, "UNSTABLE"},
    Named{State::kInvalid, "INVALID"},
};

// A policy that is too slow looks at few frames. What counts is how many got no action in time: those that it never
// looked at, too.
Deadlines DeadlinesOf(const Samples& samples, int64_t period) {
  const auto steps = static_cast<int64_t>(samples.size());
  Deadlines d{.period_ns = period, .of = std::max(samples.frames_due, steps)};
  d.dropped = d.of - steps;
  d.missed = d.dropped;
  std::vector<double> late;
  for (size_t i = 0; i < samples.size(); ++i) {
    d.missed += samples.wall_ns[i] > period ? 1 : 0;
    d.latest_ns = std::max(d.latest_ns, samples.wall_ns[i]);
    if (i < samples.late_ns.size()) late.push_back(static_cast<double>(samples.late_ns[i]));
  }
  std::ranges::sort(late);
  if (!late.empty()) d.jitter_ns = static_cast<int64_t>(NearestRank(late, 0.99));
  return d;
}

}  // namespace

std::string_view ProtocolName(Protocol protocol) { return NameIn(kProtocols, protocol); }
std::optional<Protocol> FindProtocol(std::string_view name) { return FindIn(kProtocols, name); }
std::vector<std::string> ProtocolNames() { return NamesIn(kProtocols); }
std::string_view StateName(State state) { return NameIn(kStates, state); }
std::optional<State> FindState(std::string_view name) { return FindIn(kStates, name); }
std::vector<std::string> StateNames() { return NamesIn(kStates); }

void Samples::Add(int in_round, int of_input, int64_t start, int64_t wall, int64_t cpu) {
  round.push_back(in_round);
  input.push_back(of_input);
  start_ns.push_back(start);
  wall_ns.push_back(wall);
  cpu_ns.push_back(cpu);
}

std::vector<double> Samples::RoundMedians() const {
  std::vector<double> medians, own;
  for (size_t i = 0; i < size(); ++i) {
    own.push_back(static_cast<double>(wall_ns[i]));
    if (i + 1 < size() && round[i + 1] == round[i]) continue;
    medians.push_back(Median(std::move(own)));
    own.clear();
  }
  return medians;
}

Summary Summarize(const Samples& samples, const Settings& settings) {
  Summary summary;
  summary.n = samples.size();
  if (summary.n == 0) return summary;
  std::vector<double> sorted = samples.Wall();
  const Spread spread = SpreadOf(sorted);
  std::ranges::sort(sorted);
  summary.min_ns = sorted.front();
  summary.median_ns = Quantile(sorted, 0.5);
  summary.mean_ns = spread.mean;
  summary.stddev_ns = spread.deviation;
  summary.variation = SpreadOf(samples.RoundMedians()).variation();
  for (const double p : settings.percentiles) {
    Percentile percentile{p, NearestRank(sorted, p), SafePercentile(sorted, p, settings.confidence), ""};
    if (!percentile.safe_ns) percentile.reason = fmt::format("needs {} runs", FewestFor(p, settings.confidence));
    summary.percentiles.push_back(std::move(percentile));
  }
  const bool paced = settings.protocol == Protocol::kControl && samples.span_ns > 0;
  const double span = paced ? static_cast<double>(samples.span_ns) : spread.mean * static_cast<double>(summary.n);
  if (span > 0)
    summary.throughput_per_s = 1e9 * static_cast<double>(settings.batch) * static_cast<double>(summary.n) / span;
  double cpu = 0;
  for (const int64_t ns : samples.cpu_ns) cpu += static_cast<double>(ns);
  summary.cpu_ns_per_run = cpu / static_cast<double>(summary.n);
  if (settings.protocol == Protocol::kControl) summary.deadlines = DeadlinesOf(samples, settings.period_ns);
  return summary;
}

double Peaks::MacsPerSecond(std::string_view arithmetic) const {
  const Rate& own = arithmetic == "int8" ? int8 : arithmetic == "bfloat16" ? bf16 : fp32;
  return own.macs_per_s > 0 ? own.macs_per_s : fp32.macs_per_s;
}

State Verdict::state() const {
  State worst = State::kValid;
  for (const Finding& finding : findings) worst = std::max(worst, finding.state);
  return worst;
}

bool Results::valid() const {
  return std::ranges::all_of(subjects, [](const auto& subject) { return subject.verdict.state() == State::kValid; });
}

}  // namespace vlaq::harness
