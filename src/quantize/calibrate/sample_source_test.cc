#include "quantize/calibrate/sample_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "data/testing.h"

namespace vlaq::calibrate {
namespace {

namespace fs = std::filesystem;

TEST(SampleSource, ReadsEpisodesByStep) {
  const TemporaryFolder folder;
  ASSERT_TRUE(data::WriteTestEpisode(folder.path() / "a.h5", {.length = 3, .color = {1, 2, 3}}));
  ASSERT_TRUE(data::WriteTestEpisode(folder.path() / "c.h5", {.length = 5, .color = {7, 8, 9}, .instruction = "go"}));
  fs::copy(folder.path() / "a.h5", folder.path() / "b.h5");
  auto set = data::EpisodeSet::Open({folder.path()});
  ASSERT_TRUE(set.ok());
  const auto source = FromEpisodes(*std::move(set), {{"camera", true}});
  ASSERT_TRUE(source.ok()) << source.error().ToString();
  const auto& episodes = (*source)->episodes();
  ASSERT_EQ(episodes.size(), 3U);
  EXPECT_EQ(episodes[0].name, "a.h5");
  EXPECT_EQ(episodes[0].length, 3);
  EXPECT_EQ(episodes[2].name, "c.h5");
  EXPECT_EQ(episodes[2].length, 5);
  EXPECT_EQ(episodes[2].instruction, "go");
  for (const size_t episode : {2U, 0U, 2U}) {
    const auto frame = (*source)->Read(episode, 2);
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    EXPECT_EQ(frame->at("camera").data<uint8_t>()[0], episode == 0 ? 1 : 7);
    EXPECT_EQ(frame->at("camera").data<uint8_t>()[2], episode == 0 ? 3 : 9);
  }
  const std::string hash = *(*source)->Hash(0);
  EXPECT_EQ(hash, *(*data::Episode::Open(folder.path() / "a.h5"))->ContentHash());
  EXPECT_EQ(*(*source)->Hash(1), hash);
  EXPECT_NE(*(*source)->Hash(2), hash);
  EXPECT_EQ(*(*source)->Hash(0), hash);
}

TEST(SampleSource, FramesAreOneEpisodeKnownByTheirPixels) {
  const auto make = [](uint8_t last) {
    std::vector<uint8_t> bytes(2 * 3 * 4 * 3, 5);
    bytes.back() = last;
    auto frames = image::FramesOf(Tensor::From<uint8_t>({2, 3, 4, 3}, bytes), "frames");
    EXPECT_TRUE(frames.ok());
    return FromFrames(*std::move(frames), "my frames", "camera");
  };
  const auto source = make(5);
  ASSERT_EQ(source->episodes().size(), 1U);
  EXPECT_EQ(source->episodes()[0].name, "my frames");
  EXPECT_EQ(source->episodes()[0].length, 2);
  EXPECT_EQ(source->episodes()[0].instruction, std::nullopt);
  EXPECT_EQ(source->Read(0, 1)->at("camera").shape(), (Shape{3, 4, 3}));
  EXPECT_EQ(*source->Hash(0), *make(5)->Hash(0));
  EXPECT_NE(*source->Hash(0), *make(6)->Hash(0));
}

}  // namespace
}  // namespace vlaq::calibrate
