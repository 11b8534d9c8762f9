#include "cost/claims.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::cost {

uint64_t SmallestBytes(int64_t parameters, const StorageFormat& format) {
  const auto numbers = static_cast<uint64_t>(parameters);
  const auto bits = static_cast<uint64_t>(format.bits);
  return numbers / 8 * bits + (numbers % 8 * bits + 7) / 8;
}

SizeVerdict JudgeSize(const ModelCost& cost, uint64_t bytes) {
  SizeVerdict verdict;
  verdict.claimed = bytes;
  if (cost.parameters == 0) {
    verdict.possible = true;
    verdict.share.assign(kFormats.size(), 1);
    return verdict;
  }
  verdict.bits_per_parameter = 8 * static_cast<double>(bytes) / static_cast<double>(cost.parameters);
  for (const StorageFormat& format : kFormats) {
    const double needed = static_cast<double>(SmallestBytes(cost.parameters, format));
    verdict.share.push_back(std::min(1.0, static_cast<double>(bytes) / needed));
    verdict.possible |= SmallestBytes(cost.parameters, format) <= bytes;
  }
  return verdict;
}

Result<RateVerdict> JudgeRate(const ModelCost& cost, double per_second, const Device& device, const PowerMode& mode) {
  const Scenario& scenario = cost.scenarios.front();
  RateVerdict verdict;
  verdict.claimed = per_second;
  verdict.scenario = scenario.id;
  verdict.mode = mode.name;
  for (const PrecisionRow& precision : kPrecisions) {
    const std::optional<Limit> limit = LimitOf(cost, scenario, device, mode, precision);
    if (!limit) continue;
    RateNeed need;
    need.limit = *limit;
    need.macs_per_s = static_cast<double>(cost.MacsOf(scenario)) * per_second;
    need.bytes_per_s = WeightsRead(cost, scenario, device, precision) * per_second;
    need.times_peak = need.macs_per_s / *(mode.macs_per_s.*precision.peak);
    if (const auto bandwidth = device.BytesPerSecond(mode)) need.times_bandwidth = need.bytes_per_s / *bandwidth;
    verdict.possible |= limit->per_second() >= per_second;
    verdict.needs.push_back(need);
  }
  if (!verdict.needs.empty()) return verdict;
  return InputError(device.name, fmt::format("no peak is known in mode {}", mode.name),
                    "describe the device with its peaks in a .json file");
}

}  // namespace vlaq::cost
