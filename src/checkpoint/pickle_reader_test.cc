#include "checkpoint/pickle_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/pickle_text.h"
#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Little;
using testing::Pickle;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What the pickle describes as text, or the error's text.
std::string TextOf(const std::string& pickle, const PickleLimits& limits = {}) {
  const auto document = ReadPickle(AsBytes(pickle), "f", limits);
  if (!document.ok()) return document.error().ToString();
  PickleDescriber describer(*document, [](const TorchTensor&) { return std::string(); });
  return describer.Describe(document->root());
}

// The same for opcodes between PROTO and STOP.
std::string TextOfCodes(std::string_view opcodes, uint8_t protocol = 2) {
  return TextOf(Pickle(protocol).Raw(opcodes).Stop());
}

// A string literal with zeros inside.
template <size_t kSize>
std::string S(const char (&text)[kSize]) {
  return std::string(text, kSize - 1);
}

TEST(PickleReader, Literals) {
  EXPECT_EQ(TextOfCodes("N"), "None");
  EXPECT_EQ(TextOfCodes("\x88"), "True");
  EXPECT_EQ(TextOfCodes("\x89"), "False");
  EXPECT_EQ(TextOfCodes("K\xFF"), "255");
  EXPECT_EQ(TextOfCodes("M\xFF\xFF"), "65535");
  EXPECT_EQ(TextOfCodes("J\xFE\xFF\xFF\xFF"), "-2");
  EXPECT_EQ(TextOfCodes(S("\x8a\x00")), "0");
  EXPECT_EQ(TextOfCodes("\x8a\x01\xFF"), "-1");
  EXPECT_EQ(TextOfCodes(S("\x8a\x02\xFF\x00")), "255");
  EXPECT_EQ(TextOfCodes(S("\x8b\x04\x00\x00\x00\x00\x00\x00\x80")), "-2147483648");
  EXPECT_EQ(TextOfCodes("\x8a\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), "9223372036854775807");
  EXPECT_EQ(TextOfCodes(S("\x8a\x09\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00")), "<integer of 9 bytes>");
  EXPECT_EQ(TextOfCodes(S("G\x3F\xCC\x6A\x7E\xF9\xDB\x22\xD1")), "0.222");
  EXPECT_EQ(TextOfCodes(S("X\x03\x00\x00\x00\xC3\xA4!")), "\xC3\xA4!");
  EXPECT_EQ(TextOfCodes("\x8c\x02hi", 4), "hi");
  EXPECT_EQ(TextOfCodes(S("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi"), 4), "hi");
  EXPECT_EQ(TextOfCodes("U\x02hi"), "hi");
  EXPECT_EQ(TextOfCodes(S("T\x02\x00\x00\x00hi")), "hi");
  EXPECT_EQ(TextOfCodes("C\x02hi", 3), "<2 bytes>");
  EXPECT_EQ(TextOfCodes(S("B\x02\x00\x00\x00hi"), 3), "<2 bytes>");
  EXPECT_EQ(TextOfCodes(S("\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi"), 4), "<2 bytes>");
  EXPECT_EQ(TextOfCodes(S("\x96\x02\x00\x00\x00\x00\x00\x00\x00hi"), 5), "<2 bytes>");
}

TEST(PickleReader, Containers) {
  EXPECT_EQ(TextOfCodes(")"), "()");
  EXPECT_EQ(TextOfCodes("K\x01\x85"), "(1,)");
  EXPECT_EQ(TextOfCodes("K\x01K\x02\x86"), "(1, 2)");
  EXPECT_EQ(TextOfCodes("K\x01K\x02K\x03\x87"), "(1, 2, 3)");
  EXPECT_EQ(TextOfCodes("(K\x01K\x02K\x03K\x04t"), "(1, 2, 3, 4)");
  EXPECT_EQ(TextOfCodes("](K\x01K\x02"
                        "eK\x03"
                        "a"),
            "[1, 2, 3]");
  EXPECT_EQ(TextOfCodes("}(U\x01"
                        "aK\x01U\x01"
                        "bK\x02uU\x01"
                        "cNs"),
            "{'a': 1, 'b': 2, 'c': None}");
  EXPECT_EQ(TextOfCodes("\x8f(K\x01\x90", 4), "{1}");
  EXPECT_EQ(TextOfCodes("(K\x01\x91", 4), "{1}");
}

TEST(PickleReader, StackAndMemo) {
  EXPECT_EQ(TextOfCodes("K\x01K\x02"
                        "0"),
            "1");
  EXPECT_EQ(TextOfCodes("K\x01(K\x02K\x03"
                        "1"),
            "1");
  EXPECT_EQ(TextOfCodes("K\x01(0"), "1") << "POP may take a mark away";
  EXPECT_EQ(TextOfCodes("K\x01"
                        "2\x86"),
            "(1, 1)");
  EXPECT_EQ(TextOfCodes(S("K\x05q\x00h\x00\x86")), "(5, 5)");
  EXPECT_EQ(TextOfCodes(S("K\x05r\x01\x00\x00\x00j\x01\x00\x00\x00\x86")), "(5, 5)");
  EXPECT_EQ(TextOfCodes(S("\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x05\x94h\x00\x86"), 4), "(5, 5)");
}

TEST(PickleReader, ClassesAreOnlyNames) {
  EXPECT_EQ(TextOfCodes("cos\nsystem\nX\x02" + std::string("\0\0\0", 3) + "ls\x85R"), "system('ls')");
  EXPECT_EQ(TextOfCodes("cargparse\nNamespace\n)\x81}U\x02lrK\x01sb"), "Namespace(lr=1)");
  EXPECT_EQ(TextOfCodes("\x8c\x01m\x8c\x01"
                        "C\x93)}\x92",
                        4),
            "C()");
  EXPECT_EQ(TextOfCodes("cm\nC\n)\x81(K\x01K\x02"
                        "e"),
            "C()")
      << "a list subclass";
  EXPECT_EQ(TextOfCodes("cm\nC\n)\x81(K\x01K\x02u"), "C({1: 2})") << "a dict subclass";
  EXPECT_EQ(TextOfCodes("ccollections\nOrderedDict\n)RU\x01"
                        "aK\x01s}U\x09_metadataNsb"),
            "{'a': 1}");
  EXPECT_EQ(TextOfCodes("cm\nC\n"), "m.C");
  EXPECT_EQ(TextOfCodes("K\x01Q"), "<storage>");
}

TEST(PickleReader, NumpyScalars) {
  const std::string dtype =
      "cnumpy\ndtype\nU\x02"
      "f8\x89\x88\x87R(K\x03U\x01<NNNJ\xFF\xFF\xFF\xFFJ\xFF\xFF\xFF\xFFK\x01tb";
  const double value = 0.222;
  const std::string raw = Little(value);
  const std::string scalar = "cnumpy.core.multiarray\nscalar\n" + dtype + "C\x08" + raw + "\x86R";
  EXPECT_EQ(TextOfCodes(scalar, 3), "0.222");
  // As protocol 2 writes bytes: 0.222 has bytes above 0x7F, which become two in UTF-8.
  std::string utf8;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80U) utf8 += c;
    if (byte >= 0x80U) utf8 += {static_cast<char>(0xC0U | (byte >> 6U)), static_cast<char>(0x80U | (byte & 0x3FU))};
  }
  const std::string encoded = Pickle().Global("_codecs", "encode").Text(utf8).Text("latin1").Raw("\x86R").Fragment();
  EXPECT_EQ(TextOfCodes("cnumpy._core.multiarray\nscalar\n" + dtype + encoded + "\x86R"), "0.222");
  EXPECT_THAT(TextOfCodes("cnumpy.core.multiarray\nscalar\n" + dtype +
                              "C\x04"
                              "1234\x86R",
                          3),
              StartsWith("scalar("));
}

