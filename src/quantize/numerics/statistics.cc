#include "quantize/numerics/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vlaq::numerics {

double ValueStatistics::absmax() const { return count == 0 ? 0 : std::max(std::fabs(minimum), std::fabs(maximum)); }

double ValueStatistics::rms() const { return count == 0 ? 0 : std::sqrt(sum_of_squares / static_cast<double>(count)); }

const ValueStatistics* ActivationStatistics::Find(std::string_view value) const {
  const auto found = values.find(value);
  return found == values.end() ? nullptr : &found->second;
}

Drift DriftOf(const ActivationStatistics& statistics) {
  Drift result;
  std::vector<double> drifts;
  for (const auto& [name, value] : statistics.values) {
    if (value.histogram.empty()) continue;
    drifts.push_back(value.drift);
    if (value.drift > kToleratedDrift) ++result.beyond;
    if (result.value.empty() || value.drift > result.worst) {
      result.value = name;
      result.worst = value.drift;
    }
  }
  result.values = static_cast<int64_t>(drifts.size());
  if (drifts.empty()) return result;
  const auto middle = drifts.begin() + static_cast<std::ptrdiff_t>(drifts.size() / 2);
  std::nth_element(drifts.begin(), middle, drifts.end());
  result.median = *middle;
  return result;
}

Status CheckBelongsTo(const ActivationStatistics& statistics, const PlanSource& source) {
  const auto refuse = [](const std::string& what) {
    return InputError("", fmt::format("the statistics are of another bundle: {}", what),
                      "run `vlaq calibrate` on this bundle");
  };
  if (statistics.source.weights_sha256 != source.weights_sha256) {
    return refuse(fmt::format("its weights have the SHA-256 {}..., this one's {}...",
                              statistics.source.weights_sha256.substr(0, 12), source.weights_sha256.substr(0, 12)));
  }
  for (const auto& [role, hash] : source.graphs) {
    const auto known = statistics.source.graphs.find(role);
    if (known == statistics.source.graphs.end()) return refuse(fmt::format("it has no graph '{}'", role));
    if (known->second != hash) {
      return refuse(fmt::format("its graph '{}' has the SHA-256 {}..., this one's {}...", role,
                                known->second.substr(0, 12), hash.substr(0, 12)));
    }
  }
  return {};
}

}  // namespace vlaq::numerics
