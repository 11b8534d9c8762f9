#include "base/output.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/folder_lock.h"
#include "base/scratch_folder.h"
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

TEST(OutputFile, MakesTheFoldersAboveIt) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFile(folder.path() / "new" / "newer" / "a.bin", "x", Existing::kRefuse).ok());
  EXPECT_EQ(ReadAll(folder.path() / "new" / "newer" / "a.bin"), "x");
  const auto below_a_file = OutputFile::Create(folder.path() / "new" / "newer" / "a.bin" / "b", Existing::kRefuse);
  ASSERT_FALSE(below_a_file.ok());
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kInput);
}

TEST(OutputPlace, IsLookedAtWithoutMakingAnything) {
  TemporaryFolder folder;
  const fs::path new_file = folder.path() / "new" / "a.bin";
  EXPECT_TRUE(CheckFilePlace(new_file, Existing::kRefuse).ok());
  EXPECT_TRUE(CheckFolderPlace(folder.path() / "new" / "b").ok());
  EXPECT_EQ(CountEntries(folder.path()), 0U);
  ASSERT_TRUE(WriteFile(folder.path() / "there", "x", Existing::kRefuse).ok());
  const auto code = [](const Status& status) { return status.ok() ? ErrorCode{} : status.error().code; };
  EXPECT_EQ(code(CheckFilePlace(folder.path() / "there", Existing::kRefuse)), ErrorCode::kUsage);
  EXPECT_TRUE(CheckFilePlace(folder.path() / "there", Existing::kReplace).ok());
  EXPECT_EQ(code(CheckFilePlace(folder.path(), Existing::kReplace)), ErrorCode::kUsage);
  EXPECT_EQ(code(CheckFilePlace("/dev/null", Existing::kReplace)), ErrorCode::kUsage) << "would be replaced by a file";
  EXPECT_EQ(code(CheckFolderPlace(folder.path() / "there")), ErrorCode::kInput);
  EXPECT_EQ(code(CheckFilePlace("/proc/1/a.bin", Existing::kRefuse)), ErrorCode::kInput);
}

TEST(OutputPlace, NeedsRoom) {
  TemporaryFolder folder;
  EXPECT_TRUE(CheckRoom(folder.path() / "new" / "a.bin", 1).ok());
  const Status status = CheckRoom(folder.path() / "new" / "a.bin", uint64_t{1} << 60U);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().ToString().find("a.bin: needs 1152922 TB, and "), std::string::npos)
      << status.error().ToString();
}

TEST(OutputFile, ErrorsNameTheTargetNotTheTemporaryName) {
  TemporaryFolder folder;
  auto out = OutputFolder::Create(folder.path() / "b", Existing::kRefuse);
  ASSERT_TRUE(out.ok());
  auto file = OutputFile::Create(out->path() / "weights.bin", Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  const Status status = file->Expect(uint64_t{1} << 60U);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, (folder.path() / "b" / "weights.bin").string());
}

// A name that can be guessed, and a link there that leads elsewhere.
TEST(OutputFile, FollowsNoPlantedLink) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFile(folder.path() / "victim", "mine", Existing::kRefuse).ok());
  const fs::path planted = (folder.path() / "a.bin").string() + ".part-" + ProcessMark();
  fs::create_symlink(folder.path() / "victim", planted);
  ASSERT_TRUE(WriteFile(folder.path() / "a.bin", "new", Existing::kRefuse).ok());
  EXPECT_EQ(ReadAll(folder.path() / "victim"), "mine");
  EXPECT_EQ(ReadAll(folder.path() / "a.bin"), "new");
  EXPECT_FALSE(fs::is_symlink(folder.path() / "a.bin"));
}

TEST(OutputFile, TwoOfOneProcessDoNotMeet) {
  TemporaryFolder folder;
  auto first = OutputFile::Create(folder.path() / "a.bin", Existing::kRefuse);
  auto second = OutputFile::Create(folder.path() / "a.bin", Existing::kRefuse);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(first->Write("first").ok() && second->Write("second").ok());
  ASSERT_TRUE(second->Commit().ok());
  const Status late = first->Commit();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kUsage);
  EXPECT_EQ(ReadAll(folder.path() / "a.bin"), "second");
}

