#include "base/output.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/folder_lock.h"
#include "base/testing.h"
#include "base/unfinished.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

size_t CountEntries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

TEST(OutputFile, AppearsOnlyWhenCommitted) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "a.bin";
  auto file = OutputFile::Create(path, Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("abc").ok());
  ASSERT_TRUE(file->AlignTo(8).ok());
  EXPECT_EQ(file->offset(), 8U);
  ASSERT_TRUE(file->Write("tail").ok());
  ASSERT_TRUE(file->WriteAt(1, AsBytes("X")).ok());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ReadAll(path), std::string("aXc\0\0\0\0\0tail", 12));
  EXPECT_EQ(CountEntries(folder.path()), 1U);
}

// The bytes are the same whether the file system shares blocks or not, wherever they lie.
TEST(OutputFile, WritesRangesOfOtherFiles) {
  TemporaryFolder folder;
  std::string content(5 * OutputFile::kSharedBlock + 100, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  ASSERT_TRUE(WriteFile(folder.path() / "source", content, Existing::kRefuse).ok());
  const auto source = MappedFile::Open(folder.path() / "source");
  ASSERT_TRUE(source.ok());
  for (const size_t before : {size_t{0}, size_t{10}, OutputFile::kSharedBlock, OutputFile::kSharedBlock + 10}) {
    for (const size_t from : {size_t{0}, size_t{10}, OutputFile::kSharedBlock}) {
      for (const size_t size : {size_t{5}, OutputFile::kSharedBlock, content.size() - from}) {
        const fs::path path = folder.path() / "copy";
        auto file = OutputFile::Create(path, Existing::kReplace);
        ASSERT_TRUE(file.ok());
        ASSERT_TRUE(file->Write(std::string(before, 'x')).ok());
        ASSERT_TRUE(file->WriteShared(**source, (*source)->bytes().subspan(from, size)).ok());
        ASSERT_TRUE(file->Write("end").ok());
        EXPECT_EQ(file->offset(), before + size + 3);
        ASSERT_TRUE(file->Commit().ok());
        EXPECT_EQ(ReadAll(path), std::string(before, 'x') + content.substr(from, size) + "end")
            << before << " " << from;
      }
    }
  }
}

TEST(OutputFile, LeavesNothingWhenDropped) {
  TemporaryFolder folder;
  {
    auto file = OutputFile::Create(folder.path() / "a.bin", Existing::kRefuse);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Write("abc").ok());
  }
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

TEST(OutputPath, MovesWhatSomebodyElseWrote) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "a.bin";
  {
    auto place = OutputPath::Create(path, Existing::kRefuse);
    ASSERT_TRUE(place.ok());
    std::ofstream(place->path()) << "abc";
    EXPECT_FALSE(fs::exists(path));
    ASSERT_TRUE(place->Commit().ok());
  }
  EXPECT_EQ(ReadAll(path), "abc");
  EXPECT_EQ(CountEntries(folder.path()), 1U);
  EXPECT_FALSE(OutputPath::Create(path, Existing::kRefuse).ok());
  {
    auto dropped = OutputPath::Create(path, Existing::kReplace);
    ASSERT_TRUE(dropped.ok());
    std::ofstream(dropped->path()) << "other";
    const OutputPath moved = std::move(*dropped);
  }
  EXPECT_EQ(ReadAll(path), "abc");
  EXPECT_EQ(CountEntries(folder.path()), 1U);
}

TEST(OutputFile, RefusesAnExistingFileBothEarlyAndLate) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "a.bin";
  auto file = OutputFile::Create(path, Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteFile(path, "first", Existing::kRefuse).ok());
  EXPECT_FALSE(file->Commit().ok());  // made by someone else meanwhile
  EXPECT_EQ(ReadAll(path), "first");
  auto second = OutputFile::Create(path, Existing::kRefuse);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUsage);
  ASSERT_TRUE(WriteFile(path, "second", Existing::kReplace).ok());
  EXPECT_EQ(ReadAll(path), "second");
}

