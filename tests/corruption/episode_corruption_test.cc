// Damages real episode files in hundreds of seeded ways and reads them whole. Each variant is read by a child process,
// because libhdf5 itself is not safe against hostile files: whatever it does to the child, the test says so. Without
// src/data/global_heap.cc, which reads in the library's place, one variant in 250 ended the child by a signal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/testing.h"
#include "data/episode.h"
#include "data/feature_writer.h"
#include "mutation.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using data::Episode;

constexpr int kVariants = 300;                    // of each file
constexpr const char* kFeatures = "features.h5";  // is written, and no file of testdata
constexpr unsigned kMaxSeconds = 20;              // for one

// What the child says: "" if the file still reads.
std::string ErrorOf(const fs::path& path) {
  const auto opened = Episode::Open(path);
  if (!opened.ok()) return opened.error().ToString();
  const auto hash = (*opened)->ContentHash();  // reads every frame
  if (!hash.ok()) return hash.error().ToString();
  const auto& wrong = (*opened)->timing().wrong;
  return wrong ? wrong->ToString() : "";
}

struct Outcome {
  std::string error;
  int signal = 0;
};

Outcome ReadInAChild(const fs::path& path) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return {"no pipe", -1};
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kMaxSeconds);  // SIGALRM ends the child
    const std::string error = ErrorOf(path);
    const ssize_t written = ::write(pipe[1], error.data(), error.size());
    ::_exit(written == static_cast<ssize_t>(error.size()) ? 0 : 1);
  }
  ::close(pipe[1]);
  Outcome outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
    outcome.error.append(buffer.data(), static_cast<size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) == 0 ? 0 : -1;
  return outcome;
}

class EpisodeCorruptionTest : public ::testing::TestWithParam<const char*> {};

// An episode of two cameras, a state, an action and time stamps in our own layout.
bool WriteFeatures(const fs::path& path) {
  data::FeatureWriterOptions options;
  for (const char* camera : {"top", "wrist"}) {
    options.streams.push_back(
        {.name = std::string("observation.images.") + camera, .dtype = DType::kU8, .shape = {12, 16, 3}});
  }
  options.streams.push_back({.name = "observation.state", .shape = {2}, .names = {"a", "b"}, .units = {"rad", "rad"}});
  options.streams.push_back({.name = "action", .shape = {2}, .names = {"a", "b"}, .units = {"rad", "rad"}});
  options.task = "pick the cube";
  options.rate_hz = 50;
  options.timestamps = true;
  auto writer = data::FeatureWriter::Create(path, options, Existing::kRefuse);
  if (!writer.ok()) return false;
  for (int t = 0; t < 5; ++t) {
    data::Observation step;
    for (const data::Stream& stream : options.streams) {
      Tensor value = Tensor::Make(stream.dtype, stream.shape);
      Random random(7, static_cast<uint64_t>(t));
      if (stream.is_image()) {
        for (uint8_t& byte : value.mutable_data<uint8_t>()) byte = static_cast<uint8_t>(random.Below(256));
      } else {
        for (float& number : value.mutable_data<float>()) number = static_cast<float>(t);
      }
      step.emplace(stream.name, std::move(value));
    }
    if (!writer->Append(step, t / 50.0).ok()) return false;
  }
  return writer->Commit().ok();
}

TEST_P(EpisodeCorruptionTest, OnlyCleanErrors) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "damaged.h5";
  fs::path good = fs::path(VLAQ_TESTDATA) / "episode" / "good" / GetParam();
  if (GetParam() == kFeatures) {
    good = folder.path() / kFeatures;
    ASSERT_TRUE(WriteFeatures(good));
  }
  std::ostringstream content;
  content << std::ifstream(good, std::ios::binary).rdbuf();
  const std::string original = content.str();
  // The superblock and object headers stand at the start.
  const std::vector<HotRange> hot{{0, original.size()}, {0, original.size()}, {0, 2200}};
  std::set<std::string> messages;
  int failed = 0;
  for (uint64_t i = 0; i < kVariants; ++i) {
    Random random(2026, i);
    const std::string mutated = Mutate(original, hot, random);
    std::ofstream(path, std::ios::binary).write(mutated.data(), static_cast<std::streamsize>(mutated.size()));
    const Outcome outcome = ReadInAChild(path);
    EXPECT_EQ(outcome.signal, 0);
    if (!outcome.error.empty()) {
      ++failed;
      EXPECT_TRUE(outcome.error.starts_with(path.string() + ": ")) << outcome.error;
      messages.insert(outcome.error);
    }
    if (HasFailure()) {
      fs::copy_file(path, fs::temp_directory_path() / "vlaq_corruption_episode.h5",
                    fs::copy_options::overwrite_existing);
      FAIL() << "variant " << i << " is kept in the folder for temporary files";
    }
  }
  // The damage must matter, or this test would show nothing.
  EXPECT_GE(failed, kVariants / 4);
  EXPECT_GE(messages.size(), 30U);
}

INSTANTIATE_TEST_SUITE_P(RealFiles, EpisodeCorruptionTest,
                         ::testing::Values("recorder.h5", "chunks_across.h5", "newest_format.h5", "contiguous.h5",
                                           kFeatures));

// The end is missing, as after a full disk or an interrupted copy.
TEST(EpisodeCorruptionTest, EveryTruncation) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "cut.h5";
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "episode" / "good" / "recorder.h5", path);
  for (uintmax_t size = fs::file_size(path); size > 0; size -= std::min<uintmax_t>(size, 61)) {
    fs::resize_file(path, size - 1);
    const Outcome outcome = ReadInAChild(path);
    ASSERT_EQ(outcome.signal, 0) << size - 1;
    ASSERT_THAT(outcome.error, ::testing::StartsWith(path.string() + ": ")) << size - 1;
  }
}

}  // namespace
}  // namespace vlaq