TEST(OutputFile, RemovesWhatAKilledProcessLeft) {
  TemporaryFolder folder;
  // No process has the largest number; 1 is always there.
  const std::string mark = ProcessMark().substr(0, ProcessMark().find('-'));
  std::string elsewhere = mark;  // another boot or container, whose processes have numbers of their own
  elsewhere[7] = elsewhere[7] == '0' ? '1' : '0';
  elsewhere[13] = elsewhere[13] == '0' ? '1' : '0';
  const std::string gone = "a.bin.part-" + mark + "-2147483647";
  for (const std::string& name : {gone, "a.bin.part-" + mark + "-1", "a.bin.part-" + elsewhere + "-2147483647",
                                  "other.bin.part-" + mark + "-2147483647", std::string("a.bin.part-1234567")}) {
    std::ofstream(folder.path() / name) << "x";
  }
  ASSERT_TRUE(WriteFile(folder.path() / "a.bin", "new", Existing::kRefuse).ok());
  EXPECT_FALSE(fs::exists(folder.path() / gone));
  EXPECT_EQ(CountEntries(folder.path()), 5U) << "nothing else is surely a killed vlaq's";
}

TEST(Leftover, OfAnEarlierBootIsOneThatIsOlderThanThis) {
  TemporaryFolder folder;
  std::string mark = ProcessMark();
  mark[7] = mark[7] == '0' ? '1' : '0';
  ASSERT_TRUE(WriteFile(folder.path() / "a", "x", Existing::kRefuse).ok());
  EXPECT_FALSE(IsLeftover(folder.path() / "a", mark));
  fs::last_write_time(folder.path() / "a", fs::file_time_type::clock::now() - std::chrono::hours(24 * 365 * 30));
  EXPECT_TRUE(IsLeftover(folder.path() / "a", mark));
  mark[0] = mark[0] == '0' ? '1' : '0';
  EXPECT_FALSE(IsLeftover(folder.path() / "a", mark)) << "another machine's";
  EXPECT_FALSE(IsLeftover(folder.path() / "a", "1234567"));
}

TEST(ScratchFolder, GoesWithItselfAndWithWhoWasKilled) {
  TemporaryFolder folder;
  ASSERT_EQ(::setenv("TMPDIR", folder.path().c_str(), 1), 0);
  const std::string mark = ProcessMark().substr(0, ProcessMark().find('-'));
  fs::create_directories(folder.path() / ("vlaq-policy-" + mark + "-2147483647-abcdef") / "bundle");
  fs::create_directories(folder.path() / "vlaq-notes");
  {
    auto scratch = ScratchFolder::Make("test");
    ASSERT_TRUE(scratch.ok());
    const ScratchFolder moved = std::move(*scratch);
    EXPECT_EQ(moved.path().parent_path(), folder.path());
    EXPECT_EQ(fs::status(moved.path()).permissions(), fs::perms::owner_all);
    ASSERT_TRUE(WriteFile(moved.path() / "x", "1", Existing::kRefuse).ok());
    EXPECT_EQ(CountEntries(folder.path()), 2U);
  }
  EXPECT_EQ(CountEntries(folder.path()), 1U);
  ASSERT_EQ(::setenv("TMPDIR", "/nowhere", 1), 0);
  const auto none = ScratchFolder::Make("test");
  ::unsetenv("TMPDIR");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kInput);
}

