#include "image/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"
#include "image/testing.h"

namespace vlaq::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> NamesIn(const FrameSource& source) {
  std::vector<std::string> names;
  for (size_t i = 0; i < source.size(); ++i) {
    const Result<Frame> frame = source.Read(i);
    EXPECT_TRUE(frame.ok());
    if (frame.ok()) names.push_back(std::filesystem::path(frame->name).filename().string());
  }
  return names;
}

void CopyFixture(const std::string& name, const std::filesystem::path& to) {
  std::filesystem::copy_file(Fixture(name), to);
}

TEST(NaturalLess, NumbersCountAsNumbers) {
  EXPECT_TRUE(NaturalLess("frame2.png", "frame10.png"));
  EXPECT_FALSE(NaturalLess("frame10.png", "frame2.png"));
  EXPECT_TRUE(NaturalLess("a2b3", "a2b10"));
  EXPECT_TRUE(NaturalLess("frame", "frame1"));
  EXPECT_TRUE(NaturalLess("a99999999999999999999998", "a99999999999999999999999"));
  EXPECT_FALSE(NaturalLess("a1", "a1"));
  // Equal as numbers: still an order, so that sorting is deterministic.
  EXPECT_TRUE(NaturalLess("a01", "a1"));
  EXPECT_FALSE(NaturalLess("a1", "a01"));
  EXPECT_TRUE(NaturalLess("a01b", "a1c"));
  EXPECT_TRUE(NaturalLess("a0", "a1"));
}

TEST(OpenPictures, FolderInNaturalOrderAndOnlyPictures) {
  const TemporaryFolder folder;
  CopyFixture("rgb.png", folder.path() / "frame10.png");
  CopyFixture("rgb.png", folder.path() / "frame2.PNG");
  CopyFixture("rgb_420.jpg", folder.path() / "frame1.jpeg");
  CopyFixture("rgb_420.jpg", folder.path() / "frame03.jpg");
  std::ofstream(folder.path() / "notes.txt") << "x";
  std::ofstream(folder.path() / "._frame4.png") << "x";
  std::filesystem::create_directory(folder.path() / "frame5.png");
  const auto source = OpenPictures({folder.path()});
  ASSERT_TRUE(source.ok()) << source.error().ToString();
  EXPECT_THAT(NamesIn(**source), ElementsAre("frame1.jpeg", "frame2.PNG", "frame03.jpg", "frame10.png"));
}

TEST(OpenPictures, FilesKeepTheirOrder) {
  const auto source = OpenPictures({Fixture("rgb_444.jpg"), Fixture("grey.png")});
  ASSERT_TRUE(source.ok());
  EXPECT_THAT(NamesIn(**source), ElementsAre("rgb_444.jpg", "grey.png"));
  const Result<Frame> frame = (*source)->Read(1);
  EXPECT_THAT(frame->pixels.rgb, ::testing::ElementsAreArray(ReadPpm(Fixture("grey.png.ppm")).rgb));
}

TEST(OpenPictures, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto empty = OpenPictures({folder.path()});
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().code, ErrorCode::kInput);
  EXPECT_THAT(empty.error().ToString(), HasSubstr("holds no .png"));
  const auto absent = OpenPictures({folder.path() / "absent"});
  ASSERT_FALSE(absent.ok());
  EXPECT_THAT(absent.error().ToString(), HasSubstr("absent"));
  EXPECT_EQ(OpenPictures({}).error().code, ErrorCode::kUsage);
}

TEST(OpenPictures, ADamagedFileIsFoundWhenItsTurnComes) {
  const TemporaryFolder folder;
  CopyFixture("rgb.png", folder.path() / "1.png");
  std::ofstream(folder.path() / "2.png") << "not a picture";
  const auto source = OpenPictures({folder.path()});
  ASSERT_TRUE(source.ok());
  EXPECT_TRUE((*source)->Read(0).ok());
  const Result<Frame> frame = (*source)->Read(1);
  ASSERT_FALSE(frame.ok());
  EXPECT_THAT(frame.error().where, HasSubstr("2.png"));
}

