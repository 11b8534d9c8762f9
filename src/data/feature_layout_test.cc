// Episodes of any features, in our own layout and in ALOHA's.
#include "data/feature_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/mapped_file.h"
#include "base/testing.h"
#include "data/episode.h"
#include "data/episode_set.h"
#include "data/feature_writer.h"
#include "data/hdf5_array.h"
#include "data/hdf5_rows.h"
#include "data/statistics.h"
#include "image/decode.h"
#include "image/encode.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kArmSteps = 3;

Tensor Picture(const Shape& shape, int64_t t) {
  Tensor tensor = Tensor::Make(DType::kU8, shape);
  const auto values = tensor.mutable_data<uint8_t>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(t) * 31);
  return tensor;
}

Tensor Numbers(const Shape& shape, int64_t t) {
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  const auto values = tensor.mutable_data<float>();
  std::iota(values.begin(), values.end(), static_cast<float>(t) + 0.5F);
  return tensor;
}

FeatureWriterOptions ArmOptions() {
  FeatureWriterOptions options;
  options.streams = {{"observation.images.top", DType::kU8, {6, 8, 3}, {}, {}, {}},
                     {"observation.images.wrist", DType::kU8, {4, 5, 3}, {}, {}, {}},
                     {"observation.state", DType::kF32, {2}, {"shoulder", "elbow"}, {"rad", "rad"}, {}},
                     {"action", DType::kF32, {2}, {"shoulder", "elbow"}, {"rad", "rad"}, {}}};
  options.task = "pick the cube";
  options.rate_hz = 50;
  return options;
}

Observation StepOf(const FeatureWriterOptions& options, int64_t t) {
  Observation step;
  for (const Stream& stream : options.streams) {
    step.emplace(stream.name, stream.is_image() ? Picture(stream.shape, t) : Numbers(stream.shape, t));
  }
  return step;
}

void WriteArm(const fs::path& path, const FeatureWriterOptions& options = ArmOptions()) {
  auto writer = FeatureWriter::Create(path, options, Existing::kRefuse);
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  for (int64_t t = 0; t < kArmSteps; ++t) ASSERT_TRUE(writer->Append(StepOf(options, t)).ok());
  ASSERT_TRUE(writer->Commit().ok());
}

bool Same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

std::string RefusalOf(const fs::path& path) {
  const auto episode = Episode::Open(path);
  if (episode.ok()) return "accepted";
  EXPECT_EQ(episode.error().code, ErrorCode::kInput);
  return episode.error().ToString();
}

class FeatureLayout : public ::testing::Test {
 protected:
  // A file with `datasets`, each [T, ...] of zeros, float32 but for the pictures.
  fs::path Foreign(const std::vector<std::pair<std::string, std::vector<hsize_t>>>& datasets) {
    const fs::path path = folder_.path() / "foreign.hdf5";
    const Hdf5Guard guard;
    auto file = CreateHdf5(path);
    EXPECT_TRUE(file.ok());
    for (const auto& [name, row] : datasets) {
      const bool picture = name.find("images") != std::string::npos;
      auto rows = Hdf5Rows::Create(*file, {name, picture ? H5T_STD_U8LE : H5T_IEEE_F64LE, row, 1, 4});
      EXPECT_TRUE(rows.ok()) << rows.error().ToString();
      size_t count = 1;
      for (const hsize_t n : row) count *= n;
      const std::vector<double> zeros(count);  // as bytes enough for either
      for (int64_t t = 0; t < kArmSteps; ++t) {
        EXPECT_TRUE(rows->Append(picture ? H5T_NATIVE_UINT8 : H5T_NATIVE_DOUBLE, zeros.data()).ok());
      }
      EXPECT_TRUE(rows->Close().ok());
    }
    EXPECT_TRUE(file->Close());
    return path;
  }
  TemporaryFolder folder_;
};

