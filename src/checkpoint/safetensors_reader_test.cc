#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Little;
using testing::SafetensorsFile;
using ::testing::StartsWith;

std::string HeaderError(const std::string& file) {
  const auto header = ReadSafetensorsHeader(AsBytes(file), "f");
  if (header.ok()) return "";
  EXPECT_EQ(header.error().code, ErrorCode::kInput);
  EXPECT_THAT(header.error().where, StartsWith("f: "));
  return header.error().ToString();
}

std::string Row(std::string_view name, std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
         ",\"data_offsets\":" + std::string(offsets) + "}";
}

std::string One(std::string_view dtype, std::string_view shape, std::string_view offsets, size_t bytes) {
  return SafetensorsFile("{" + Row("x", dtype, shape, offsets) + "}", std::string(bytes, '1'));
}

TEST(Safetensors, EveryTypeAndItsWidth) {
  const std::vector<std::pair<std::string, size_t>> rows = {
      {"BOOL", 8},  {"U8", 8},      {"I8", 8},      {"U16", 16},        {"I16", 16},    {"F16", 16},
      {"BF16", 16}, {"U32", 32},    {"I32", 32},    {"F32", 32},        {"U64", 64},    {"I64", 64},
      {"F64", 64},  {"C64", 64},    {"F8_E4M3", 8}, {"F8_E5M2", 8},     {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F4", 4},    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E5M2FNUZ", 8},
  };
  for (const auto& [type, bits] : rows) {
    const size_t bytes = 4 * bits / 8;
    const std::string offsets = "[0," + std::to_string(bytes) + "]";
    EXPECT_EQ(HeaderError(One(type, "[2,2]", offsets, bytes)), "") << type;
    EXPECT_THAT(HeaderError(One(type, "[2,4]", offsets, bytes)), HasSubstr("needs")) << type;
  }
  EXPECT_THAT(HeaderError(One("F4", "[3]", "[0,2]", 2)), HasSubstr("no whole number of bytes"));
  EXPECT_THAT(HeaderError(One("F31", "[1]", "[0,4]", 4)), HasSubstr("tensor 'x': the dtype 'F31' is unknown"));
}

TEST(Safetensors, LegalOddities) {
  EXPECT_EQ(HeaderError(One("F32", "[]", "[0,4]", 4)), "") << "rank 0";
  EXPECT_EQ(HeaderError(One("F32", "[0,7]", "[0,0]", 0)), "") << "a zero extent";
  EXPECT_EQ(HeaderError(SafetensorsFile("{}     ", "")), "") << "no tensors, padded";
  const std::string two = "{" + Row("b", "U8", "[2]", "[1,3]") + "," + Row("a", "U8", "[1]", "[0,1]") + "," +
                          Row("e", "U8", "[0]", "[1,1]") + "}";
  const std::string file = SafetensorsFile(two, "abc");
  const auto header = ReadSafetensorsHeader(AsBytes(file), "f");
  ASSERT_TRUE(header.ok()) << header.error().ToString();
  EXPECT_EQ(header->tensors[0].name, "b");
  EXPECT_EQ(header->data_offset, 8 + two.size());
}