TEST(OutputFile, LargeBlocksKeepTheirOrder) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "a.bin";
  auto file = OutputFile::Create(path, Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (size_t i = 0; i < 8; ++i) {
    const std::string block(i % 2 == 0 ? 100 : (size_t{1} << 20U) + 7, static_cast<char>('a' + i));
    ASSERT_TRUE(file->Write(block).ok());
    expected += block;
  }
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ReadAll(path), expected);
}

TEST(OutputFile, NamesTheMissingFolder) {
  TemporaryFolder folder;
  auto file = OutputFile::Create(folder.path() / "none" / "a.bin", Existing::kRefuse);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::kInput);
  EXPECT_NE(file.error().ToString().find("none does not exist"), std::string::npos);
}

TEST(OutputFile, RemovesWhatAKilledProcessLeft) {
  TemporaryFolder folder;
  // No process has the largest number; 1 is always there.
  ASSERT_TRUE(WriteFile(folder.path() / "a.bin.part-2147483647", "x", Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "a.bin.part-1", "x", Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "other.bin.part-2147483647", "x", Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "a.bin", "new", Existing::kRefuse).ok());
  EXPECT_FALSE(fs::exists(folder.path() / "a.bin.part-2147483647"));
  EXPECT_TRUE(fs::exists(folder.path() / "a.bin.part-1"));
  EXPECT_TRUE(fs::exists(folder.path() / "other.bin.part-2147483647"));
}

TEST(OutputFolder, IsRemovedWhenTheProgramIsInterrupted) {
  TemporaryFolder folder;
  auto out = OutputFolder::Create(folder.path() / "b", Existing::kRefuse, [](const fs::path&) { return true; });
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFile(out->path() / "x", "1", Existing::kRefuse).ok());
  RemoveUnfinishedOutputs();
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

TEST(FolderLock, IsHeldByOneAtATime) {
  TemporaryFolder folder;
  {
    auto first = FolderLock::Take(folder.path());
    ASSERT_TRUE(first.ok());
    const FolderLock moved = std::move(*first);
    const auto second = FolderLock::Take(folder.path());  // another descriptor, as another process would have
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kInput);
  }
  EXPECT_TRUE(FolderLock::Take(folder.path()).ok());
  EXPECT_EQ(CountEntries(folder.path()), 0U);
  EXPECT_FALSE(FolderLock::Take(folder.path() / "nowhere").ok());
}

TEST(OutputFolder, ReplacesOnlyWhatIsOurs) {
  TemporaryFolder folder;
  const fs::path target = folder.path() / "bundle";
  const auto never = [](const fs::path&) { return false; };
  const auto always = [](const fs::path&) { return true; };
  {
    auto out = OutputFolder::Create(target, Existing::kRefuse, never);
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFile(out->path() / "x", "1", Existing::kRefuse).ok());
    EXPECT_FALSE(fs::exists(target));
    ASSERT_TRUE(out->Commit().ok());
  }
  EXPECT_EQ(ReadAll(target / "x"), "1");
  EXPECT_FALSE(OutputFolder::Create(target, Existing::kRefuse, always).ok());
  EXPECT_FALSE(OutputFolder::Create(target, Existing::kReplace, never).ok());
  auto out = OutputFolder::Create(target, Existing::kReplace, always);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFile(out->path() / "x", "2", Existing::kRefuse).ok());
  EXPECT_EQ(ReadAll(target / "x"), "1");
  ASSERT_TRUE(out->Commit().ok());
  EXPECT_EQ(ReadAll(target / "x"), "2");
  EXPECT_EQ(CountEntries(folder.path()), 1U);
}

TEST(OutputFolder, LeavesNothingWhenDropped) {
  TemporaryFolder folder;
  {
    auto out = OutputFolder::Create(folder.path() / "b", Existing::kRefuse, [](const fs::path&) { return true; });
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFile(out->path() / "x", "1", Existing::kRefuse).ok());
  }
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

}  // namespace
}  // namespace vlaq
