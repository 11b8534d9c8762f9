#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/status.h"
#include "base/system_files.h"
#include "base/testing.h"
#include "base/text.h"

namespace vlaq {
namespace {

using ::testing::HasSubstr;

TEST(Text, Utf8) {
  for (const char* text :
       {"", "left", "\xC3\xB8", "\xE2\x82\xAC", "\xF0\x9F\xA4\x96 go", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  // Alone, cut, overlong, a surrogate, beyond the last code point, Latin-1.
  for (const char* text : {"\x80", "\xC3", "a\xE2\x82", "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\x80", "\xED\xA0\x80",
                           "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "b\xF8x", "\xC3\xC3"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

TEST(Status, TextGrowsFromTheInsideOut) {
  const Error error = Within("model.onnx", InputError("node 'x'", "has no output", "export it again"));
  EXPECT_EQ(error.ToString(), "model.onnx: node 'x': has no output; export it again");
  EXPECT_EQ(error.code, ErrorCode::kInput);
}

TEST(Status, AssignOrReturnPassesErrorsOn) {
  const auto half = [](int x) -> Result<int> {
    if (x % 2 != 0) return UsageError("odd");
    return x / 2;
  };
  const auto quarter = [&](int x) -> Result<int> {
    VLAQ_ASSIGN_OR_RETURN(const int h, half(x));
    return half(h);
  };
  EXPECT_EQ(*quarter(8), 2);
  ASSERT_FALSE(quarter(6).ok());
  EXPECT_EQ(quarter(6).error().code, ErrorCode::kUsage);
}

TEST(Bytes, CheckedArithmetic) {
  EXPECT_EQ(CheckedMul<uint64_t>(1ULL << 33U, 1ULL << 31U), std::nullopt);
  EXPECT_EQ(CheckedMul<int64_t>(3, 4), 12);
  EXPECT_EQ(CheckedAdd<uint64_t>(~0ULL, 1), std::nullopt);
}

TEST(Hash, KnownDigests) {
  EXPECT_EQ(Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 hash;
  hash.Update(AsBytes("a"));
  hash.Update(AsBytes("bc"));
  EXPECT_EQ(hash.FinishHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, Xxh3IsTheSameInPiecesAndWhole) {
  EXPECT_EQ(Xxh3Hex({}), "99aa06d3014798d86001c324468d497f");
  const std::string text(1000, 'x');
  Xxh3 hash;
  hash.Update(AsBytes(text).first(333));
  hash.Update(AsBytes(text).subspan(333));
  EXPECT_EQ(hash.FinishHex(), Xxh3Hex(AsBytes(text)));
  EXPECT_NE(Xxh3Hex(AsBytes(text)), Xxh3Hex(AsBytes(text).first(999)));
}

TEST(Json, ErrorsNameTheFileAndTheKey) {
  EXPECT_THAT(ParseJson("{\"a\": 1,", "f.json").error().ToString(), HasSubstr("f.json"));
  EXPECT_THAT(ParseJson(R"({"a": 1, "a": 2})", "f.json").error().ToString(), HasSubstr("\"a\""));
  EXPECT_FALSE(ParseJson(std::string(100000, '['), "f.json").ok());
  auto json = ParseJson(R"({"n": 3, "s": "x", "l": [1, 2], "none": null})", "f.json");
  ASSERT_TRUE(json.ok());
  const JsonReader reader(*json, "f.json");
  EXPECT_EQ(**reader.Integer("n"), 3);
  EXPECT_EQ(**reader.String("s"), "x");
  EXPECT_EQ(reader.Integers("l")->value(), (std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(reader.Integer("none")->has_value());
  EXPECT_FALSE(reader.Integer("missing")->has_value());
  EXPECT_THAT(reader.Integer("s").error().ToString(), HasSubstr("\"s\""));
}

TEST(MappedFile, ReadsWhatWasWritten) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFile(folder.path() / "f", "hello", Existing::kRefuse).ok());
  auto file = MappedFile::Open(folder.path() / "f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(AsText((*file)->bytes()), "hello");
  ASSERT_TRUE(WriteFile(folder.path() / "empty", "", Existing::kRefuse).ok());
  auto empty = MappedFile::Open(folder.path() / "empty");
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE((*empty)->bytes().empty());
  EXPECT_EQ(MappedFile::Open(folder.path() / "none").error().code, ErrorCode::kInput);
  EXPECT_EQ(MappedFile::Open(folder.path()).error().code, ErrorCode::kInput);
}

TEST(SystemFiles, AreAbsentOrTheirFirstLine) {
  const TemporaryFolder root;
  const auto chip = root.path() / "sys/class/hwmon/hwmon0";
  std::filesystem::create_directories(chip);
  std::ofstream(chip / "name") << std::string("ina3221\0rest\nsecond", 19);
  EXPECT_EQ(FirstLine(chip / "name"), "ina3221");
  EXPECT_EQ(FirstLine(chip / "none"), std::nullopt);
  EXPECT_EQ(FirstNumber(chip / "name"), std::nullopt);
  EXPECT_EQ(BoardInputWatts(root.path()), std::nullopt) << "no readings";
  std::ofstream(chip / "in1_input") << "5000\n";
  std::ofstream(chip / "curr1_input") << "1500 mA\n";
  EXPECT_EQ(FirstNumber(chip / "curr1_input"), 1500);
  EXPECT_DOUBLE_EQ(BoardInputWatts(root.path()).value_or(0), 7.5);
  EXPECT_THAT(EntriesBeginning(chip, "in"), ::testing::ElementsAre(chip / "in1_input"));
  EXPECT_THAT(EntriesBeginning(root.path() / "none", ""), ::testing::IsEmpty());
}

TEST(Parallel, VisitsEveryItemOnce) {
  std::vector<std::atomic<int>> seen(1000);
  ParallelFor(seen.size(), 4, [&](size_t i) { ++seen[i]; });
  for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
  ParallelFor(0, 4, [](size_t) { FAIL(); });
}

TEST(Random, IsSeededAndLooksNormal) {
  EXPECT_EQ(Random(1).Next(), Random(1).Next());
  EXPECT_NE(Random(1).Next(), Random(2).Next());
  EXPECT_NE(Random(1, 0).Next(), Random(1, 1).Next());
  Random random(7);
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double x = random.Normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.02);
}

TEST(Base64, KnowsTheVectorsOfItsStandard) {
  // RFC 4648, section 10.
  EXPECT_EQ(Base64(AsBytes("")), "");
  EXPECT_EQ(Base64(AsBytes("f")), "Zg==");
  EXPECT_EQ(Base64(AsBytes("fo")), "Zm8=");
  EXPECT_EQ(Base64(AsBytes("foobar")), "Zm9vYmFy");
  const std::string large(8'000'000, '\x55');
  EXPECT_EQ(Base64(AsBytes(large)).substr(size_t{4} << 20U, 8), "VVVVVVVV") << "pieces join without padding between";
  EXPECT_EQ(Base64(AsBytes(large)).size(), (large.size() + 2) / 3 * 4);
}

TEST(Text, NumbersAndSizes) {
  EXPECT_EQ(Grouped(1703973122), "1,703,973,122");
  EXPECT_EQ(Grouped(-1234), "-1,234");
  EXPECT_EQ(Grouped(12), "12");
  EXPECT_EQ(ThreeDigits(0.012345), "0.0123");
  EXPECT_EQ(ThreeDigits(12.345), "12.3");
  EXPECT_EQ(ThreeDigits(1234.5), "1,235");
  EXPECT_EQ(ThreeDigits(-2e12), "-2e+12");
  EXPECT_EQ(ThreeDigits(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(6815892488), "6.82 GB");
  EXPECT_EQ(NearestWord("mean_hiden", {"first_token", "mean_hidden"}), "mean_hidden");
  EXPECT_EQ(NearestWord("zzzzzz", {"first_token", "mean_hidden"}), "");
}

TEST(Text, TableAlignsNumbersRight) {
  TextTable table({"part", "bytes"});
  table.AddRow({"a", "1"});
  table.AddRow({"longer", "1,000"});
  EXPECT_EQ(table.ToString(), "part    bytes\n------  -----\na           1\nlonger  1,000\n");
}

}  // namespace
}  // namespace vlaq