TEST_F(FeatureLayout, GivesBackWhatTheWriterWrote) {
  const fs::path path = folder_.path() / "arm.hdf5";
  const FeatureWriterOptions options = ArmOptions();
  WriteArm(path);
  const auto opened = Episode::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Episode& episode = **opened;
  EXPECT_EQ(episode.length(), kArmSteps);
  EXPECT_EQ(episode.task(), "pick the cube");
  EXPECT_EQ(episode.task_source(), InstructionSource::kFile);
  EXPECT_THAT(episode.events(), IsEmpty());
  ASSERT_EQ(episode.streams().size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    const Stream& stream = episode.streams()[i];
    EXPECT_EQ(stream.name, options.streams[i].name);
    EXPECT_EQ(stream.shape, options.streams[i].shape);
    EXPECT_EQ(stream.names, options.streams[i].names);
    EXPECT_EQ(stream.units, options.streams[i].units);
    EXPECT_EQ(stream.rate_hz, 50);
  }
  EXPECT_EQ(episode.action().name, "action");
  for (const int64_t t : {0, 2, 1}) {
    const Observation step = StepOf(options, t);
    const auto observation = episode.ReadObservation(t);
    ASSERT_TRUE(observation.ok()) << observation.error().ToString();
    ASSERT_EQ(observation->size(), 3U) << "the action is no observation";
    for (const auto& [name, value] : *observation) EXPECT_TRUE(Same(value, step.at(name))) << name;
    EXPECT_TRUE(Same(*episode.Read("action", t), step.at("action")));
  }
  EXPECT_EQ(episode.ReadAll("action")->shape(), (Shape{kArmSteps, 2}));
  EXPECT_EQ(episode.ReadAll("observation.images.top").error().code, ErrorCode::kUsage);
  EXPECT_THAT(episode.Read("observation.images.left", 0).error().ToString(),
              AllOf(HasSubstr("observation.images.left"), HasSubstr("observation.images.wrist uint8 [4, 5, 3]")));
  EXPECT_EQ(episode.Read("action", kArmSteps).error().code, ErrorCode::kUsage);
  EXPECT_EQ(episode.ReadFrame(1)->width, 8) << "the first camera";
}

TEST_F(FeatureLayout, HashesItsContent) {
  WriteArm(folder_.path() / "a.hdf5");
  FeatureWriterOptions other = ArmOptions();
  other.compression = 0;
  WriteArm(folder_.path() / "b.hdf5", other);
  other.task = "drop the cube";
  WriteArm(folder_.path() / "c.hdf5", other);
  const auto hash = [&](const char* name) { return *(*Episode::Open(folder_.path() / name))->ContentHash(); };
  EXPECT_EQ(hash("a.hdf5"), hash("b.hdf5"));
  EXPECT_NE(hash("a.hdf5"), hash("c.hdf5"));
}

TEST_F(FeatureLayout, TimeStampsAmongTheObservationsAreNoStream) {
  const fs::path path = Foreign({{"observations/qpos", {14}}, {"observations/timestamps", {}}, {"action", {14}}});
  const auto episode = Episode::Open(path);
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  EXPECT_EQ((*episode)->streams().size(), 2U);
  ASSERT_TRUE((*episode)->timing().wrong) << "all are zero";
  EXPECT_THAT((*episode)->timing().wrong->ToString(),
              AllOf(HasSubstr("foreign.hdf5: dataset 'observations/timestamps'"), HasSubstr("step 1")));
}

TEST_F(FeatureLayout, ReadsWhatAlohaRecords) {
  const fs::path path = Foreign({{"observations/images/cam_high", {6, 8, 3}},
                                 {"observations/images/cam_low", {6, 8, 3}},
                                 {"observations/qpos", {14}},
                                 {"observations/qvel", {14}},
                                 {"action", {14}},
                                 {"base_action", {2}}});
  const auto episode = Episode::Open(path);
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  EXPECT_EQ(StreamsText((*episode)->streams()),
            "observation.images.cam_high uint8 [6, 8, 3], observation.images.cam_low uint8 [6, 8, 3], "
            "observation.state float32 [14], observation.velocity float32 [14], action float32 [14]");
  EXPECT_EQ((*episode)->task(), "");
  EXPECT_EQ((*episode)->task_source(), InstructionSource::kNone);
}

std::string FileContent(const fs::path& path) {
  const auto file = MappedFile::Open(path);
  EXPECT_TRUE(file.ok());
  return std::string(AsText((*file)->bytes()));
}

