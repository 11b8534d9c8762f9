// Several threads, each with its own files: HDF5 allows one at a time inside, unpacking runs beside.
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "base/testing.h"
#include "data/episode.h"
#include "data/testing.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;

TEST(Threads, ReadAndWriteDifferentEpisodes) {
  const TemporaryFolder folder;
  constexpr size_t kThreads = 4;
  std::array<std::string, kThreads> hashes;
  const auto work = [&](size_t i) {
    for (int round = 0; round < 5; ++round) {
      const fs::path own = folder.path() / ("e" + std::to_string(i) + ".h5");
      if (!WriteTestEpisode(own, {.speed = static_cast<float>(i)})) return;
      const auto mine = Episode::Open(own);
      const auto shared = Episode::Open(fs::path(VLAQ_TESTDATA) / "episode" / "good" / "chunks_across.h5");
      if (!mine.ok() || !shared.ok() || Episode::Open(folder.path()).ok()) return;
      hashes[i] = *(*shared)->ContentHash() + *(*mine)->ContentHash();
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < kThreads; ++i) {
    ASSERT_EQ(hashes[i].size(), 128U);
    EXPECT_EQ(hashes[i].substr(0, 64), hashes[0].substr(0, 64));
    for (size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]);
  }
}

}  // namespace
}  // namespace vlaq::data
