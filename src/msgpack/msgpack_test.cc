#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "msgpack/decode.h"
#include "msgpack/encode.h"

namespace vlaq::msgpack {
namespace {

using ::testing::HasSubstr;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

Result<Value> DecodeHex(std::string_view hex, const Limits& limits = {}) {
  const std::string bytes = FromHex(hex);
  return Decode(std::as_bytes(std::span(bytes)), limits);
}

std::string ErrorOf(std::string_view hex, const Limits& limits = {}) {
  const auto decoded = DecodeHex(hex, limits);
  return decoded.ok() ? "read" : decoded.error().ToString();
}

// openpi's example: {"actions": float32 [1.0, -0.5]}.
constexpr std::string_view kActions =
    "81 a7 616374696f6e73 84 c40b 5f5f6e6461727261795f5f c3 c404 64617461 c408 0000803f000000bf c405 6474797065 "
    "a3 3c6634 c405 7368617065 91 02";

TEST(MsgpackTest, OpenpisExampleBothWays) {
  const std::vector<float> numbers{1.0F, -0.5F};
  Map map;
  map.push_back({"actions", Value(Tensor::From<float>({2}, numbers))});
  const auto encoded = Encode(Value(map));
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(*encoded, FromHex(kActions));
  const auto decoded = DecodeHex(kActions);
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  const auto* tensor = decoded->Find("actions")->As<Tensor>();
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->shape(), Shape({2}));
  EXPECT_THAT(tensor->data<float>(), ::testing::ElementsAre(1.0F, -0.5F));
}

TEST(MsgpackTest, NumbersAreAsShortAsTheyCanBe) {
  struct Case {
    int64_t number;
    std::string_view hex;
  };
  for (const Case& one :
       {Case{0, "00"}, Case{127, "7f"}, Case{128, "cc80"}, Case{255, "ccff"}, Case{256, "cd0100"},
        Case{65535, "cdffff"}, Case{65536, "ce00010000"}, Case{4294967296, "cf0000000100000000"}, Case{-1, "ff"},
        Case{-32, "e0"}, Case{-33, "d0df"}, Case{-128, "d080"}, Case{-129, "d1ff7f"}, Case{-32768, "d18000"},
        Case{-32769, "d2ffff7fff"}, Case{std::numeric_limits<int64_t>::min(), "d38000000000000000"}}) {
    const auto encoded = Encode(Value::Integer(one.number));
    ASSERT_TRUE(encoded.ok());
    EXPECT_EQ(*encoded, FromHex(one.hex)) << one.number;
    const auto decoded = DecodeHex(one.hex);
    ASSERT_TRUE(decoded.ok());
    ASSERT_NE(decoded->As<int64_t>(), nullptr);
    EXPECT_EQ(*decoded->As<int64_t>(), one.number);
  }
  const auto largest = DecodeHex("cfffffffffffffffff");
  ASSERT_TRUE(largest.ok());
  EXPECT_EQ(*largest->As<uint64_t>(), std::numeric_limits<uint64_t>::max());
}

TEST(MsgpackTest, OtherValuesBothWays) {
  for (const std::string_view hex :
       {"c0", "c2", "c3", "cb3ff8000000000000", "a0", "a3616263", "c403010203", "90", "80", "92c3a161", "81a161c0"}) {
    const auto decoded = DecodeHex(hex);
    ASSERT_TRUE(decoded.ok()) << hex;
    EXPECT_EQ(*Encode(*decoded), FromHex(hex)) << hex;
  }
  EXPECT_EQ(*DecodeHex("ca3fc00000")->As<double>(), 1.5);  // float32
}

TEST(MsgpackTest, LongTextsAndListsTakeTheirForms) {
  for (const size_t length : {31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const auto text = Encode(Value::Text(std::string(length, 'x')));
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(Decode(std::as_bytes(std::span(*text)))->As<std::string>()->size(), length);
    const auto list = Encode(Value(Array(length)));
    ASSERT_TRUE(list.ok());
    EXPECT_EQ(Decode(std::as_bytes(std::span(*list)))->As<Array>()->size(), length);
  }
}

TEST(MsgpackTest, BigEndianIsTurnedRoundAndTextKeysAreRead) {
  // {"__ndarray__": true, "data": 0001 0100, "dtype": ">i2", "shape": [2]}
  const auto decoded =
      DecodeHex("84 ab5f5f6e6461727261795f5f c3 a464617461 c404 00010100 a56474797065 a3 3e6932 a57368617065 91 02");
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(decoded->As<Tensor>()->data<int16_t>(), ::testing::ElementsAre(1, 256));
}

TEST(MsgpackTest, TextsOfNumpy) {
  // np.array("aé"): <U2
  const auto text = DecodeHex(
      "84 c40b5f5f6e6461727261795f5f c3 c40464617461 c408 61000000e9000000 c4056474797065 a33c5532 c4057368617065 90");
  ASSERT_TRUE(text.ok()) << text.error().ToString();
  EXPECT_EQ(*text->As<std::string>(), "a\xc3\xa9");
  EXPECT_THAT(ErrorOf("84 c40b5f5f6e6461727261795f5f c3 c40464617461 c408 6100000062000000 c4056474797065 a33c5531 "
                      "c4057368617065 9102"),
              HasSubstr("several texts"));
  EXPECT_THAT(ErrorOf("84 c40b5f5f6e6461727261795f5f c3 c40464617461 c404 00d80000 c4056474797065 a33c5531 "
                      "c4057368617065 90"),
              HasSubstr("0xd800, which is none"));
}

TEST(MsgpackTest, ScalarsOfNumpy) {
  // np.float32(1.5), np.int8(-1), np.bool_(True), and one that does not fit
  const auto number =
      DecodeHex("83 c40d5f5f6e7067656e657269635f5f c3 c40464617461 cb3ff8000000000000 c4056474797065 a33c6634");
  ASSERT_TRUE(number.ok()) << number.error().ToString();
  EXPECT_EQ(number->As<Tensor>()->data<float>()[0], 1.5F);
  EXPECT_EQ(number->As<Tensor>()->rank(), 0);
  EXPECT_EQ(DecodeHex("83 c40d5f5f6e7067656e657269635f5f c3 c40464617461 ff c4056474797065 a37c6931")
                ->As<Tensor>()
                ->data<int8_t>()[0],
            -1);
  EXPECT_THAT(ErrorOf("83 c40d5f5f6e7067656e657269635f5f c3 c40464617461 cd0100 c4056474797065 a37c7531"),
              HasSubstr("byte 0: the data of a scalar is no uint8"));
}

TEST(MsgpackTest, Bfloat16IsSentAsFloat32AndNumpyHasNoFloat8) {
  const Tensor brain = Tensor::Make(DType::kBF16, {2});
  const auto sent = Encode(Value(brain));
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(Decode(std::as_bytes(std::span(*sent)))->As<Tensor>()->dtype(), DType::kF32);
  EXPECT_THAT(Encode(Value(Tensor::Make(DType::kF8E4M3FN, {1}))).error().ToString(), HasSubstr("float8"));
}

TEST(MsgpackTest, ErrorsNameTheByte) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("byte 0: the message ends where a value must be"));
  EXPECT_THAT(ErrorOf("c1"), HasSubstr("byte 0: the type 0xc1 is not read"));
  EXPECT_THAT(ErrorOf("92 01 d6 00000000 00"), HasSubstr("byte 2: the type 0xd6 is not read"));
  EXPECT_THAT(ErrorOf("00 00"), HasSubstr("byte 1: 1 bytes after the value"));
  EXPECT_THAT(ErrorOf("a2 61"), HasSubstr("byte 0: 2 bytes cannot be in the 1 bytes that are left"));
  EXPECT_THAT(ErrorOf("cd 00"), HasSubstr("byte 0: the message ends within a number"));
  EXPECT_THAT(ErrorOf("a1 ff"), HasSubstr("byte 0: a text is not UTF-8"));
  EXPECT_THAT(ErrorOf("81 01 02"), HasSubstr("byte 1: the key of a map is no text"));
  EXPECT_THAT(ErrorOf("82 a161 01 a161 02"), HasSubstr("byte 4: the key 'a' is in the map twice"));
  EXPECT_THAT(ErrorOf("dd ffffffff"), HasSubstr("4294967295 values cannot be"));
  EXPECT_THAT(ErrorOf("df 80000000"), HasSubstr("2147483648 pairs cannot be"));
}