// As ALOHA's recorder with compress: a row is a picture file, filled up with zeros.
TEST_F(FeatureLayout, PicturesPackedAsFilesAreReadAsPixels) {
  const fs::path jpeg = VLAQ_TESTDATA "/image/orientation.jpg";
  const image::Image first = *image::ReadImage(jpeg);
  image::Image second = first;
  for (uint8_t& value : second.rgb) value = static_cast<uint8_t>(255 - value);
  int made = 0;
  const auto packed = [&](const std::vector<std::string>& frames) {
    size_t longest = 0;
    for (const std::string& frame : frames) longest = std::max(longest, frame.size());
    const fs::path path = folder_.path() / ("packed" + std::to_string(made++) + ".hdf5");
    const Hdf5Guard guard;
    auto file = CreateHdf5(path);
    EXPECT_TRUE(file.ok());
    auto pictures = Hdf5Rows::Create(*file, {"observations/images/top", H5T_STD_U8LE, {longest}, 1, 4});
    auto actions = Hdf5Rows::Create(*file, {"action", H5T_IEEE_F64LE, {2}, 1, 4});
    const std::vector<double> zeros(2);
    for (std::string frame : frames) {
      frame.resize(longest);
      EXPECT_TRUE(pictures->Append(H5T_NATIVE_UINT8, frame.data()).ok());
      EXPECT_TRUE(actions->Append(H5T_NATIVE_DOUBLE, zeros.data()).ok());
    }
    EXPECT_TRUE(pictures->Close().ok() && actions->Close().ok() && file->Close());
    return path;
  };
  const std::string as_png = *image::EncodePng(second);
  const auto episode = Episode::Open(packed({FileContent(jpeg), as_png, FileContent(jpeg)}));
  ASSERT_TRUE(episode.ok()) << episode.error().ToString();
  EXPECT_EQ((*episode)->length(), 3);
  EXPECT_EQ((*episode)->streams().front().shape, (Shape{first.height, first.width, 3}));
  for (const int64_t t : {1, 0, 2, 1}) {
    const auto frame = (*episode)->ReadFrame(t);
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    EXPECT_EQ(frame->rgb, t == 1 ? second.rgb : first.rgb) << t;
  }
  EXPECT_TRUE((*episode)->ContentHash().ok());

  image::Image small;
  small.Reset(8, 6);
  const auto other = Episode::Open(packed({FileContent(jpeg), *image::EncodePng(small)}));
  ASSERT_TRUE(other.ok());
  EXPECT_THAT((*other)->ReadFrame(1).error().ToString(), AllOf(HasSubstr("frame 1 is"), HasSubstr("and the first")));
  const auto broken = Episode::Open(packed({FileContent(jpeg), FileContent(jpeg).substr(0, 200)}));
  ASSERT_TRUE(broken.ok());
  EXPECT_EQ((*broken)->ReadFrame(1).error().code, ErrorCode::kInput);
}

TEST_F(FeatureLayout, RefusesByDataset) {
  EXPECT_THAT(RefusalOf(Foreign({{"observations/images/top", {100}}, {"action", {2}}})),
              HasSubstr("foreign.hdf5: dataset 'observations/images/top': frame 0"))
      << "100 zeros are no picture";
  EXPECT_THAT(RefusalOf(Foreign({{"observations/images/top", {8, 3}}, {"action", {2}}})),
              HasSubstr("or [T, bytes] of JPEG or PNG files"));
  EXPECT_THAT(RefusalOf(Foreign({{"observations/qpos", {2}}})), HasSubstr("dataset 'action': is missing"));
  EXPECT_THAT(RefusalOf(Foreign({{"observations/qpos", {2}}, {"observation.state", {2}}, {"action", {2}}})),
              HasSubstr("is observation.state, as '"));
  EXPECT_THAT(RefusalOf(Foreign({{"observation.images.top", {6, 8, 1}}, {"action", {2}}})),
              HasSubstr("dataset 'observation.images.top'"));
  EXPECT_THAT(RefusalOf(Foreign({{"states", {6}}})), HasSubstr("has no observations"));
}

