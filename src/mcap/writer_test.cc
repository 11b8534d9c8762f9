#include "mcap/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "mcap/testing.h"

namespace vlaq::mcap {
namespace {
namespace fs = std::filesystem;

using ::testing::ElementsAre;
using testing::FindIn;
using testing::Fixture;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadWhole;

// Two channels; message i goes to the first if i is even, and says its own number.
class WriterTest : public ::testing::Test {
 protected:
  Writer Make(uint64_t chunk_bytes = uint64_t{1} << 20U) {
    auto writer = Writer::Create(path_, {.profile = "", .library = "test", .chunk_bytes = chunk_bytes});
    EXPECT_TRUE(writer.ok()) << writer.error().ToString();
    EXPECT_TRUE(writer->AddChannel("/even", 0, "text").ok());
    EXPECT_TRUE(writer->AddChannel("/odd", 0, "text").ok());
    return std::move(*writer);
  }
  static Status Say(Writer& writer, uint32_t i) {
    const std::string text = std::to_string(i);
    return writer.Write({static_cast<uint16_t>(1 + i % 2), i, 1000 + i, i, AsBytes(text)});
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "a" / "x.mcap";
};

TEST_F(WriterTest, EveryByteIsAsTheFormatSays) {
  auto writer = Writer::Create(path_, {.profile = "p", .library = "t"});
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  EXPECT_EQ(*writer->AddSchema("S", "e", "d"), 1);
  EXPECT_EQ(*writer->AddChannel("/a", 1, "m", {{"k", "v"}}), 1);
  ASSERT_TRUE(writer->Write({1, 7, 100, 90, AsBytes("\xaa\xbb")}).ok());
  ASSERT_TRUE(writer->AddMetadata("n", {{"x", "y"}}).ok());
  ASSERT_TRUE(writer->AddAttachment({5, 4, "f", "t/p", AsBytes("z")}).ok());
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(ReadWhole(path_), Fixture("small.mcap"));
  EXPECT_EQ(writer->bytes(), fs::file_size(path_));
}

TEST_F(WriterTest, ManyChunksComeBack) {
  Writer writer = Make(100);
  for (uint32_t i = 0; i < 50; ++i) ASSERT_TRUE(Say(writer, i).ok());
  ASSERT_TRUE(writer.Close().ok());
  EXPECT_TRUE(writer.Close().ok());
  EXPECT_GT(writer.statistics().chunks, 10U);
  const std::string file = ReadWhole(path_);
  const auto found = FindIn(file);
  EXPECT_THAT(found.damage, IsEmpty());
  ASSERT_EQ(found.messages.size(), 50U);
  EXPECT_EQ(found.messages[49], "/odd 49 1049 49");
  const auto reader = Reader::Open(AsBytes(file), "file");
  const Statistics& statistics = reader->info().statistics;
  EXPECT_TRUE(reader->info().from_summary);
  EXPECT_EQ(statistics.messages, 50U);
  EXPECT_EQ(statistics.start, 1000U);
  EXPECT_EQ(statistics.end, 1049U);
  EXPECT_THAT(statistics.of_channel, ElementsAre(std::pair(1, 25), std::pair(2, 25)));
}

TEST_F(WriterTest, WhatWasFlushedIsThereWhileTheWriterLives) {
  Writer writer = Make();
  ASSERT_TRUE(Say(writer, 0).ok());
  ASSERT_TRUE(writer.Flush().ok());
  ASSERT_TRUE(Say(writer, 1).ok());
  auto found = FindIn(ReadWhole(path_));
  EXPECT_THAT(found.messages, ElementsAre("/even 0 1000 0"));
  EXPECT_THAT(found.damage, ::testing::Contains(HasSubstr("was not closed")));
  ASSERT_TRUE(writer.Sync().ok());
  EXPECT_EQ(FindIn(ReadWhole(path_)).messages.size(), 2U);
  const auto size = fs::file_size(path_);
  ASSERT_TRUE(writer.Flush().ok());  // nothing to do
  EXPECT_EQ(fs::file_size(path_), size);
}

TEST_F(WriterTest, AWriterThatGoesClosesItsFile) {
  {
    const Writer moved = [&] {
      Writer writer = Make();
      EXPECT_TRUE(Say(writer, 3).ok());
      return writer;
    }();
  }
  const auto found = FindIn(ReadWhole(path_));
  EXPECT_THAT(found.damage, IsEmpty());
  EXPECT_THAT(found.messages, ElementsAre("/odd 3 1003 3"));
}

TEST_F(WriterTest, NothingIsReplacedUnasked) {
  Make();
  const auto again = Writer::Create(path_);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kUsage);
  EXPECT_THAT(again.error().what, HasSubstr("already exists"));
  EXPECT_TRUE(Writer::Create(path_, {.profile = "", .existing = Existing::kReplace}).ok());
  EXPECT_THAT(FindIn(ReadWhole(path_)).messages, IsEmpty());
}

TEST_F(WriterTest, WhatWasNotAddedIsRefused) {
  Writer writer = Make();
  for (const uint16_t id : {uint16_t{0}, uint16_t{3}}) {
    const Status status = writer.Write({id, 0, 0, 0, {}});
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  }
  EXPECT_EQ(writer.AddChannel("/x", 1, "m").error().code, ErrorCode::kUsage);
  ASSERT_TRUE(Say(writer, 0).ok());  // none of these ends the recording
  ASSERT_TRUE(writer.Close().ok());
  EXPECT_EQ(Say(writer, 1).error().code, ErrorCode::kInternal);
  EXPECT_EQ(FindIn(ReadWhole(path_)).messages.size(), 1U);
}

TEST_F(WriterTest, ALargeMessageIsAChunkOfItsOwn) {
  Writer writer = Make(1000);
  const std::string large(100000, 'x');
  ASSERT_TRUE(Say(writer, 0).ok());
  ASSERT_TRUE(writer.Write({1, 1, 5, 5, AsBytes(large)}).ok());
  EXPECT_EQ(writer.statistics().chunks, 1U);
  ASSERT_TRUE(writer.Close().ok());
  const auto found = FindIn(ReadWhole(path_));
  ASSERT_EQ(found.messages.size(), 2U);
  EXPECT_EQ(found.messages[1], "/even 1 5 " + large);
}

}  // namespace
}  // namespace vlaq::mcap
