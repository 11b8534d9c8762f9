// Damages real checkpoints in thousands of seeded ways and opens them: a damaged file either still reads or gives a
// clean error that names the file and the place. It never crashes, never hangs, and never needs memory out of
// proportion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/allocation_guard_testing.h"
#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "mutation.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;

const fs::path kFolder = fs::path(VLAQ_TESTDATA) / "checkpoint";
constexpr int kVariants = 300;  // of each case

// A checkpoint of one or more files, one of which is damaged.
struct Case {
  std::string opened;   // the file that is opened
  std::string damaged;  // the file that is changed
  std::vector<std::string> beside;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.opened << " with damage in " << c.damaged;
}

const std::vector<std::string> kShards = {"model.safetensors.index.json", "model-00001-of-00002.safetensors",
                                          "model-00002-of-00002.safetensors"};

std::string ReadWhole(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void WriteWhole(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
}

// Where the structure of the file stands, as opposed to the values of tensors.
std::vector<HotRange> HotRangesOf(const std::string& name, const std::string& file) {
  if (name.ends_with(".json")) return {};  // all of it
  if (name.ends_with(".safetensors")) {
    uint64_t header = 0;
    std::memcpy(&header, file.data(), sizeof(header));
    return {{0, 8}, {8, 8 + header}, {8, 8 + header}};
  }
  std::vector<HotRange> hot;
  for (size_t at = file.find("PK\x03\x04"); at != file.npos; at = file.find("PK\x03\x04", at + 1)) {
    hot.push_back({at, at + 60});
  }
  const size_t directory = file.find("PK\x01\x02");
  const size_t pickle_end = hot.size() > 1 ? hot[1].begin : file.size();
  const size_t records = hot.size();
  for (size_t i = 0; i < records; ++i) {  // as often as all the headers together
    hot.push_back({0, pickle_end});
    hot.push_back({directory, file.size()});
    hot.push_back({file.size() - 98, file.size()});  // the end records
  }
  return hot;
}

// Opens the checkpoint and reads all of it; the error's text or "".
std::string ErrorOf(const fs::path& path, bool check_crc) {
  const auto opened = Checkpoint::Open(path, {check_crc});
  if (!opened.ok()) {
    const Error& error = opened.error();
    EXPECT_EQ(error.code, ErrorCode::kInput) << error.ToString();
    EXPECT_TRUE(error.where.starts_with(path.parent_path().string())) << error.ToString();
    // After the file's name stands a place in it, unless it could not be opened or is something else altogether.
    const bool has_place = error.where.find(": ", path.parent_path().string().size()) != error.where.npos;
    EXPECT_TRUE(has_place || error.what.starts_with("cannot open the file") || error.what.starts_with("is ") ||
                error.what.starts_with("byte 0: "))
        << error.ToString();
    EXPECT_FALSE(error.what.empty());
    return error.ToString();
  }
  const Checkpoint& checkpoint = **opened;
  uint64_t sum = 0;
  for (const auto& entry : checkpoint.entries()) {
    const Tensor tensor = checkpoint.Read(entry);
    for (const std::byte byte : tensor.bytes()) sum += std::to_integer<uint64_t>(byte);
    EXPECT_EQ(checkpoint.Find(entry.name), &entry);
  }
  for (const auto& extra : checkpoint.extras()) sum += extra.text.size();
  EXPECT_NE(sum, 0U);
  return "";
}

class CorruptionTest : public ::testing::TestWithParam<Case> {};

TEST_P(CorruptionTest, OnlyCleanErrors) {
  const Case& which = GetParam();
  const TemporaryFolder folder;
  uint64_t total = 0;
  for (const std::string& name : which.beside) {
    fs::copy_file(kFolder / name, folder.path() / name);
    total += fs::file_size(kFolder / name);
  }
  const std::string original = ReadWhole(kFolder / which.damaged);
  const auto hot = HotRangesOf(which.damaged, original);
  Random random(2026, std::hash<std::string>{}(which.damaged));
  std::set<std::string> messages;
  int failed = 0;
  for (int i = 0; i < kVariants; ++i) {
    SCOPED_TRACE(::testing::Message() << "variant " << i);
    const std::string mutated = Mutate(original, hot, random);
    WriteWhole(folder.path() / which.damaged, mutated);
    const uint64_t bytes = mutated.size() + total;
    const auto begin = std::chrono::steady_clock::now();
    const AllocationGuard guard;
    const std::string error = ErrorOf(folder.path() / which.opened, i % 8 == 0);
    // One allocation never exceeds the file; 4 kB leave room for messages and names of a tiny one. All together may be
    // a small multiple of it, since a table entry is larger than the text that describes it.
    EXPECT_LE(guard.largest(), bytes + 4096) << error;
    EXPECT_LE(guard.peak(), 16 * bytes + 65536) << error;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    failed += error.empty() ? 0 : 1;
    messages.insert(error.substr(0, error.find_last_of("0123456789")));
    if (HasFailure()) {
      WriteWhole(fs::temp_directory_path() / ("vlaq_corruption_" + which.damaged), mutated);
      FAIL() << "the offending file is kept in the folder for temporary files";
    }
  }
  // The damage must matter, or this test would show nothing.
  EXPECT_GE(failed, kVariants / 4);
  EXPECT_GE(messages.size(), 8U);
}

INSTANTIATE_TEST_SUITE_P(
    RealFiles, CorruptionTest,
    ::testing::Values(Case{"trainer.pth", "trainer.pth", {}}, Case{"views.pth", "views.pth", {}},
                      Case{"dtypes.pth", "dtypes.pth", {}}, Case{"nested_protocol5.pth", "nested_protocol5.pth", {}},
                      Case{"prefixes_protocol4.pth", "prefixes_protocol4.pth", {}},
                      Case{"trainer.safetensors", "trainer.safetensors", {}},
                      Case{"dtypes.safetensors", "dtypes.safetensors", {}}, Case{kShards[0], kShards[0], kShards},
                      Case{kShards[0], kShards[1], kShards}, Case{kShards[0], kShards[2], kShards}),
    [](const auto& test) {
      std::string name = test.param.damaged;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
      return name;
    });

// Every prefix of a file, for one small file of each kind.
TEST(Truncation, EveryLength) {
  const TemporaryFolder folder;
  for (const std::string name : {"views.pth", "views.safetensors"}) {
    const std::string original = ReadWhole(kFolder / name);
    for (size_t size = 0; size < original.size(); size += 1 + size / 256) {
      WriteWhole(folder.path() / name, original.substr(0, size));
      EXPECT_NE(ErrorOf(folder.path() / name, false), "") << name << " cut to " << size;
    }
  }
}

// The undamaged files pass, so the errors above come from the damage.
TEST(Undamaged, AllCasesOpen) {
  for (const std::string name :
       {"trainer.pth", "views.pth", "dtypes.pth", "nested_protocol5.pth", "prefixes_protocol4.pth",
        "trainer.safetensors", "dtypes.safetensors", "model.safetensors.index.json"}) {
    EXPECT_EQ(ErrorOf(kFolder / name, name.ends_with(".pth")), "") << name;
  }
}

TEST(AllocationGuard, SeesLargeAllocations) {
  const AllocationGuard guard;
  {
    const std::vector<char> large(1'000'000);
    const std::vector<char> other(500'000);
  }
  EXPECT_GE(guard.largest(), 1'000'000U);
  EXPECT_GE(guard.peak(), 1'500'000U);
  EXPECT_LT(guard.peak(), 1'600'000U);
}

TEST(Mutate, IsSeededAndAlwaysChangesSomething) {
  const std::string original(1000, 'x');
  Random a(1);
  Random b(1);
  for (int i = 0; i < 200; ++i) {
    const std::string mutated = Mutate(original, {{10, 20}}, a);
    EXPECT_EQ(mutated, Mutate(original, {{10, 20}}, b));
    EXPECT_NE(mutated, original);
  }
}

}  // namespace
}  // namespace vlaq
