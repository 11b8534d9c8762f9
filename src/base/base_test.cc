#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/interrupt.h"
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

TEST(Text, PrintableSteersNoTerminal) {
  EXPECT_EQ(Printable("left \xC3\xB8 \xF0\x9F\xA4\x96"), "left \xC3\xB8 \xF0\x9F\xA4\x96");
  EXPECT_EQ(Printable("9\x1B[2K\r\n\tok"), "9\\x1b[2K\\x0d\\x0a\\x09ok");
  EXPECT_EQ(Printable("\x7F \xC2\x9B"
                      "2J \xE2\x80\xAE \xE2\x80\xA8 \xEF\xBB\xBF"),
            "\\u007f \\u009b2J \\u202e \\u2028 \\ufeff");
  EXPECT_EQ(Printable("a\xFF\xC3"), "a\\xff\\xc3");
  EXPECT_EQ(Printable(std::string(100'000, 'x'), 10), "xxxxxxxxxx...");
}

TEST(Text, APageKeepsItsLinesAndWaitsForWholeCharacters) {
  std::string page;
  EXPECT_EQ(AppendPrintablePage("a\n\tb\x1B\r\xE2\x80", page), 6U);
  EXPECT_EQ(page, "a\n\tb\\x1b\\x0d");
  EXPECT_EQ(AppendPrintablePage("\xE2\x80\xAE"
                                "c\xFF",
                                page),
            5U);
  EXPECT_EQ(page, "a\n\tb\\x1b\\x0d\\u202ec\\xff");
}

TEST(Status, HostileNamesStayOnOneLineOfSomeLength) {
  const Error error = InputError("a\nb", std::string(100'000, 'n'), "\x1B[2J");
  EXPECT_THAT(error.ToString(), ::testing::StartsWith("a\\x0ab: nnn"));
  EXPECT_THAT(error.ToString(), ::testing::EndsWith("...; \\x1b[2J"));
  EXPECT_LT(error.ToString().size(), 3000U);
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
}

TEST(Json, StopsWhereItIsWrong) {
  const auto what = [](const std::string& text) { return ParseJson(text, "f.json").error().ToString(); };
  EXPECT_THAT(what(std::string(65, '[')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_TRUE(ParseJson(std::string(64, '[') + std::string(64, ']'), "f.json").ok());
  EXPECT_THAT(what(R"({"a": {"b": 1, "b": 2}})"), HasSubstr("duplicate key \"b\""));
  EXPECT_THAT(what(R"([1, 1e400])"),
              ::testing::AllOf(HasSubstr("1e400 is out of range"), ::testing::Not(HasSubstr("json.exception"))));
  EXPECT_THAT(what(std::string("[1]\0[2]", 7)), HasSubstr("byte 3"));
  EXPECT_THAT(what("[1] [2]"), HasSubstr("not valid JSON"));
  EXPECT_THAT(what(""), HasSubstr("not valid JSON"));
  std::string long_text;
  long_text.resize(100'000'001, ' ');
  EXPECT_THAT(what(long_text), HasSubstr("more than the 100 MB"));
  const auto json = ParseJson(R"({"a": [1, -2, 0.5, "x", true, null, {}, []], "b": {"c": {}}})", "f.json");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->dump(), R"({"a":[1,-2,0.5,"x",true,null,{},[]],"b":{"c":{}}})");
}

// nlohmann's own reader looks for each key among those before it: hours here.
TEST(Json, ManyKeysTakeNoLongerThanTheirText) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  const auto start = std::chrono::steady_clock::now();
  const auto json = ParseJson(text + "\"last\":1}", "f.json");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->size(), 300'001U);
  EXPECT_THAT(ParseJson(text + "\"k7\":1}", "f.json").error().what, HasSubstr("duplicate key \"k7\""));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Json, TextsThatAreNotUtf8AreWrittenAsJson) {
  EXPECT_EQ(JsonString({{"name", "a\xFF"}}), "{\"name\":\"a\xEF\xBF\xBD\"}");
}

TEST(MappedFile, NamesWhatIsNoFileAndWaitsForNobody) {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(MappedFile::Open(pipe).error().what, HasSubstr("is a pipe"));
  EXPECT_THAT(MappedFile::Open(folder.path()).error().what, HasSubstr("is a folder"));
  EXPECT_THAT(MappedFile::Open("/dev/null").error().what, HasSubstr("is a device"));
  EXPECT_THAT(CheckIsFile(pipe).error().what, HasSubstr("is a pipe"));
  EXPECT_THAT(CheckIsFile(folder.path() / "none").error().what, HasSubstr("No such file"));
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

TEST(Base64, IsReadBack) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(*FromBase64(Base64(AsBytes(text))), text);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(*FromBase64(Base64(AsBytes(all))), all);
  for (const char* wrong : {"Zg", "Zg=", "Zg=a", "Z===", "====", "Zh==", "Zm9=", "Zm 8", "Zm-8", "=Zm8"}) {
    EXPECT_FALSE(FromBase64(wrong).ok()) << wrong;
  }
  EXPECT_THAT(FromBase64("Zm-8").error().ToString(), HasSubstr("character 2"));
}

TEST(Interrupt, AsksOnceWhoWaits) {
  EXPECT_FALSE(AskToStop());
  int asked = 0;
  {
    const WhenInterrupted waits([&asked] { ++asked; });
    EXPECT_TRUE(AskToStop());
    EXPECT_FALSE(AskToStop());  // the second one ends the program
  }
  EXPECT_FALSE(AskToStop());
  EXPECT_EQ(asked, 1);
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

TEST(Text, MeantWordsAreLikelyOnes) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  EXPECT_THAT(MeantWords("INT8", {"int4", "int8"}), ElementsAre("int8"));
  EXPECT_THAT(MeantWords("--out", {"--force", "--output"}), ElementsAre("--output"));
  EXPECT_THAT(MeantWords("orin-nx", {"orin-nano-8", "orin-nx-8", "orin-nx-16"}),
              ElementsAre("orin-nx-8", "orin-nx-16"));
  EXPECT_EQ(NearestWord("orin-nx", {"orin-nano-8", "orin-nx-8", "orin-nx-16"}), "") << "half the memory is no guess";
  EXPECT_THAT(MeantWords("orin-nx-61", {"orin-nx-8", "orin-nx-16"}), ElementsAre("orin-nx-16"));
  EXPECT_THAT(MeantWords("int_macs", {"int8_macs"}), ElementsAre("int8_macs"));
  EXPECT_THAT(MeantWords("fp8", {"fp32", "fp16"}), IsEmpty());
  EXPECT_THAT(MeantWords("12W", {"10W", "15W", "25W"}), IsEmpty());
  EXPECT_THAT(MeantWords("", {"a"}), IsEmpty());
  EXPECT_THAT(MeantWords("--", {"--output"}), IsEmpty());
  EXPECT_THAT(MeantWords(std::string(100'000, 'x'), {"a"}), IsEmpty());
}

TEST(Text, TableAlignsNumbersRight) {
  TextTable table({"part", "bytes"});
  table.AddRow({"a", "1"});
  table.AddRow({"longer", "1,000"});
  EXPECT_EQ(table.ToString(), "part    bytes\n------  -----\na           1\nlonger  1,000\n");
}

TEST(Text, TableCellsForgeNoRows) {
  TextTable table({"check", "verdict"});
  table.AddRow({"a\nstructure  ok", std::string(100'000, 'x')});
  const std::string text = table.ToString();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_THAT(text, HasSubstr("a\\x0astructure"));
  EXPECT_LT(text.size(), 5000U);
}

class PageWidth : public ::testing::Test {
 protected:
  void TearDown() override { SetPageWidth(0); }
  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
};

TEST_F(PageWidth, TablesAreFoldedWithinTheirColumns) {
  TextTable table({"check", "verdict", "what was found"});
  table.AddRow({"identity", "ok", "906 tensors have the checksums taken at export, of 1,194,210 parameters"});
  table.AddRow({"numbers", "FAILED", "x/" + std::string(40, 'y')});
  SetPageWidth(44);
  const auto lines = Lines(table.ToString(2));
  for (const std::string& line : lines) EXPECT_LE(line.size(), 44U) << line;
  EXPECT_THAT(lines[2], HasSubstr("  identity  ok"));
  EXPECT_THAT(lines[3], ::testing::StartsWith("                     ")) << "goes on below its own column";
  SetPageWidth(1000);
  EXPECT_EQ(Lines(table.ToString(2)).size(), 4U);
}

TEST_F(PageWidth, WhereColumnsWouldBeTooNarrowRowsBecomeLists) {
  TextTable table({"subject", "median ms", "p99 ms", "control", "peak"});
  table.AddRow({"the first policy of all", "1.25", "3.5 (1.2 to 6.1)", "VALID", "123,456,789"});
  SetPageWidth(30);
  const auto lines = Lines(table.ToString());
  for (const std::string& line : lines) EXPECT_LE(line.size(), 30U) << line;
  EXPECT_EQ(lines[0], "subject:   the first policy of");
  EXPECT_THAT(lines, ::testing::Contains("control:   VALID"));
}

}  // namespace
}  // namespace vlaq
