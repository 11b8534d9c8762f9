// A disk that fills up. A limit on the size of files stands for it: writes up to it are short, past it they fail.
#include "mcap/append_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "base/testing.h"
#include "mcap/testing.h"
#include "mcap/writer.h"

namespace vlaq::mcap {
namespace {
namespace fs = std::filesystem;

using ::testing::HasSubstr;

class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = nullptr;
};

TEST(AppendFile, ABlockIsThereWholeOrNotAtAll) {
  const TemporaryFolder folder;
  auto file = AppendFile::Create(folder.path() / "x", Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Append(AsBytes("12345678")).ok());
  {
    const FullDisk disk(12);
    const Status status = file->Append(AsBytes("abcdefgh"));
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kInput);
    EXPECT_THAT(status.error().what, HasSubstr("cannot write"));
    EXPECT_EQ(fs::file_size(folder.path() / "x"), 8U);
  }
  ASSERT_TRUE(file->Append(AsBytes("ijkl")).ok());
  EXPECT_EQ(file->size(), 12U);
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(testing::ReadWhole(folder.path() / "x"), "12345678ijkl");
  EXPECT_EQ(file->Append(AsBytes("m")).error().code, ErrorCode::kInternal);
}

TEST(AppendFile, TheChecksumIsThatOfAllBlocks) {
  const TemporaryFolder folder;
  auto file = AppendFile::Create(folder.path() / "x", Existing::kRefuse);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Append(AsBytes("1234")).ok());
  ASSERT_TRUE(file->Append(AsBytes("56789")).ok());
  EXPECT_EQ(file->checksum(), 0xCBF43926U);  // the check value that the literature gives for "123456789"
}

TEST(AppendFile, ARecordingOnAFullDiskKeepsItsWholeChunks) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.mcap";
  auto writer = Writer::Create(path, {.profile = "", .library = "test", .chunk_bytes = 50});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->AddChannel("/a", 0, "text").ok());
  uint32_t written = 0;
  Status status;
  {
    const FullDisk disk(2000);
    for (; status.ok() && written < 1000; ++written) {
      status = writer->Write({1, written, written, written, AsBytes("0123456789012345678901234567890123456789")});
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(writer->Flush().error().ToString(), status.error().ToString());  // it stays
    EXPECT_FALSE(writer->Close().ok());
  }
  const auto found = testing::FindIn(testing::ReadWhole(path));
  EXPECT_GT(found.messages.size(), 5U);
  EXPECT_EQ(found.messages.size(), written - 1);  // each is a chunk; the last did not fit
  ASSERT_FALSE(found.damage.empty());
  EXPECT_THAT(found.damage[0], HasSubstr("was not closed"));
}

}  // namespace
}  // namespace vlaq::mcap