TEST_F(FeatureLayout, StatisticsAreOfAnyAction) {
  WriteArm(folder_.path() / "a.hdf5");
  auto set = EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  const auto statistics = ComputeStatistics(*set, {}, SilentLog());
  ASSERT_TRUE(statistics.ok()) << statistics.error().ToString();
  ASSERT_EQ(statistics->axes.size(), 2U);
  EXPECT_EQ(statistics->axes[1].name, "elbow");
  EXPECT_EQ(statistics->axes[1].unit, "rad");
  EXPECT_DOUBLE_EQ(statistics->axes[1].max, 3.5);
  EXPECT_EQ(statistics->two_axis_episodes, 0);
  EXPECT_EQ(statistics->resolutions.begin()->first, "observation.images.top 8x6, observation.images.wrist 5x4");
  FeatureWriterOptions other = ArmOptions();
  other.streams.back().names = {"x", "y"};
  WriteArm(folder_.path() / "b.hdf5", other);
  set = EpisodeSet::Open({folder_.path()});
  EXPECT_THAT(ComputeStatistics(*set, {}, SilentLog()).error().ToString(),
              AllOf(HasSubstr("b.hdf5"), HasSubstr("another action"), HasSubstr("shoulder")));
}

TEST_F(FeatureLayout, TheWriterRefusesWhatItCannotWrite) {
  const auto refusal = [&](const FeatureWriterOptions& options) {
    const auto writer = FeatureWriter::Create(folder_.path() / "x.hdf5", options, Existing::kRefuse);
    if (writer.ok()) return std::string("accepted");
    EXPECT_EQ(writer.error().code, ErrorCode::kUsage);
    return writer.error().ToString();
  };
  FeatureWriterOptions options = ArmOptions();
  options.streams.pop_back();
  EXPECT_THAT(refusal(options), HasSubstr("the stream 'action'"));
  options = ArmOptions();
  options.streams[0].shape = {3, 6, 8};
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("observation.images.top"), HasSubstr("[3, 6, 8]")));
  options = ArmOptions();
  options.streams[2].name = "state";
  EXPECT_THAT(refusal(options), HasSubstr("'state'"));
  options = ArmOptions();
  options.streams[2].name = "action";
  EXPECT_THAT(refusal(options), HasSubstr("twice"));
  options = ArmOptions();
  options.streams[2].units = {"rad"};
  EXPECT_THAT(refusal(options), HasSubstr("1 names or units for 2"));
  options = ArmOptions();
  options.rate_hz = 0;
  EXPECT_THAT(refusal(options), HasSubstr("rate"));
  auto writer = FeatureWriter::Create(folder_.path() / "y.hdf5", ArmOptions(), Existing::kRefuse);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(writer->Commit().error().code, ErrorCode::kUsage);
  Observation step = StepOf(ArmOptions(), 0);
  step.erase("observation.state");
  EXPECT_THAT(writer->Append(step).error().ToString(), HasSubstr("'observation.state'"));
  step.emplace("observation.state", Numbers({3}, 0));
  EXPECT_THAT(writer->Append(step).error().ToString(), HasSubstr("float32 [3]"));
}

TEST(MatchFeatures, ByNameAndOneCameraByItself) {
  const std::vector<Stream> streams{{"observation.images.front", DType::kU8, {6, 8, 3}, {}, {}, {}},
                                    {"observation.state", DType::kF32, {2}, {}, {}, {}},
                                    {"action", DType::kF32, {2}, {}, {}, {}}};
  auto match = MatchFeatures({{"observation.images.front", true}, {"observation.state", false}}, streams);
  ASSERT_TRUE(match.ok());
  EXPECT_EQ(match->at("observation.images.front"), "observation.images.front");
  match = MatchFeatures({{"pixels", true}}, streams);
  ASSERT_TRUE(match.ok());
  EXPECT_EQ(match->at("pixels"), "observation.images.front");
  match = MatchFeatures({{"state", false}}, streams);
  ASSERT_TRUE(match.ok());
  EXPECT_EQ(match->at("state"), "observation.state");
  EXPECT_THAT(MatchFeatures({{"top", true}, {"wrist", true}}, streams).error().ToString(),
              AllOf(HasSubstr("'top'"), HasSubstr("observation.images.front uint8 [6, 8, 3]")));
  EXPECT_THAT(MatchFeatures({{"joints", false}}, streams).error().ToString(), HasSubstr("'joints'"));
}

}  // namespace
}  // namespace vlaq::data
