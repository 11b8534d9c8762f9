#include "serve/service_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace vlaq::serve {
namespace {

constexpr double kMsPerS = 1000;

void AppendHead(std::string_view name, std::string_view type, std::string_view help, std::string& text) {
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

template <typename Number>
void AppendOne(std::string_view name, std::string_view type, std::string_view help, Number value, std::string& text) {
  AppendHead(name, type, help, text);
  text += fmt::format("{} {}\n", name, value);
}

void AppendHistogram(std::string_view name, std::string_view help, const LatencyHistogram& histogram,
                     std::string& text) {
  AppendHead(name, "histogram", help, text);
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.kBoundsMs.size(); ++i) {
    below += histogram.counts[i];
    text += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, histogram.kBoundsMs[i] / kMsPerS, below);
  }
  text += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, histogram.count,
                      histogram.sum_ms / kMsPerS);
}

}  // namespace

void LatencyHistogram::Add(double ms) {
  const auto* bound = std::lower_bound(kBoundsMs.begin(), kBoundsMs.end(), ms);
  ++counts[static_cast<size_t>(std::distance(kBoundsMs.begin(), bound))];
  sum_ms += ms;
  ++count;
}

std::string PrometheusText(const ServiceStatistics& statistics) {
  std::string text;
  AppendHead("vlaq_requests_total", "counter", "Requests for actions, by what became of them.", text);
  for (const auto& [outcome, count] :
       {std::pair{"done", statistics.done}, std::pair{"refused", statistics.refused},
        std::pair{"failed", statistics.failed}, std::pair{"replaced", statistics.replaced},
        std::pair{"stopped", statistics.stopped}}) {
    text += fmt::format("vlaq_requests_total{{outcome=\"{}\"}} {}\n", outcome, count);
  }
  AppendHistogram("vlaq_inference_seconds", "Time of the policy for one request.", statistics.inference, text);
  AppendHistogram("vlaq_request_seconds", "Time from a request to its answer.", statistics.total, text);
  AppendOne("vlaq_deadline_misses_total", "counter", "Inferences longer than the control period.", statistics.misses,
            text);
  AppendOne("vlaq_episodes_total", "counter", "Episodes begun.", statistics.episodes, text);
  AppendOne("vlaq_clients", "gauge", "Clients that have a session.", statistics.clients, text);
  AppendOne("vlaq_sessions", "gauge", "Sessions that clients can have.", statistics.sessions, text);
  AppendOne("vlaq_stopped", "gauge", "1 while the emergency stop is on.", statistics.is_stopped ? 1 : 0, text);
  return text;
}

}  // namespace vlaq::serve