TEST(PickleReader, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(TextOf(""), HasSubstr("f: byte 0: does not begin as a pickle"));
  EXPECT_THAT(TextOf("(lp0\n."), HasSubstr("does not begin as a pickle"));
  EXPECT_THAT(TextOfCodes("", 1), HasSubstr("protocol 1 is not supported"));
  EXPECT_THAT(TextOfCodes("", 6), HasSubstr("protocol 6 is not supported"));
  // Text opcodes, extension registry, out-of-band buffers, INST, OBJ, PERSID, and bytes that are no opcode.
  for (const std::string_view op : {"I1\n", "L1L\n", "F1\n", "S'a'\n", "Va\n", "g0\n", "p0\n", "d", "l", "i", "o",
                                    "Pid\n", "\x82\x01", "\x83\x01\x01", "\x97", "\x98", "\xFF", "\x01"}) {
    EXPECT_THAT(TextOfCodes(op, 5), AllOf(HasSubstr("f: byte 2"), HasSubstr("is unknown or not supported")));
  }
}

TEST(PickleReader, RefusesMalformedPrograms) {
  const auto expect = [](std::string_view opcodes, std::string_view message) {
    EXPECT_THAT(TextOfCodes(opcodes), AllOf(StartsWith("f: byte"), HasSubstr(std::string(message)))) << opcodes;
  };
  expect("", "takes a value from an empty stack");
  expect("NN", "values are left over");
  expect("N(", "takes a value from an empty stack");
  expect("t", "no mark");
  expect("N(s", "empty stack");
  expect("K\x01N\x86(\x86", "empty stack");
  expect("h\x05", "memo entry 5 was never stored");
  expect("Nr\xFF\xFF\xFF\xFF", "memo entry 4294967295 in a pickle of");
  expect("N)R", "calls something that is not a class");
  expect("cm\nC\nNR", "arguments of a call are not a tuple");
  expect("N}b", "sets the state of a value that has none");
  expect(
      "NK\x01"
      "a",
      "not a list");
  expect("NNNs", "not a dict");
  expect("}(Nu", "a key without a value");
  expect("NN\x93", "not a text");
  expect("cm\nC", "a name without an end");
  expect("cm\n\xFF\n", "not UTF-8");
  expect(
      "X\x02\x01\x01\x01"
      "ab",
      "reaches beyond the end");
  expect(S("X\x02\x00\x00\x00\xC0\x80"), "not UTF-8");
  expect(S("X\x03\x00\x00\x00\xED\xA0\x80"), "not UTF-8");
  expect("\x8d\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "reaches beyond the end");
  expect("\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "a frame reaches beyond");
  EXPECT_THAT(TextOf(Pickle().Raw("N").Fragment()), HasSubstr("does not begin"));
  EXPECT_THAT(TextOf("\x80\x02N"), HasSubstr("ends without a STOP"));
  EXPECT_THAT(TextOf("\x80\x02N.N"), HasSubstr("1 bytes follow the end"));
}

TEST(PickleReader, LimitsAreEnforced) {
  PickleLimits limits;
  limits.max_bytes = 10;
  EXPECT_THAT(TextOf(Pickle().Raw(std::string(20, 'N')).Stop(), limits), HasSubstr("more than the limit of 10"));
  limits = {};
  limits.max_values = 100;
  EXPECT_THAT(TextOf(Pickle().Raw(std::string(200, ')')).Stop(), limits), HasSubstr("more than 100 values"));
  EXPECT_THAT(TextOf(Pickle().Raw(std::string(401, 'N')).Stop(), limits), HasSubstr("too many elements"));
  EXPECT_THAT(TextOf(Pickle().Raw(std::string(1001, '(')).Stop()), HasSubstr("nested deeper than 1000 levels"));
}

TEST(PickleReader, DeepNestingWithoutMarksIsHarmless) {
  const std::string text = TextOf(Pickle().Raw("N").Raw(std::string(1'000'000, '\x85')).Stop());
  EXPECT_THAT(text, AllOf(StartsWith("((((("), EndsWith(")")));
}

TEST(PickleReader, SelfReferenceEnds) {
  // A list that contains itself, and a dict that is its own value.
  EXPECT_EQ(TextOfCodes(S("]q\x00h\x00"
                          "a")),
            "[[[[[[[[[...]]]]]]]]]");
  EXPECT_THAT(TextOfCodes(S("}q\x00U\x01"
                            "ah\x00s")),
              StartsWith("{'a': {'a': {'a'"));
  EXPECT_THAT(TextOfCodes(S("cm\nC\n)\x81q\x00h\x00"
                            "b")),
              StartsWith("C"));
}

TEST(PickleReader, SharedValuesDoNotMultiply) {
  // 60 lists, each holding the one before ten times: 10^60 leaves when written out.
  Pickle pickle;
  pickle.Raw(S("]q\x00"));
  for (uint8_t i = 1; i < 60; ++i) {
    pickle.Raw("](");
    for (int k = 0; k < 10; ++k) pickle.Raw("h").Raw(Little(static_cast<uint8_t>(i - 1)));
    pickle.Raw("eq").Raw(Little(i)).Raw("\x86");
  }
  const std::string text = TextOf(pickle.Stop());
  EXPECT_THAT(text, SizeIs(::testing::Lt(1000U)));
}

TEST(PickleReader, DescribingManyKeysOfOneValueStaysLinear) {
  // 20,000 keys that all refer to one list of 100,000 values; walked for each key this would be 2e9 steps.
  Pickle pickle;
  pickle.Raw(S("](")).Raw(std::string(100'000, 'N')).Raw(S("eq\x00")).Raw("0](");
  for (int i = 0; i < 20'000; ++i) pickle.Raw(S("h\x00"));
  const std::string bytes = pickle.Raw("e").Stop();
  const auto document = ReadPickle(AsBytes(bytes), "f");
  ASSERT_TRUE(document.ok()) << document.error().ToString();
  PickleDescriber describer(*document, [](const TorchTensor&) { return std::string(); });
  std::string last;
  for (const ValueId child : document->Children(document->root())) last = describer.Describe(child);
  EXPECT_EQ(last, "list (too entangled to describe)");
}

TEST(PickleReader, TextIsMadePrintable) {
  EXPECT_EQ(TextOfCodes("U\x05"
                        "a\x1B[2J"),
            "a\\x1b[2J");
  EXPECT_THAT(TextOf(Pickle().Text(std::string(5000, 'x')).Stop()), AllOf(EndsWith("..."), SizeIs(603)));
}

}  // namespace
}  // namespace vlaq::checkpoint