TEST(Safetensors, HeaderLength) {
  EXPECT_THAT(HeaderError("1234567"), HasSubstr("too short"));
  EXPECT_THAT(HeaderError(Little<uint64_t>(3) + "{}"), HasSubstr("a header of 3 bytes in a file of 10"));
  EXPECT_THAT(HeaderError(Little<uint64_t>(UINT64_MAX) + "{}"), HasSubstr("18446744073709551615"));
  std::string huge;
  huge.assign(100'000'001, ' ');
  EXPECT_THAT(HeaderError(SafetensorsFile(huge, "")), HasSubstr("limit 100000000"));
  EXPECT_THAT(HeaderError(SafetensorsFile(" {}", "")), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(HeaderError(SafetensorsFile("", "")), HasSubstr("does not begin with '{'"));
}

TEST(Safetensors, TensorsMustTileTheBuffer) {
  const auto two = [](std::string_view a, std::string_view b, size_t bytes) {
    return HeaderError(SafetensorsFile("{" + Row("a", "U8", "[4]", a) + "," + Row("b", "U8", "[4]", b) + "}",
                                       std::string(bytes, '1')));
  };
  EXPECT_EQ(two("[0,4]", "[4,8]", 8), "");
  EXPECT_THAT(two("[0,4]", "[5,9]", 9), AllOf(HasSubstr("tensor 'b'"), HasSubstr("there is a gap")));
  EXPECT_THAT(two("[1,5]", "[5,9]", 9), AllOf(HasSubstr("tensor 'a'"), HasSubstr("there is a gap")));
  EXPECT_THAT(two("[0,4]", "[3,7]", 7), HasSubstr("they overlap"));
  EXPECT_THAT(two("[0,4]", "[0,4]", 4), HasSubstr("they overlap"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 9), HasSubstr("the data buffer has 9 bytes, the header describes 8"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 7), HasSubstr("the data buffer has 7 bytes, the header describes 8"));
}

TEST(Safetensors, OffsetsAndShapes) {
  EXPECT_THAT(HeaderError(One("U8", "[4]", "[0,5]", 5)), HasSubstr("needs 4 bytes, its data_offsets are [0, 5]"));
  EXPECT_THAT(HeaderError(One("U8", "[4]", "[4,0]", 4)), HasSubstr("data_offsets are [4, 0]"));
  EXPECT_THAT(HeaderError(One("U8", "[4]", "[0]", 4)), HasSubstr("must be two numbers"));
  EXPECT_THAT(HeaderError(One("U8", "[4]", "[0,1,2]", 4)), HasSubstr("must be two numbers"));
  EXPECT_THAT(HeaderError(One("U8", "[-4]", "[0,4]", 4)), HasSubstr("unexpected a negative number"));
  EXPECT_THAT(HeaderError(One("U8", "[4.0]", "[0,4]", 4)), HasSubstr("unexpected a fraction"));
  EXPECT_THAT(HeaderError(One("U8", "[4294967296,4294967296]", "[0,4]", 4)), HasSubstr("overflows"));
  EXPECT_THAT(HeaderError(One("U8", "[18446744073709551615]", "[0,4]", 4)), HasSubstr("too large"));
  EXPECT_THAT(HeaderError(One("U8", "[99999999999999999999]", "[0,4]", 4)), HasSubstr("a fraction"));
  EXPECT_THAT(HeaderError(One("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]", 1)), HasSubstr("more than 8 numbers"));
  EXPECT_THAT(HeaderError(One("U8", "4", "[0,4]", 4)), HasSubstr("unexpected number"));
  EXPECT_THAT(HeaderError(One("U8", "\"4\"", "[0,4]", 4)), HasSubstr("unexpected text"));
}

TEST(Safetensors, HeaderStructure) {
  const auto error = [](std::string_view header) { return HeaderError(SafetensorsFile(header, "")); };
  EXPECT_THAT(error("{"), HasSubstr("does not end"));
  EXPECT_THAT(error("{,}"), HasSubstr("header: not valid JSON at byte 2"));
  EXPECT_THAT(error("{} x}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error(std::string("{}\0", 3)), HasSubstr("does not end with"));
  EXPECT_THAT(error(std::string("{}\0}", 4)), HasSubstr("a zero byte at byte 2"));
  EXPECT_THAT(error("{\"\xFF\":{}}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("{\"x\":1}"), HasSubstr("unexpected number"));
  EXPECT_THAT(error("{\"x\":null}"), HasSubstr("unexpected null"));
  EXPECT_THAT(error("{\"x\":[]}"), HasSubstr("unexpected array"));
  EXPECT_THAT(error("{\"x\":{}}"), HasSubstr("lacks one of"));
  EXPECT_THAT(error("{\"x\":{\"y\":{}}}"), HasSubstr("unknown key 'y'"));
  EXPECT_THAT(error("{\"x\":{\"dtype\":{}}}"), HasSubstr("unexpected object"));
  EXPECT_THAT(error("{\"x\":{\"shape\":[[]]}}"), HasSubstr("unexpected array"));
  EXPECT_THAT(error("{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"), HasSubstr("'dtype' occurs twice"));
  EXPECT_THAT(error("{\"__metadata__\":{\"a\":1}}"), HasSubstr("unexpected number"));
  EXPECT_THAT(error("{\"__metadata__\":{\"a\":{}}}"), HasSubstr("unexpected object"));
  EXPECT_THAT(error("{\"__metadata__\":{},\"__metadata__\":{}}"), HasSubstr("occurs twice"));
  EXPECT_THAT(error("{\"x\":" + std::string(1'000'000, '[') + "}"), HasSubstr("unexpected array"));
}

TEST(Safetensors, DuplicateNamesAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.safetensors";
  testing::WriteTestFile(
      path, SafetensorsFile("{" + Row("x", "U8", "[1]", "[0,1]") + "," + Row("x", "U8", "[1]", "[1,2]") + "}", "ab"));
  const auto checkpoint = Checkpoint::Open(path);
  ASSERT_FALSE(checkpoint.ok());
  EXPECT_THAT(checkpoint.error().ToString(), HasSubstr("m.safetensors: tensor 'x': the name occurs twice"));
}

TEST(Safetensors, ReadsThroughCheckpoint) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "renamed.bin";  // known by its content
  testing::WriteTestFile(
      path, SafetensorsFile("{\"__metadata__\":{\"format\":\"pt\"}," + Row("x", "U8", "[2,2]", "[1,5]") + "," +
                                Row("y", "U8", "[1]", "[0,1]") + "}",
                            "abcde"));
  const auto opened = Checkpoint::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Checkpoint& checkpoint = **opened;
  EXPECT_EQ(checkpoint.format(), Format::kSafetensors);
  EXPECT_EQ(AsText(checkpoint.Read(*checkpoint.Find("x")).bytes()), "bcde");
  EXPECT_EQ(AsText(checkpoint.Read(*checkpoint.Find("y")).bytes()), "a");
  EXPECT_THAT(checkpoint.Find("x")->strides, ElementsAre(2, 1));
  ASSERT_EQ(checkpoint.extras().size(), 1U);
  EXPECT_EQ(checkpoint.extras()[0].name, "metadata.format");
  EXPECT_EQ(checkpoint.extras()[0].text, "pt");
}

class ShardedTest : public ::testing::Test {
 protected:
  ShardedTest() {
    testing::WriteTestFile(folder_.path() / "one.safetensors",
                           SafetensorsFile("{" + Row("a", "U8", "[1]", "[0,1]") + "}", "a"));
    testing::WriteTestFile(folder_.path() / "two.safetensors",
                           SafetensorsFile("{" + Row("b", "U8", "[1]", "[0,1]") + "}", "b"));
  }
  Result<std::shared_ptr<const Checkpoint>> Open(std::string_view index) {
    const auto path = folder_.path() / "model.safetensors.index.json";
    testing::WriteTestFile(path, index);
    return Checkpoint::Open(path);
  }
  std::string HeaderError(std::string_view index) {
    const auto checkpoint = Open(index);
    return checkpoint.ok() ? "" : checkpoint.error().ToString();
  }
  TemporaryFolder folder_;
};

TEST_F(ShardedTest, ReadsAllShards) {
  const auto opened = Open(R"({"metadata":{"total_size":2,"nested":[{"x":null}]},)"
                           R"("weight_map":{"b":"two.safetensors","a":"one.safetensors"},"more":true})");
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Checkpoint& checkpoint = **opened;
  EXPECT_EQ(checkpoint.format(), Format::kShardedSafetensors);
  EXPECT_EQ(checkpoint.files().size(), 3U);
  EXPECT_EQ(AsText(checkpoint.Read(*checkpoint.Find("a")).bytes()), "a");
  EXPECT_EQ(AsText(checkpoint.Read(*checkpoint.Find("b")).bytes()), "b");
  EXPECT_EQ(checkpoint.FileOf(*checkpoint.Find("b")).path().filename(), "two.safetensors");
}

TEST_F(ShardedTest, RefusesWhatDoesNotFitTogether) {
  const auto map = [](std::string_view items) { return "{\"weight_map\":{" + std::string(items) + "}}"; };
  for (const std::string name : {"../one.safetensors", "/one.safetensors", "sub/one.safetensors", "..", "",
                                 "a\\\\b.safetensors", "one.bin", "one\\u0000.safetensors"}) {
    EXPECT_THAT(HeaderError(map("\"a\":\"" + name + "\"")), HasSubstr("tensor 'a'")) << name;
    EXPECT_THAT(HeaderError(map("\"a\":\"" + name + "\"")), HasSubstr("is not the name of a .safetensors file"))
        << name;
  }
  EXPECT_THAT(HeaderError(map("\"a\":\"three.safetensors\"")), HasSubstr("three.safetensors: cannot open"));
  EXPECT_THAT(HeaderError(map("\"c\":\"one.safetensors\"")),
              HasSubstr("one.safetensors: tensor 'a': lies in this shard"));
  EXPECT_THAT(HeaderError(map("\"a\":\"one.safetensors\",\"c\":\"one.safetensors\"")),
              HasSubstr("tensor 'c': is missing in 'one.safetensors'"));
  EXPECT_THAT(HeaderError(map("\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"")), HasSubstr("occurs twice"));
  EXPECT_THAT(HeaderError(map("\"a\":7")), HasSubstr("unexpected a number"));
  EXPECT_THAT(HeaderError(map("\"a\":{}")), HasSubstr("unexpected object"));
  EXPECT_THAT(HeaderError(map("\"a\":[]")), HasSubstr("unexpected array"));
  EXPECT_THAT(HeaderError(map("")), HasSubstr("has no \"weight_map\""));
  EXPECT_THAT(HeaderError("{}"), HasSubstr("has no \"weight_map\""));
  EXPECT_THAT(HeaderError("[]"), HasSubstr("unexpected array"));
  EXPECT_THAT(HeaderError("7"), HasSubstr("unexpected a number"));
  EXPECT_THAT(HeaderError("{\"weight_map\":7}"), HasSubstr("unexpected a number"));
  EXPECT_THAT(HeaderError("{\"weight_map\":{},\"weight_map\":{}}"), HasSubstr("occurs twice"));
  EXPECT_THAT(HeaderError("{\"x\":" + std::string(1'000'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(HeaderError(""), HasSubstr("is empty"));
}

}  // namespace
}  // namespace vlaq::checkpoint
