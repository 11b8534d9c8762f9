#include "data/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <limits>

#include "base/testing.h"
#include "data/hdf5_file.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

WriterOptions Small() {
  WriterOptions options;
  options.name = "episode_0";
  options.instruction = "pass the box on the left";
  options.width = 6;
  options.height = 4;
  return options;
}

image::Image Frame(int width, int height, uint8_t first) {
  image::Image frame;
  frame.Reset(width, height);
  for (size_t i = 0; i < frame.rgb.size(); ++i) frame.rgb[i] = static_cast<uint8_t>(first + i);
  return frame;
}

size_t CountEntries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

TEST(EpisodeWriter, FileAppearsAtCommitOnly) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  auto writer = EpisodeWriter::Create(path, Small(), Existing::kRefuse);
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  ASSERT_TRUE(writer->Append(Frame(6, 4, 1), {1, 0, 0}, Event::kEpisodeStart).ok());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_TRUE(fs::exists(path));
  EXPECT_EQ(CountEntries(folder.path()), 1U);
}

TEST(EpisodeWriter, LeavesNothingWhenDropped) {
  TemporaryFolder folder;
  {
    auto writer = EpisodeWriter::Create(folder.path() / "e.h5", Small(), Existing::kRefuse);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->Append(Frame(6, 4, 1), {1, 0, 0}, Event::kEpisodeStart).ok());
    EpisodeWriter moved = std::move(*writer);
    ASSERT_TRUE(moved.Append(Frame(6, 4, 2), {1, 0, 0}, Event::kStartAction).ok());
  }
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

// The dataset as it lies in the file, read back by the library alone.
template <typename T>
std::vector<T> ReadAll(const fs::path& path, const char* name, hid_t type, std::vector<hsize_t>& dims) {
  const Hdf5Guard guard;
  const Hdf5File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const Hdf5Dataset dataset(H5Dopen2(file.get(), name, H5P_DEFAULT));
  const Hdf5Space space(H5Dget_space(dataset.get()));
  dims.resize(static_cast<size_t>(H5Sget_simple_extent_ndims(space.get())));
  H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  std::vector<T> values(static_cast<size_t>(H5Sget_simple_extent_npoints(space.get())));
  EXPECT_GE(H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  return values;
}

TEST(EpisodeWriter, RowsAndExtraColumnsLieInTheirDatasets) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  WriterOptions options = Small();
  options.extra = {{"simulation/state", {"x", "y"}}, {"simulation/labels", {"distance"}}};
  auto writer = EpisodeWriter::Create(path, options, Existing::kRefuse);
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  constexpr int kSteps = 70;  // more than a chunk of actions
  for (int t = 0; t < kSteps; ++t) {
    const auto f = static_cast<float>(t);
    const std::vector<std::vector<float>> extra{{f, -f}, {f / 2}};
    ASSERT_TRUE(writer->Append(Frame(6, 4, static_cast<uint8_t>(t)), {f, 1, 2}, Event::kStartAction, extra).ok());
  }
  ASSERT_TRUE(writer->Commit().ok());

  std::vector<hsize_t> dims;
  const auto images = ReadAll<uint8_t>(path, "images", H5T_NATIVE_UINT8, dims);
  EXPECT_THAT(dims, ElementsAre(kSteps, 4U, 6U, 3U));
  const auto actions = ReadAll<float>(path, "actions", H5T_NATIVE_FLOAT, dims);
  EXPECT_THAT(dims, ElementsAre(kSteps, 3U));
  const auto state = ReadAll<float>(path, "simulation/state", H5T_NATIVE_FLOAT, dims);
  EXPECT_THAT(dims, ElementsAre(kSteps, 2U));
  const auto labels = ReadAll<float>(path, "simulation/labels", H5T_NATIVE_FLOAT, dims);
  EXPECT_THAT(dims, ElementsAre(kSteps, 1U));
  for (size_t t = 0; t < kSteps; ++t) {
    const auto f = static_cast<float>(t);
    EXPECT_EQ(images[t * 72], static_cast<uint8_t>(t));
    EXPECT_EQ(images[t * 72 + 71], static_cast<uint8_t>(t + 71));
    EXPECT_EQ(actions[t * 3], f);
    EXPECT_EQ(actions[t * 3 + 2], 2.0F);
    EXPECT_EQ(state[t * 2 + 1], -f);
    EXPECT_EQ(labels[t], f / 2);
  }
}

