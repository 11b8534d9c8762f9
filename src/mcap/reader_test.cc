#include "mcap/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "mcap/encode.h"
#include "mcap/format.h"
#include "mcap/testing.h"

namespace vlaq::mcap {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FindIn;
using testing::Fixture;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Magic and header, then what `put` writes; no end.
template <typename Put>
std::string Begun(Put put) {
  Encoder out;
  out.PutBytes(AsBytes(kMagic));
  PutHeader({"", "test"}, out);
  put(out);
  return std::string(AsText(out.bytes()));
}

std::string WithChunk(const std::string& compression) {
  return Begun([&](Encoder& out) {
    PutChannel({1, 0, "/a", "m", {}}, out);
    const size_t begin = out.BeginRecord(Opcode::kChunk);
    for (int i = 0; i < 3; ++i) out.Put(uint64_t{4});  // times and size
    out.Put(uint32_t{0});
    out.PutText(compression);
    out.Put(uint64_t{4});
    out.PutBytes(AsBytes("abcd"));
    out.EndRecord(begin);
  });
}

TEST(Reader, WhatTheSummarySays) {
  const std::string file = Fixture("small.mcap");
  const auto reader = Reader::Open(AsBytes(file), "file");
  ASSERT_TRUE(reader.ok()) << reader.error().ToString();
  const Info& info = reader->info();
  EXPECT_TRUE(info.from_summary);
  EXPECT_EQ(info.header.profile, "p");
  EXPECT_EQ(info.header.library, "t");
  EXPECT_EQ(info.schemas.at(1).name, "S");
  EXPECT_EQ(info.schemas.at(1).encoding, "e");
  EXPECT_EQ(info.schemas.at(1).data, "d");
  EXPECT_EQ(info.channels.at(1).topic, "/a");
  EXPECT_EQ(info.channels.at(1).schema_id, 1);
  EXPECT_EQ(info.channels.at(1).message_encoding, "m");
  EXPECT_THAT(info.channels.at(1).metadata, ElementsAre(std::pair("k", "v")));
  EXPECT_EQ(info.statistics.messages, 1U);
  EXPECT_EQ(info.statistics.attachments, 1U);
  EXPECT_EQ(info.statistics.metadata, 1U);
  EXPECT_EQ(info.statistics.chunks, 1U);
  EXPECT_THAT(info.damage, IsEmpty());
  EXPECT_THAT(FindIn(file).messages, ElementsAre("/a 7 100 \xaa\xbb"));
}

TEST(Reader, AScanFindsTheSame) {
  const std::string file = Fixture("small.mcap");
  const auto reader = Reader::Open(AsBytes(file), "file");
  const auto scanned = Scan(AsBytes(file), "file");
  ASSERT_TRUE(scanned.ok());
  const Statistics &a = reader->info().statistics, &b = scanned->statistics;
  EXPECT_EQ(
      std::tie(a.messages, a.schemas, a.channels, a.attachments, a.metadata, a.chunks, a.start, a.end, a.of_channel),
      std::tie(b.messages, b.schemas, b.channels, b.attachments, b.metadata, b.chunks, b.start, b.end, b.of_channel));
  EXPECT_THAT(scanned->damage, IsEmpty());
}

TEST(Reader, WithoutChunksAndSummaryInBothOrders) {
  const std::string file = Fixture("plain.mcap");
  const auto reader = Reader::Open(AsBytes(file), "file");
  EXPECT_FALSE(reader->info().from_summary);
  EXPECT_EQ(reader->info().statistics.messages, 2U);
  EXPECT_EQ(reader->info().statistics.start, 50U);
  EXPECT_EQ(reader->info().statistics.end, 100U);
  const auto found = FindIn(file);
  EXPECT_THAT(found.messages, ElementsAre("/a 7 100 \xaa\xbb", "/a 8 50 \xcc"));  // past a record of somebody's own
  EXPECT_THAT(found.damage, IsEmpty());
  EXPECT_THAT(FindIn(file, {{}, Order::kLogTime}).messages, ElementsAre("/a 8 50 \xcc", "/a 7 100 \xaa\xbb"));
}

TEST(Reader, EqualTimesKeepTheirOrderAndTopicsAreChosen) {
  const std::string file = Begun([](Encoder& out) {
    PutChannel({1, 0, "/a", "m", {}}, out);
    PutChannel({2, 0, "/b", "m", {}}, out);
    for (uint32_t i = 0; i < 6; ++i) PutMessage({static_cast<uint16_t>(1 + i % 2), i, 10 - i / 3, 0, {}}, out);
  });
  EXPECT_THAT(FindIn(file, {{}, Order::kLogTime}).messages,
              ElementsAre("/b 3 9 ", "/a 4 9 ", "/b 5 9 ", "/a 0 10 ", "/b 1 10 ", "/a 2 10 "));
  EXPECT_THAT(FindIn(file, {{"/b"}, Order::kFile}).messages, ElementsAre("/b 1 10 ", "/b 3 9 ", "/b 5 9 "));
  EXPECT_THAT(FindIn(file, {{"/b"}, Order::kLogTime}).messages, ElementsAre("/b 3 9 ", "/b 5 9 ", "/b 1 10 "));
  EXPECT_EQ(FindIn(file, {{"/a", "/b"}, Order::kFile}).messages.size(), 6U);
  const auto none = FindIn(file, {{"/c"}, Order::kFile});
  EXPECT_TRUE(none.refused);
  EXPECT_THAT(none.damage, ElementsAre("the recording has no topic '/c'; it has /a, /b"));
}

TEST(Reader, TheVisitorEndsTheReading) {
  const std::string file = Fixture("plain.mcap");
  const auto reader = Reader::Open(AsBytes(file), "file");
  for (const Order order : {Order::kFile, Order::kLogTime}) {
    int seen = 0;
    const auto result = reader->Read({{}, order}, [&](const Channel&, const Message&) -> Status {
      ++seen;
      return UsageError("enough");
    });
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().what, "enough");
    EXPECT_EQ(seen, 1);
  }
}