TEST(OutputFolder, IsRemovedWhenTheProgramIsInterrupted) {
  TemporaryFolder folder;
  auto out = OutputFolder::Create(folder.path() / "b", Existing::kRefuse);
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
  const auto never = [](const fs::path&) -> Status { return UsageError("not ours"); };
  const auto always = [](const fs::path&) { return Status(); };
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

// By the user, or by another vlaq that was faster.
TEST(OutputFolder, ReplacesNothingThatAppearedMeanwhile) {
  TemporaryFolder folder;
  const fs::path target = folder.path() / "bundle";
  auto out = OutputFolder::Create(target, Existing::kRefuse);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFile(out->path() / "x", "1", Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(target / "thesis.txt", "work", Existing::kRefuse).ok());
  const Status status = out->Commit();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_EQ(ReadAll(target / "thesis.txt"), "work");
  EXPECT_FALSE(fs::exists(target / "x"));
}

TEST(OutputFolder, LooksAtWhatItReplacesOnceMore) {
  TemporaryFolder folder;
  const fs::path target = folder.path() / "bundle";
  const auto without_notes = [](const fs::path& path) -> Status {
    return fs::exists(path / "NOTES.txt") ? Status(UsageError("has notes")) : Status();
  };
  ASSERT_TRUE(WriteFile(target / "x", "1", Existing::kRefuse).ok());
  auto out = OutputFolder::Create(target, Existing::kReplace, without_notes);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFile(target / "NOTES.txt", "work", Existing::kRefuse).ok());
  EXPECT_FALSE(out->Commit().ok());
  EXPECT_EQ(ReadAll(target / "NOTES.txt"), "work");
}

TEST(OutputFolder, JoinsAFolderAllOrNone) {
  TemporaryFolder folder;
  const fs::path target = folder.path() / "new" / "set";
  for (const char* name : {"a", "b"}) {  // makes the folder, then joins it
    auto out = OutputFolder::Into(target, Existing::kRefuse);
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFile(out->path() / name, name, Existing::kRefuse).ok());
    EXPECT_FALSE(fs::exists(target / name));
    ASSERT_TRUE(out->Commit().ok());
  }
  EXPECT_EQ(ReadAll(target / "a") + ReadAll(target / "b"), "ab");
  for (const Existing existing : {Existing::kRefuse, Existing::kReplace}) {
    auto out = OutputFolder::Into(target, existing);
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFile(out->path() / "b", "new", Existing::kRefuse).ok());
    ASSERT_TRUE(WriteFile(out->path() / "c", "new", Existing::kRefuse).ok());
    EXPECT_EQ(out->Commit().ok(), existing == Existing::kReplace);
    EXPECT_EQ(fs::exists(target / "c"), existing == Existing::kReplace);
  }
  EXPECT_EQ(ReadAll(target / "b"), "new");
  EXPECT_EQ(CountEntries(folder.path() / "new"), 1U);
}

// Where names cannot be exchanged, a killed process leaves the old folder under another name.
TEST(OutputFolder, AnOldOneWithoutSuccessorGoesBack) {
  TemporaryFolder folder;
  const std::string mark = ProcessMark().substr(0, ProcessMark().find('-')) + "-2147483647";
  for (const bool succeeded : {false, true}) {
    const fs::path old = folder.path() / ("b.old-" + mark);
    ASSERT_TRUE(WriteFile(old / "x", "old", Existing::kRefuse).ok());
    const auto always = [](const fs::path&) { return Status(); };
    { ASSERT_TRUE(OutputFolder::Create(folder.path() / "b", Existing::kReplace, always).ok()); }
    EXPECT_EQ(ReadAll(folder.path() / "b" / "x"), succeeded ? "new" : "old");
    EXPECT_FALSE(fs::exists(old));
    ASSERT_TRUE(WriteFile(folder.path() / "b" / "x", "new", Existing::kReplace).ok());
  }
}

TEST(OutputFolder, LeavesNothingWhenDropped) {
  TemporaryFolder folder;
  {
    auto out = OutputFolder::Create(folder.path() / "b", Existing::kRefuse);
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFile(out->path() / "x", "1", Existing::kRefuse).ok());
  }
  EXPECT_EQ(CountEntries(folder.path()), 0U);
}

}  // namespace
}  // namespace vlaq
