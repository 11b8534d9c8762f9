#include "data/episode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/random.h"
#include "base/testing.h"
#include "data/recorder.h"
#include "data/writer.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

// The files that testdata/episode/make_fixtures.py wrote; its rule for pixels and commands again.
const fs::path kFolder = fs::path(VLAQ_TESTDATA) / "episode";
constexpr int kFixtureSteps = 5;
constexpr int kHeight = 6;
constexpr int kWidth = 8;

uint8_t Pixel(int t, int y, int x, int c) { return static_cast<uint8_t>(37 * t + 11 * y + 5 * x + 3 * c); }

void ExpectFrames(const Episode& episode, bool swapped = false) {
  for (const int t : {0, 1, 2, 3, 4, 1}) {  // and back again
    const auto frame = episode.ReadFrame(t);
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    size_t at = 0;
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(frame->rgb[at++], Pixel(t, y, x, swapped ? 2 - c : c)) << t << y << x << c;
      }
    }
  }
}

std::vector<float> ActionAt(const Episode& episode, int64_t t) {
  const auto action = episode.Read(kAction, t);
  if (!action.ok()) return {};
  const auto values = action->data<float>();
  return {values.begin(), values.end()};
}

std::string Refusal(const fs::path& path) {
  const auto episode = Episode::Open(path);
  if (episode.ok()) return "accepted";
  EXPECT_EQ(episode.error().code, ErrorCode::kInput);
  std::string text = episode.error().ToString();
  EXPECT_THAT(text, HasSubstr(path.string()));
  return text;
}

class GoodEpisode : public ::testing::TestWithParam<const char*> {};

// h5py wrote these: in chunks that cut across frames, whole, big-endian, in the newest format, as float64, ...
TEST_P(GoodEpisode, HoldsTheSameStepsHoweverItIsStored) {
  const auto opened = Episode::Open(kFolder / "good" / GetParam());
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Episode& episode = **opened;
  EXPECT_EQ(episode.length(), kFixtureSteps);
  ASSERT_EQ(episode.streams().size(), 2U);
  const Stream& camera = episode.streams()[0];
  EXPECT_EQ(camera.name, "observation.images.front");
  EXPECT_TRUE(camera.is_image());
  EXPECT_EQ(camera.shape, (Shape{kHeight, kWidth, 3}));
  EXPECT_NEAR(camera.rate_hz.value_or(0), 2.5, 1e-9);
  const Stream& action = episode.action();
  EXPECT_EQ(action.name, "action");
  EXPECT_EQ(action.shape, (Shape{3}));
  EXPECT_THAT(action.names, ElementsAre("linear_x", "linear_y", "angular_z"));
  EXPECT_THAT(action.units, ElementsAre("m/s", "m/s", "rad/s"));
  for (int t = 0; t < kFixtureSteps; ++t) {
    const auto f = static_cast<float>(t);
    const float turn = action.filled == 0 ? 0.125F * f : 0.0F;
    EXPECT_THAT(ActionAt(episode, t), ElementsAre(0.25F * f, -0.5F * f, turn));
  }
  ExpectFrames(episode);
  EXPECT_EQ(episode.attributes().size(), 6U);
  EXPECT_THAT(episode.attributes(), ::testing::IsSupersetOf({Pair("num_frames", "5"), Pair("total_duration", "2"),
                                                             Pair("obstacle_layout_type", "1box_hori"),
                                                             Pair("camera_matrix", "(9 numbers)")}));
}

INSTANTIATE_TEST_SUITE_P(Files, GoodEpisode,
                         ::testing::Values("recorder.h5", "contiguous.h5", "chunks_across.h5", "not_compressed.h5",
                                           "one_chunk.h5", "newest_format.h5", "float64_fixed_text.h5", "big_endian.h5",
                                           "two_axes.h5", "user_block.h5", "1box_hori_left_no_instruction.h5"));