TEST(Reader, CompressedChunksAreRefusedByName) {
  for (const std::string name : {"zstd", "lz4"}) {
    const std::string file = WithChunk(name);
    const auto reader = Reader::Open(AsBytes(file), "file");
    ASSERT_TRUE(reader.ok());
    EXPECT_THAT(reader->info().packed, ElementsAre(std::pair(name, 1)));
    const auto found = FindIn(file);
    EXPECT_TRUE(found.refused);
    EXPECT_THAT(found.damage, ElementsAre(HasSubstr("compressed with " + name)));
  }
}

TEST(Reader, WhatContradictsItselfIsTold) {
  const auto damage = [](auto put) { return FindIn(Begun(put)).damage; };
  EXPECT_THAT(damage([](Encoder& out) {
                PutMessage({1, 0, 0, 0, {}}, out);
              }),
              Contains(HasSubstr("the channel 1, which")));
  EXPECT_THAT(damage([](Encoder& out) {
                PutChannel({1, 9, "/a", "m", {}}, out);
              }),
              Contains(HasSubstr("the schema 9")));
  EXPECT_THAT(damage([](Encoder& out) { PutSchema({0, "S", "e", ""}, out); }), Contains(HasSubstr("id 0")));
  EXPECT_THAT(damage([](Encoder& out) {
                PutChannel({1, 0, "/a", "m", {}}, out);
                PutChannel({1, 0, "/b", "m", {}}, out);
              }),
              Contains(HasSubstr("channel 1 is told twice")));
  EXPECT_THAT(damage([](Encoder& out) {
                PutSchema({1, "S", "e", "1"}, out);
                PutSchema({1, "S", "e", "2"}, out);
              }),
              Contains(HasSubstr("schema 1 is told twice")));
  EXPECT_THAT(damage([](Encoder& out) {
                const size_t begin = out.BeginRecord(Opcode::kChannel);
                out.Put(uint32_t{1});
                out.Put(uint32_t{1000});
                out.EndRecord(begin);
              }),
              Contains(HasSubstr("'topic' does not fit")));
}

TEST(Reader, SomethingElseIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.mcap";
  std::ofstream(path) << "\x89PNG\r\n\x1a\n";
  const auto png = Reader::Open(path);
  ASSERT_FALSE(png.ok());
  EXPECT_EQ(png.error().code, ErrorCode::kInput);
  EXPECT_THAT(png.error().what, HasSubstr("a PNG picture, not an MCAP recording"));
  EXPECT_FALSE(Reader::Open(folder.path() / "absent").ok());
}

TEST(Reader, AFileOnDisk) {
  const auto reader = Reader::Open(std::filesystem::path(VLAQ_TESTDATA) / "mcap" / "small.mcap");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->info().statistics.messages, 1U);
}

}  // namespace
}  // namespace vlaq::mcap
