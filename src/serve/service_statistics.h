// What a service counted since it began, and as the text that Prometheus reads. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace vlaq::serve {

// How often something took how long.
struct LatencyHistogram {
  static constexpr std::array<double, 12> kBoundsMs{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
  std::array<uint64_t, kBoundsMs.size() + 1> counts{};  // up to each bound and above the one before; the last: longer
  double sum_ms = 0;
  uint64_t count = 0;

  void Add(double ms);
};

struct ServiceStatistics {
  uint64_t done = 0;           // requests that got actions
  uint64_t refused = 0;        // that were wrong
  uint64_t failed = 0;         // at which the policy failed
  uint64_t replaced = 0;       // by a newer one of the same client
  uint64_t stopped = 0;        // that came while the service was stopped
  uint64_t misses = 0;         // inferences longer than the control period
  uint64_t episodes = 0;       // begun
  LatencyHistogram inference;  // of the policy alone
  LatencyHistogram total;      // from the request to its answer, waiting included
  size_t clients = 0, sessions = 0;
  bool is_stopped = false;
};

// The text exposition format 0.0.4: names begin with vlaq_, times are seconds.
std::string PrometheusText(const ServiceStatistics& statistics);

}  // namespace vlaq::serve