TEST(Episode, InstructionAndEvents) {
  for (const char* name : {"recorder.h5", "float64_fixed_text.h5", "newest_format.h5", "user_block.h5"}) {
    const auto episode = Episode::Open(kFolder / "good" / name, {image::ChannelOrder::kRgb, "something else"});
    ASSERT_TRUE(episode.ok()) << episode.error().ToString();
    EXPECT_EQ((*episode)->task(), "pass left of the box");
    EXPECT_EQ((*episode)->task_source(), InstructionSource::kFile);
    EXPECT_THAT((*episode)->events(),
                ElementsAre("episode_start", "start_action", "start_action", "start_action", "stop_action"));
  }
}

TEST(Episode, MissingInstructionComesFromTheSettingOrTheFileName) {
  const fs::path path = kFolder / "good" / "1box_hori_left_no_instruction.h5";
  const auto by_name = Episode::Open(path);
  ASSERT_TRUE(by_name.ok()) << by_name.error().ToString();
  EXPECT_EQ((*by_name)->task(), "pass the box on the left and go to the bottle");
  EXPECT_EQ((*by_name)->task_source(), InstructionSource::kFileName);
  EXPECT_THAT((*by_name)->events(), IsEmpty());
  const auto by_setting = Episode::Open(path, {image::ChannelOrder::kRgb, "go on"});
  EXPECT_EQ((*by_setting)->task(), "go on");
  EXPECT_EQ((*by_setting)->task_source(), InstructionSource::kSetting);
  TemporaryFolder folder;
  fs::copy_file(path, folder.path() / "plain.h5");
  const auto none = Episode::Open(folder.path() / "plain.h5");
  EXPECT_EQ((*none)->task(), "");
  EXPECT_EQ((*none)->task_source(), InstructionSource::kNone);
}

TEST(Episode, InstructionFromNameNeedsOneWholeWord) {
  EXPECT_THAT(InstructionFromName("episode_20250815_1box_hori_left_core.h5"), HasSubstr("on the left"));
  EXPECT_THAT(InstructionFromName("2BOX-RIGHT.h5"), HasSubstr("on the right"));
  EXPECT_EQ(InstructionFromName("left_then_right.h5"), "");
  EXPECT_EQ(InstructionFromName("bright_leftover.h5"), "");
  EXPECT_THAT(InstructionFromName("bright_left.h5"), HasSubstr("on the left"));
}

TEST(Episode, BlueFirstUnderARedLabel) {
  const auto episode = Episode::Open(kFolder / "good" / "recorder.h5", {image::ChannelOrder::kBgr, ""});
  ASSERT_TRUE(episode.ok());
  ExpectFrames(**episode, true);
}

TEST(Episode, ContentHashIsOfTheContentAlone) {
  const auto hash = [](const fs::path& path, const ReadOptions& options = {}) {
    const auto episode = Episode::Open(path, options);
    return episode.ok() ? *(*episode)->ContentHash() : "";
  };
  const std::string recorder = hash(kFolder / "good" / "recorder.h5");
  EXPECT_EQ(recorder.size(), 64U);
  for (const char* name : {"contiguous.h5", "chunks_across.h5", "newest_format.h5", "float64_fixed_text.h5"}) {
    EXPECT_EQ(hash(kFolder / "good" / name), recorder) << name;
  }
  EXPECT_EQ(hash(kFolder / "good" / "recorder.h5", {image::ChannelOrder::kBgr, "other"}), recorder);
  TemporaryFolder folder;
  fs::copy_file(kFolder / "good" / "recorder.h5", folder.path() / "right.h5");
  EXPECT_EQ(hash(folder.path() / "right.h5"), recorder);
  EXPECT_NE(hash(kFolder / "good" / "two_axes.h5"), recorder);
  EXPECT_NE(hash(kFolder / "good" / "1box_hori_left_no_instruction.h5"), recorder);
}