TEST(MsgpackTest, WrongArraysAreRefused) {
  const auto array = [](std::string_view data, std::string_view dtype, std::string_view shape) {
    return "84 c40b5f5f6e6461727261795f5f c3 c40464617461 " + std::string(data) + " c4056474797065 " +
           std::string(dtype) + " c4057368617065 " + std::string(shape);
  };
  EXPECT_THAT(ErrorOf(array("c404 00000000", "a33c6634", "9102")), HasSubstr("float32 [2] has 4 bytes"));
  EXPECT_THAT(ErrorOf(array("c400", "a33c6634", "92cf7fffffffffffffff02")), HasSubstr("has 0 bytes"));
  EXPECT_THAT(ErrorOf(array("c400", "a33c6634", "91ff")), HasSubstr("no integer from 0"));
  for (const std::string_view dtype : {"a27c4f", "a37c5638", "a33c6338", "a33c4d38"}) {  // |O, |V8, <c8, <M8
    EXPECT_THAT(ErrorOf(array("c400", dtype, "9100")), HasSubstr("are not read"));
  }
  EXPECT_THAT(ErrorOf("81 c40b5f5f6e6461727261795f5f c3"), HasSubstr("no 'dtype'"));
}

TEST(MsgpackTest, LimitsHold) {
  EXPECT_THAT(ErrorOf("91 91 91 00", {.max_depth = 2}), HasSubstr("byte 2: the message is more than 2 levels deep"));
  EXPECT_EQ(ErrorOf("91 91 00", {.max_depth = 2}), "read");
  EXPECT_THAT(ErrorOf("93 00 00 00", {.max_elements = 3}), HasSubstr("more than 3 values"));
  EXPECT_THAT(ErrorOf("92 00 00", {.max_bytes = 2}), HasSubstr("more than 2"));
}

}  // namespace
}  // namespace vlaq::msgpack