TEST(EpisodeWriter, RefusesWhatCannotBeRecorded) {
  TemporaryFolder folder;
  const auto refusal = [&](auto&& change) {
    WriterOptions options = Small();
    change(options);
    const auto writer = EpisodeWriter::Create(folder.path() / "e.h5", options, Existing::kRefuse);
    if (writer.ok()) return std::string("accepted");
    EXPECT_EQ(writer.error().code, ErrorCode::kUsage);
    return writer.error().ToString();
  };
  EXPECT_THAT(refusal([](WriterOptions& o) { o.width = 0; }), HasSubstr("0 x 4 pixels"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.instruction = std::string(256, 'a'); }), HasSubstr("at most 255"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.instruction = std::string("a\0b", 3); }), HasSubstr("zero byte"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.compression = 10; }), HasSubstr("0 to 9"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.control_period_s = 0; }), HasSubstr("above 0 s"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.control_period_s = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("above 0 s"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.chunk = 0; }), HasSubstr("at least 1"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.extra = {{"state", {"x"}}}; }), HasSubstr("in a group"));
  EXPECT_THAT(refusal([](WriterOptions& o) { o.extra = {{"a/state", {}}}; }), HasSubstr("no columns"));
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

TEST(EpisodeWriter, RefusesRowsOfAnotherSize) {
  TemporaryFolder folder;
  WriterOptions options = Small();
  options.extra = {{"simulation/state", {"x", "y"}}};
  auto writer = EpisodeWriter::Create(folder.path() / "e.h5", options, Existing::kRefuse);
  ASSERT_TRUE(writer.ok());
  const std::vector<std::vector<float>> right{{1, 2}};
  const std::vector<std::vector<float>> narrow{{1}};
  EXPECT_THAT(writer->Append(Frame(4, 6, 0), {}, Event::kStartAction, right).error().what, HasSubstr("4 x 6"));
  EXPECT_THAT(writer->Append(Frame(6, 4, 0), {}, Event::kStartAction).error().what, HasSubstr("0 extra rows"));
  EXPECT_THAT(writer->Append(Frame(6, 4, 0), {}, Event::kStartAction, narrow).error().what,
              HasSubstr("'simulation/state', which takes 2"));
  EXPECT_THAT(writer->Commit().error().what, HasSubstr("at least one step"));
  EXPECT_TRUE(writer->Append(Frame(6, 4, 0), {}, Event::kStartAction, right).ok());
}

TEST(EpisodeWriter, ExistingFilesAndMissingFolders) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  std::ofstream(path) << "mine";
  EXPECT_EQ(EpisodeWriter::Create(path, Small(), Existing::kRefuse).error().code, ErrorCode::kUsage);
  auto writer = EpisodeWriter::Create(path, Small(), Existing::kReplace);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->Append(Frame(6, 4, 1), {1, 0, 0}, Event::kEpisodeStart).ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_GT(fs::file_size(path), 1000U);
  const auto lost = EpisodeWriter::Create(path / "e.h5", Small(), Existing::kRefuse);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, ErrorCode::kInput);
}

// The disk is full after `bytes`: an error, then a clean end of the program, the library's own clean-up included.
[[noreturn]] void RecordOnAFullDisk(const fs::path& path, rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  WriterOptions options = Small();
  options.width = 320;
  options.height = 240;
  options.compression = 0;
  bool failed = false;
  {
    auto writer = EpisodeWriter::Create(path, options, Existing::kRefuse);
    for (int t = 0; t < 5 && writer.ok() && !failed; ++t) {
      failed = !writer->Append(Frame(320, 240, 1), {}, Event::kStartAction).ok();
    }
    failed = failed || !writer.ok() || !writer->Commit().ok();
  }
  std::exit(failed && fs::is_empty(path.parent_path()) ? 0 : 1);
}

TEST(EpisodeWriterDeathTest, DiskFullIsAnErrorAndLeavesNothing) {
  TemporaryFolder folder;
  for (const rlim_t bytes : {0U, 1000U, 4000U, 100000U, 500000U, 1100000U}) {
    EXPECT_EXIT(RecordOnAFullDisk(folder.path() / "e.h5", bytes), ::testing::ExitedWithCode(0), "") << bytes;
  }
}

}  // namespace
}  // namespace vlaq::data