TEST(Episode, BadFilesNameFileAndDataset) {
  const std::map<std::string, std::vector<std::string>> cases{
      {"no_images.h5", {"dataset 'images': is missing"}},
      {"no_actions.h5", {"dataset 'actions': is missing"}},
      {"lengths.h5", {"dataset 'actions'", "[4, 3], but there are 5 frames"}},
      {"grey.h5", {"dataset 'images'", "[5, 6, 8, 1]; frames are [T, height, width, 3]"}},
      {"float_images.h5", {"dataset 'images'", "does not hold uint8"}},
      {"signed_images.h5", {"dataset 'images'", "does not hold uint8"}},
      {"integer_actions.h5", {"dataset 'actions'", "does not hold float32 or float64"}},
      {"four_axes.h5", {"dataset 'actions'", "[5, 4]"}},
      {"nan_actions.h5", {"dataset 'actions'", "step 2 holds nan"}},
      {"no_steps.h5", {"dataset 'images'", "holds no frames"}},
      {"lzf.h5", {"dataset 'images'", "(lzf)", "h5repack"}},
      {"latin1.h5", {"dataset 'language_instruction'", "is not UTF-8"}},
      {"soft_link.h5", {"dataset 'images'", "a link to somewhere else"}},
      {"external_link.h5", {"dataset 'images'", "a link to somewhere else"}},
      {"external_storage.h5", {"dataset 'images'", "in other files"}},
      {"virtual.h5", {"dataset 'images'", "is virtual"}},
      {"images_is_a_group.h5", {"dataset 'images'", "open it as a dataset"}},
      {"huge.h5", {"dataset 'images'", "cannot hold"}},
      {"not_hdf5.h5", {", not HDF5"}},
      {"empty.h5", {"is empty"}},
  };
  for (const auto& [name, parts] : cases) {
    const std::string text = Refusal(kFolder / "bad" / name);
    for (const std::string& part : parts) EXPECT_THAT(text, HasSubstr(part)) << name;
  }
  EXPECT_THAT(Refusal(kFolder / "no_such.h5"), HasSubstr("does not exist"));
  EXPECT_THAT(Refusal(kFolder), HasSubstr("is not a file"));
}

TEST(Episode, AFrameThatWasNeverWrittenIsAnErrorNotABlackPicture) {
  const auto episode = Episode::Open(kFolder / "bad" / "never_written.h5");
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  EXPECT_TRUE((*episode)->ReadFrame(2).ok());
  const auto missing = (*episode)->ReadFrame(3);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().ToString(),
              AllOf(HasSubstr("never_written.h5: dataset 'images'"), HasSubstr("[3, 0, 0, 0]")));
  EXPECT_FALSE((*episode)->ContentHash().ok());
  EXPECT_TRUE((*episode)->ReadFrame(0).ok());
}

TEST(Episode, DamagedGzipDataIsFound) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  WriterOptions options;
  options.width = 64;
  options.height = 48;
  auto writer = EpisodeWriter::Create(path, options, Existing::kRefuse);
  image::Image frame;
  frame.Reset(64, 48);
  Random random(1);
  for (uint8_t& value : frame.rgb) value = static_cast<uint8_t>(random.Below(256));  // so that images fill the file
  for (int t = 0; t < 3; ++t) ASSERT_TRUE(writer->Append(frame, {}, Event::kStartAction).ok());
  ASSERT_TRUE(writer->Commit().ok());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
  file.write("damage", 6);
  file.close();
  const auto episode = Episode::Open(path);
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  int failed = 0;
  for (int t = 0; t < 3; ++t) {
    const auto read = (*episode)->ReadFrame(t);
    if (read.ok()) continue;
    ++failed;
    EXPECT_THAT(read.error().ToString(), AllOf(HasSubstr("dataset 'images'"), HasSubstr("it is damaged")));
  }
  EXPECT_EQ(failed, 1);
}