TEST(FramesOf, CutsTheTensorAndKeepsItsBytes) {
  const Image pixels = Pattern("noise", 2, 4, 3 * 5);  // three frames of 4 x 5 below each other
  auto source = FramesOf(Tensor::From<uint8_t>({3, 5, 4, 3}, pixels.rgb), "episode");
  ASSERT_TRUE(source.ok());
  ASSERT_EQ((*source)->size(), 3U);
  const Result<Frame> frame = (*source)->Read(2);
  source->reset();
  EXPECT_EQ(frame->name, "episode[2]");
  EXPECT_EQ(frame->pixels.width, 4);
  EXPECT_EQ(frame->pixels.height, 5);
  EXPECT_THAT(frame->pixels.rgb, ::testing::ElementsAreArray(std::span(pixels.rgb).subspan(size_t{2} * 60)));
}

TEST(FramesOf, RefusesOtherTensors) {
  for (const Tensor& wrong : {Tensor::Make(DType::kU8, {5, 4, 3}), Tensor::Make(DType::kF32, {1, 5, 4, 3}),
                              Tensor::Make(DType::kU8, {1, 3, 5, 4}), Tensor::Make(DType::kU8, {0, 5, 4, 3})}) {
    const auto source = FramesOf(wrong, "x.safetensors:t");
    ASSERT_FALSE(source.ok());
    EXPECT_EQ(source.error().code, ErrorCode::kInput);
    EXPECT_THAT(source.error().ToString(), HasSubstr("x.safetensors:t"));
  }
}

TEST(Pictures, FramesThatCannotBeReadAreErrorsAndOtherFilesAreNamed) {
  const TemporaryFolder folder;
  CopyFixture("rgb.png", folder.path() / "frame_0.png");
  CopyFixture("rgb.png", folder.path() / "frame_2.png");
  std::ofstream(folder.path() / "notes.txt") << "left out";
  std::ofstream(folder.path() / ".hidden.webp") << "RIFF";
  auto source = OpenPictures({folder.path()});
  ASSERT_TRUE(source.ok());
  EXPECT_THAT((*source)->FindOddities().passed_over, ElementsAre((folder.path() / "notes.txt").string()));
  std::ofstream(folder.path() / "frame_1.webp", std::ios::binary) << std::string("RIFF\x10\0\0\0WEBPVP8 ", 16);
  source = OpenPictures({folder.path()});
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().code, ErrorCode::kInput);
  EXPECT_THAT(source.error().ToString(),
              ::testing::AllOf(HasSubstr("holds 1 frame that cannot be read: frame_1.webp (a WebP picture)"),
                               HasSubstr("convert")));
}

TEST(Pictures, WhatIsNoFileIsAnsweredWithWhatToDo) {
  const auto error = [](const std::string& name) { return OpenPictures({name}).error().ToString(); };
  EXPECT_THAT(error("-"), HasSubstr("pipe"));
  EXPECT_THAT(error("/dev/video0"), ::testing::AllOf(HasSubstr("camera"), HasSubstr("ffmpeg -i /dev/video0")));
  EXPECT_THAT(error("/nowhere/*.png"), HasSubstr("pattern"));
  EXPECT_THAT(error("/nowhere/a.png"), HasSubstr("no such picture"));
}

TEST(Pictures, WhatFilesSayBesideTheirPixelsIsCounted) {
  const TemporaryFolder folder;
  CopyFixture("orientation.jpg", folder.path() / "1.jpg");
  CopyFixture("rgba.png", folder.path() / "2.png");
  CopyFixture("transparent_colour.png", folder.path() / "3.png");
  CopyFixture("grey_16bit.png", folder.path() / "4.png");
  CopyFixture("rgb.png", folder.path() / "5.png");
  // An animated PNG has a chunk acTL before its pixels.
  std::string animated = ReadAll(Fixture("rgb.png"));
  animated.insert(33, std::string("\0\0\0\x08"
                                  "acTL\0\0\0\x02\0\0\0\0\0\0\0\0",
                                  20));
  std::ofstream(folder.path() / "6.png", std::ios::binary) << animated;
  const auto source = OpenPictures({folder.path()});
  ASSERT_TRUE(source.ok());
  std::vector<std::string> notes;
  for (const auto& [note, count] : (*source)->FindOddities().notes) {
    notes.push_back(std::to_string(count) + " " + std::string(note));
  }
  EXPECT_THAT(notes, ::testing::UnorderedElementsAre(HasSubstr("1 have an EXIF rotation"),
                                                     HasSubstr("2 are partly transparent"),
                                                     HasSubstr("1 are 16-bit gray"), HasSubstr("1 are animated")));
}

}  // namespace
}  // namespace vlaq::image
