#include "quantize/calibrate/sample_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/text.h"

namespace vlaq::calibrate {
namespace {

template <typename T>
void Shuffle(std::vector<T>& items, Random& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.Below(i)]);
}

// How many frames each episode gives: rounds over them in `order`, one frame a round, until `count` are given out.
std::vector<int64_t> Quotas(std::span<const int64_t> lengths, int64_t count, const std::vector<size_t>& order) {
  std::vector<int64_t> quotas(lengths.size());
  while (count > 0) {
    for (const size_t episode : order) {
      if (count == 0 || quotas[episode] == lengths[episode]) continue;
      ++quotas[episode];
      --count;
    }
  }
  return quotas;
}

}  // namespace

int64_t WindowsFor(int64_t samples) { return std::max(std::min<int64_t>(samples, 32), samples / 8); }

Result<std::vector<Sample>> SampleFrames(std::span<const int64_t> lengths, int64_t count, uint64_t seed) {
  const int64_t frames = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  if (count < kMinSamples) {
    return InputError("", fmt::format("{} cannot show a range", Counted(count, "sample")),
                      fmt::format("take {} or more", kSensibleSamples));
  }
  if (count > frames) {
    return InputError("", fmt::format("{} samples were asked for, but there are {} frames", count, frames),
                      "give more episodes, or fewer --samples");
  }
  Random random(seed, 0xCA11B);
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Shuffle(order, random);
  const std::vector<int64_t> quotas = Quotas(lengths, count, order);
  std::vector<Sample> samples;
  for (size_t episode = 0; episode < lengths.size(); ++episode) {
    for (int64_t phase = 0; phase < quotas[episode]; ++phase) {
      const int64_t begin = phase * lengths[episode] / quotas[episode];
      const int64_t end = (phase + 1) * lengths[episode] / quotas[episode];
      samples.push_back({episode, begin + static_cast<int64_t>(random.Below(static_cast<uint64_t>(end - begin)))});
    }
  }
  std::vector<size_t> ranks(samples.size());
  std::iota(ranks.begin(), ranks.end(), size_t{0});
  Shuffle(ranks, random);
  const auto windows = static_cast<size_t>(WindowsFor(count));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].half = static_cast<int>(ranks[i] % 2);
    samples[i].window = ranks[i] < windows;
  }
  return samples;
}

}  // namespace vlaq::calibrate
