// Files that are cut off anywhere or have any bit turned: what stands before is given, and something is always said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/allocation_guard_testing.h"
#include "base/testing.h"
#include "mcap/format.h"
#include "mcap/testing.h"
#include "mcap/writer.h"

namespace vlaq::mcap {
namespace {

using testing::FindIn;
using testing::Fixture;
using ::testing::HasSubstr;

// Chunks of two messages each, six in all, with everything a file can have.
std::string MakeFile() {
  const TemporaryFolder folder;
  auto writer = Writer::Create(folder.path() / "x", {.profile = "", .library = "test", .chunk_bytes = 70});
  EXPECT_TRUE(writer.ok());
  EXPECT_TRUE(writer->AddSchema("S", "e", "d").ok());
  EXPECT_TRUE(writer->AddChannel("/a", 1, "text", {{"k", "v"}}).ok());
  for (uint32_t i = 0; i < 6; ++i) {
    const std::string text = "say" + std::to_string(i);
    EXPECT_TRUE(writer->Write({1, i, 10 * i, i, AsBytes(text)}).ok());
  }
  EXPECT_TRUE(writer->AddMetadata("n", {{"x", "y"}}).ok());
  EXPECT_TRUE(writer->AddAttachment({5, 4, "f", "t/p", AsBytes("z")}).ok());
  EXPECT_TRUE(writer->Close().ok());
  return testing::ReadWhole(folder.path() / "x");
}

// Whether `part` is the beginning of `whole`.
bool IsBeginning(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST(Damage, CutOffAnywhere) {
  for (const std::string& file : {MakeFile(), Fixture("plain.mcap"), Fixture("small.mcap")}) {
    const auto whole = FindIn(file);
    ASSERT_TRUE(whole.damage.empty());
    size_t before = 0;
    for (size_t size = 0; size < file.size(); ++size) {
      const auto found = FindIn(file.substr(0, size));
      EXPECT_FALSE(found.damage.empty()) << size;
      EXPECT_EQ(found.refused, size < kMagic.size()) << size;
      ASSERT_TRUE(IsBeginning(found.messages, whole.messages)) << size;
      ASSERT_GE(found.messages.size(), before) << size;  // a longer file never gives less
      before = found.messages.size();
      EXPECT_EQ(FindIn(file.substr(0, size), {{}, Order::kLogTime}).messages.size(), before);
    }
    EXPECT_EQ(before, whole.messages.size());
  }
}

TEST(Damage, AMessageIsGivenOnceItIsWhole) {
  const std::string file = MakeFile();
  const size_t end = file.find("say0") + 4;
  EXPECT_TRUE(FindIn(file.substr(0, end - 1)).messages.empty());
  const auto found = FindIn(file.substr(0, end));
  EXPECT_EQ(found.messages.size(), 1U);
  EXPECT_THAT(found.damage[0], HasSubstr("is cut off after"));
}

TEST(Damage, AnyBitTurned) {
  const std::string file = MakeFile();
  const auto whole = FindIn(file);
  ASSERT_EQ(whole.messages.size(), 6U);
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string turned = file;
    turned[bit / 8] = static_cast<char>(static_cast<unsigned char>(turned[bit / 8]) ^ (1U << (bit % 8)));
    const auto found = FindIn(turned);
    EXPECT_FALSE(found.damage.empty()) << "bit " << bit % 8 << " of byte " << bit / 8;
    // Chunks vouch for their messages. An index may have become a message outside of them; then the damage was told.
    const auto is_alien = [&](const std::string& message) {
      return std::none_of(whole.messages.begin(), whole.messages.end(),
                          [&](const std::string& other) { return message.substr(3) == other.substr(3); });
    };
    EXPECT_LE(std::count_if(found.messages.begin(), found.messages.end(), is_alien), 1) << bit / 8;
  }
}

TEST(Damage, AChunkWithAnotherChecksumIsLeftOutAndTheRestGiven) {
  std::string file = MakeFile();
  file[file.find("say3")] = 'S';
  const auto found = FindIn(file);
  ASSERT_EQ(found.messages.size(), 4U);
  EXPECT_THAT(found.messages[1], HasSubstr("say1"));
  EXPECT_THAT(found.messages[2], HasSubstr("say4"));
  EXPECT_THAT(found.damage[0], HasSubstr("its messages are left out"));
}

TEST(Damage, ADamagedSummaryIsNotBelieved) {
  std::string file = MakeFile();
  file[file.rfind("/a")] = '#';  // the summary's channel
  const auto reader = Reader::Open(AsBytes(file), "file");
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE(reader->info().from_summary);
  EXPECT_EQ(reader->info().channels.at(1).topic, "/a");
  ASSERT_EQ(reader->info().damage.size(), 1U);
  EXPECT_THAT(reader->info().damage[0].ToString(), HasSubstr("summary has not the checksum"));
}

TEST(Damage, NoLengthThatLiesTakesMemory) {
  const std::string file = Fixture("small.mcap");
  for (const std::string_view number : {"\xff\xff\xff\xff\xff\xff\xff\x7f", "\xff\xff\xff\x7f", "\xff\xff\xff\xff"}) {
    for (size_t at = kMagic.size(); at + number.size() <= file.size(); ++at) {
      std::string lying = file;
      lying.replace(at, number.size(), number);
      const AllocationGuard guard;
      const auto found = FindIn(lying);
      EXPECT_LT(guard.largest(), 4096U) << at;
      EXPECT_FALSE(found.damage.empty()) << at;
    }
  }
}

TEST(Damage, OnlySoMuchIsTold) {
  const TemporaryFolder folder;
  auto writer = Writer::Create(folder.path() / "x", {.profile = "", .library = "test", .chunk_bytes = 1});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->AddChannel("/a", 0, "text").ok());
  for (uint32_t i = 0; i < 3 * kMostDamage; ++i) ASSERT_TRUE(writer->Write({1, i, i, i, AsBytes("good")}).ok());
  ASSERT_TRUE(writer->Close().ok());
  std::string file = testing::ReadWhole(folder.path() / "x");
  for (size_t at = file.find("good"); at != file.npos; at = file.find("good", at)) file[at] = 'b';
  const auto reader = Reader::Open(AsBytes(file), "file");
  const auto damage = reader->Read({}, [](const Channel&, const Message&) { return Status(); });
  ASSERT_TRUE(damage.ok());
  EXPECT_EQ(damage->size(), kMostDamage);
}

}  // namespace
}  // namespace vlaq::mcap