TEST(Episode, GivesBackWhatTheWriterWrote) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  WriterOptions options;
  options.name = "e";
  options.instruction = "pass left of the b\xC3\xB8x";
  options.width = 31;
  options.height = 17;
  options.control_period_s = 0.25;
  options.chunk = 4;
  options.extra = {{"simulation/state", {"x", "y"}}};
  options.attributes = {{"obstacle_layout_type", "2box_vert"}};
  auto writer = EpisodeWriter::Create(path, options, Existing::kRefuse);
  constexpr int64_t kLength = 23;
  const auto frame_of = [](int64_t t) {
    image::Image frame;
    frame.Reset(31, 17);
    for (size_t i = 0; i < frame.rgb.size(); ++i) frame.rgb[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(t));
    return frame;
  };
  const auto event_of = [](int64_t t) { return t == 0 ? Event::kEpisodeStart : Event::kStartAction; };
  for (int64_t t = 0; t < kLength; ++t) {
    const auto f = static_cast<float>(t);
    const std::vector<std::vector<float>> extra{{f, -f}};
    ASSERT_TRUE(writer->Append(frame_of(t), {f / 3, -f, 1.15F}, event_of(t), extra).ok());
  }
  ASSERT_TRUE(writer->Commit().ok());

  const auto opened = Episode::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Episode& episode = **opened;
  EXPECT_EQ(episode.length(), kLength);
  EXPECT_EQ(episode.action().filled, 0);
  EXPECT_NEAR(episode.action().rate_hz.value_or(0), 4, 1e-9);
  EXPECT_EQ(episode.task(), options.instruction);
  for (int64_t t = 0; t < kLength; ++t) {
    const auto f = static_cast<float>(t);
    EXPECT_EQ(episode.ReadFrame(t)->rgb, frame_of(t).rgb);
    EXPECT_THAT(ActionAt(episode, t), ElementsAre(f / 3, -f, 1.15F));
    EXPECT_EQ(episode.events()[static_cast<size_t>(t)], Name(event_of(t)));
  }
  EXPECT_THAT(episode.attributes(),
              ElementsAre(Pair("action_chunk_size", "4"), Pair("episode_name", "e"), Pair("num_frames", "23"),
                          Pair("obstacle_layout_type", "2box_vert"), Pair("total_duration", "5.75")));
  EXPECT_EQ(episode.ReadFrame(kLength).error().code, ErrorCode::kUsage);
  EXPECT_EQ(episode.ReadFrame(-1).error().code, ErrorCode::kUsage);
}

// Recorders that write no dataset language_instruction keep the sentence in an attribute.
TEST(EpisodeInstruction, IsReadFromAnAttributeToo) {
  const auto episode = Episode::Open(kFolder / "other" / "instruction_as_attribute.h5");
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  EXPECT_EQ((*episode)->task_source(), InstructionSource::kFile);
  EXPECT_THAT((*episode)->task(), Not(IsEmpty()));
  for (const auto& [name, text] : (*episode)->attributes()) {
    if (name != "language_instruction") continue;
    EXPECT_EQ((*episode)->task(), text);
  }
}

TEST(ForeignEpisodes, AreNamedForWhatTheyAre) {
  EXPECT_THAT(Refusal(kFolder / "other" / "robomimic.hdf5"),
              AllOf(HasSubstr("robomimic's layout (data/demo_N/obs)"), HasSubstr("src/data/README.md"),
                    Not(HasSubstr("--skip-bad"))));
  EXPECT_THAT(Refusal(kFolder / "other" / "latest_gzip.h5"),
              AllOf(HasSubstr("newer format than HDF5 1.10 reads"), HasSubstr("libver='v110'")));
  // h5repack would write this file without its images, and end with success.
  EXPECT_THAT(Refusal(kFolder / "bad" / "lzf.h5"),
              AllOf(HasSubstr("compression=\"gzip\""), Not(HasSubstr("h5repack -f"))));
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "e.h5") << "version https://git-lfs.github.com/spec/v1\nsize 1000\n";
  EXPECT_THAT(Refusal(folder.path() / "e.h5"), AllOf(HasSubstr("Git LFS pointer"), HasSubstr("git lfs pull")));
  std::ofstream(folder.path() / "p.h5") << "PAR1\x15\x04";
  EXPECT_THAT(Refusal(folder.path() / "p.h5"),
              HasSubstr("is a Parquet table, as LeRobot's data sets have them, not HDF5"));
}

}  // namespace
}  // namespace vlaq::data
