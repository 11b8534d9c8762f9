#include "bench/peaks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

namespace vlaq::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kTrialRounds = 20'000;
constexpr int kTries = 8;
constexpr double kTrySeconds = 0.02;
constexpr size_t kReadBytes = size_t{256} << 20U;  // beyond the last cache of any CPU that drives a robot

// Where results go, so that the work cannot be left out.
thread_local volatile double g_sink;

using Words = std::vector<uint64_t>;

// The sum of all words. kStreams neighboring pages are read side by side, line by line: each is a stream to the
// prefetcher, and one alone does not keep a core's requests busy (12 GB/s against 18 to 20 on Sapphire Rapids).
template <size_t kStreams>
uint64_t ReadAll(const Words& words) {
  constexpr size_t kPage = 4096 / sizeof(uint64_t), kLine = 64 / sizeof(uint64_t);
  std::array<uint64_t, kLine> sums{};
  size_t at = 0;
  for (; at + kStreams * kPage <= words.size(); at += kStreams * kPage) {
    for (size_t line = at; line < at + kPage; line += kLine) {
      for (size_t stream = 0; stream < kStreams; ++stream) {
        const uint64_t* from = words.data() + line + stream * kPage;
        for (size_t j = 0; j < kLine; ++j) sums[j] += from[j];
      }
    }
  }
  return std::accumulate(words.begin() + static_cast<std::ptrdiff_t>(at), words.end(),
                         std::accumulate(sums.begin(), sums.end(), uint64_t{0}));
}

struct Reader {
  int streams;
  uint64_t (*read)(const Words&);
};
constexpr std::array kReaders{Reader{1, ReadAll<1>}, Reader{2, ReadAll<2>}, Reader{4, ReadAll<4>},
                              Reader{8, ReadAll<8>}};

// Seconds in which all threads do `work` once, the best of a few tries.
double BestSeconds(int threads, const std::function<void(int)>& work) {
  double best = 1e30;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto begin = Clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
    work(0);
    for (std::thread& thread : others) thread.join();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

void MeasureReading(int threads, MachinePeaks& peaks) {
  std::vector<Words> parts(static_cast<size_t>(threads));
  for (Words& part : parts) part.assign(kReadBytes / sizeof(uint64_t) / parts.size(), 1);
  double bytes = 0;
  for (const Words& part : parts) bytes += static_cast<double>(part.size() * sizeof(uint64_t));
  for (const Reader& reader : kReaders) {
    const double seconds =
        BestSeconds(threads, [&](int t) { g_sink = static_cast<double>(reader.read(parts[static_cast<size_t>(t)])); });
    if (bytes / seconds <= peaks.bytes_per_s) continue;
    peaks.bytes_per_s = bytes / seconds;
    peaks.streams = reader.streams;
  }
}

}  // namespace

double MacsPerSecond(const PeakKernel& kernel, int threads) {
  // A short run first to see how fast it is.
  const double trial = BestSeconds(1, [&](int) { g_sink = kernel.run(kTrialRounds); });
  const auto rounds = static_cast<int64_t>(std::clamp(kTrySeconds / trial, 1.0, 1e3) * kTrialRounds);
  const double seconds = BestSeconds(threads, [&](int) { g_sink = kernel.run(rounds); });
  return kernel.macs_per_round * static_cast<double>(rounds) * threads / seconds;
}

MachinePeaks MeasurePeaks(int threads) {
  MachinePeaks peaks;
  for (const PeakKernel& kernel : PeakKernels()) {
    MachinePeaks::Rate& best = kernel.arithmetic == "int8"       ? peaks.int8
                               : kernel.arithmetic == "bfloat16" ? peaks.bf16
                                                                 : peaks.fp32;
    const double rate = MacsPerSecond(kernel, threads);
    if (rate > best.macs_per_s) best = {rate, std::string(kernel.name)};
  }
  MeasureReading(threads, peaks);
  return peaks;
}

}  // namespace vlaq::bench
