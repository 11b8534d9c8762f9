#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/json.h"
#include "base/random.h"
#include "base/testing.h"
#include "tokenizer/testing.h"

namespace vlaq::tokenizer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::Fixture;
using ::testing::HasSubstr;
using testing::Small;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Vocabulary, IdsOfThePublishedVocabulary) {
  const Vocabulary vocabulary(kKosmos2Pieces);
  EXPECT_EQ(vocabulary.size(), 65037);
  EXPECT_EQ(vocabulary.piece(3), 4);
  EXPECT_EQ(vocabulary.piece(63999), 64000);
  EXPECT_EQ(vocabulary.piece(0), kUnknownId);
  EXPECT_EQ(vocabulary.piece(64000), kUnknownId);
  EXPECT_EQ(vocabulary.mask(), 64001);
  EXPECT_EQ(vocabulary.image_open(), 64003);
  EXPECT_EQ(vocabulary.image_close(), 64004);
  EXPECT_EQ(vocabulary.grounding(), 64012);
  EXPECT_EQ(vocabulary.patch(1023), 65036);
  EXPECT_EQ(vocabulary.FindSpecial("<patch_index_0044>"), 64057);
  EXPECT_EQ(vocabulary.FindSpecial("<patch_index_0863>"), 64876);
  EXPECT_EQ(vocabulary.FindSpecial("</doc>"), 64002);
  EXPECT_EQ(vocabulary.FindSpecial("<phrase>"), 64007);
  EXPECT_EQ(vocabulary.FindSpecial("</delimiter_of_multi_objects/>"), 64011);
  EXPECT_EQ(vocabulary.FindSpecial("<grounding>"), 64012);
  EXPECT_EQ(vocabulary.FindSpecial("<mask>"), 64001);
  EXPECT_EQ(vocabulary.FindSpecial("</s>"), kEosId);
}

TEST(Vocabulary, SpecialTokensAreExact) {
  const Vocabulary vocabulary(kKosmos2Pieces);
  for (const auto text : {"", "<>", "<patch_index_1024>", "<patch_index_044>", "<patch_index_00044>",
                          "<patch_index_-001>", "<Grounding>", "<grounding> ", "grounding", "<patch_index_0044"}) {
    EXPECT_EQ(vocabulary.FindSpecial(text), std::nullopt) << text;
  }
}

TEST(Vocabulary, EveryIdHasOneOwner) {
  const Vocabulary vocabulary(10);
  std::set<int64_t> ids = {kBosId, kPadId, kEosId, kUnknownId, vocabulary.mask()};
  for (int64_t k = 3; k < 10; ++k) ids.insert(vocabulary.piece(k));
  for (const auto tag : kTags) ids.insert(*vocabulary.FindSpecial(tag));
  for (int64_t n = 0; n < kPatchTokens; ++n) ids.insert(vocabulary.patch(n));
  EXPECT_EQ(static_cast<int64_t>(ids.size()), vocabulary.size());
  EXPECT_EQ(*ids.rbegin(), vocabulary.size() - 1);
}

// Ids that transformers' tokenizer gives for the same SentencePiece model (make_fixtures.py).
TEST(Tokenizer, EqualsTransformers) {
  const Result<Json> expected = ReadJsonFile(Fixture("expected.json"));
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(Small().vocabulary().size(), (*expected)["size"].get<int64_t>());
  EXPECT_GE((*expected)["texts"].size(), 30U);
  for (const Json& entry : (*expected)["texts"]) {
    const auto text = entry["text"].get<std::string>();
    const Result<std::vector<int64_t>> ids = Small().Encode(text);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, entry["ids"].get<std::vector<int64_t>>()) << "'" << text << "'";
  }
}

void ExpectIdsInside(const std::string& text) {
  const Result<std::vector<int64_t>> ids = Small().Encode(text);
  ASSERT_TRUE(ids.ok()) << ids.error().ToString();
  EXPECT_THAT(*ids, Each(::testing::AllOf(::testing::Ge(0), ::testing::Lt(Small().vocabulary().size()))));
}

TEST(Tokenizer, AnyBytesGiveIdsOfTheVocabulary) {
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint64_t length = random.Below(60); length > 0; --length) text += static_cast<char>(random.Below(256));
    ExpectIdsInside(text);
  }
}

void AppendUtf8(uint32_t code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += {static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 63U))};
  } else if (code < 0x10000) {
    text += {static_cast<char>(0xE0U | code >> 12U), static_cast<char>(0x80U | (code >> 6U & 63U)),
             static_cast<char>(0x80U | (code & 63U))};
  } else {
    text += {static_cast<char>(0xF0U | code >> 18U), static_cast<char>(0x80U | (code >> 12U & 63U)),
             static_cast<char>(0x80U | (code >> 6U & 63U)), static_cast<char>(0x80U | (code & 63U))};
  }
}

// Tags stay whole wherever they stand, and what is between them is tokenized as if it stood alone.
TEST(Tokenizer, TextIsSplitAtTags) {
  Random random(12);
  const auto words = [&random] {
    std::string text;
    for (uint64_t length = random.Below(12); length > 0; --length) {
      // All planes but the surrogates, and often plain letters, spaces and brackets that belong to no tag.
      const uint64_t kind = random.Below(4);
      const auto wild = static_cast<uint32_t>(random.Below(0x10F800));
      AppendUtf8(kind == 0   ? (wild < 0xD800 ? wild : wild + 0x800)
                 : kind == 1 ? static_cast<uint32_t>(' ')
                             : static_cast<uint32_t>('a' + random.Below(26)),
                 text);
    }
    std::erase_if(text, [](char c) { return c == '<' || c == '>'; });
    return text;
  };
  for (int round = 0; round < 1000; ++round) {
    const std::string left = words();
    const std::string right = words();
    const std::string tag(kTags[random.Below(kTags.size())]);
    std::vector<int64_t> expected = *Small().Encode(left);
    expected.push_back(*Small().vocabulary().FindSpecial(tag));
    const std::vector<int64_t> behind = *Small().Encode(right);
    expected.insert(expected.end(), behind.begin(), behind.end());
    EXPECT_EQ(*Small().Encode(left + tag + right), expected) << left << tag << right;
  }
}

TEST(Tokenizer, LongTextsAreRefused) {
  const Result<std::vector<int64_t>> ids = Small().Encode(std::string((size_t{1} << 20) + 1, 'a'));
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code, ErrorCode::kUsage);
}

void ExpectRefused(const std::string& bytes, const std::string& why) {
  const auto loaded = Tokenizer::Parse(AsBytes(bytes), "bad.model");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::kInput);
  EXPECT_THAT(loaded.error().ToString(), HasSubstr("bad.model"));
  EXPECT_THAT(loaded.error().ToString(), HasSubstr(why));
}

TEST(Tokenizer, BadModelsAreNamed) {
  ExpectRefused("", "is empty");
  ExpectRefused("this is no model at all", "not a SentencePiece model");
  ExpectRefused(ReadAll(Fixture("expected.json")), "not a SentencePiece model");
  ExpectRefused(ReadAll(Fixture("other.model")), "<unk>, <s>, </s>");
  const auto absent = Tokenizer::Load(Fixture("absent.model"));
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::kInput);
}

// A cut model is refused, or (cut between two records) is a smaller one that still works.
TEST(Tokenizer, CutModelsNeverCrash) {
  const std::string whole = ReadAll(Fixture("small.model"));
  int refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    const auto loaded = Tokenizer::Parse(AsBytes(part), "cut.model");
    if (!loaded.ok()) {
      ++refused;
      EXPECT_EQ(loaded.error().code, ErrorCode::kInput);
    } else {
      EXPECT_TRUE((*loaded)->Encode("An image of").ok());
    }
  }
  EXPECT_GT(refused, 2000);
}

// Most flips hit the normalization table or a piece; what still loads must still tokenize.
TEST(Tokenizer, FlippedModelsNeverCrash) {
  const std::string whole = ReadAll(Fixture("small.model"));
  Random random(13);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    const auto loaded = Tokenizer::Parse(AsBytes(bytes), "flipped.model");
    if (!loaded.ok()) {
      ++refused;
      EXPECT_EQ(loaded.error().code, ErrorCode::kInput);
      continue;
    }
    for (const auto text :
         {"An image of a robot", "ABC \xEF\xBC\xA1 \t x\xFF\xFE", "<grounding>caf\xC3\xA9 \xEF\xAC\x83"}) {
      const auto ids = (*loaded)->Encode(text);
      ASSERT_TRUE(ids.ok());
      EXPECT_THAT(*ids, Each(::testing::Lt((*loaded)->vocabulary().size())));
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_LT(refused, 4000);
}

TEST(Tokenizer, DamagedNormalizationTableIsNamed) {
  // A message whose field 3 (normalizer_spec) has a field 2 (the table) of one trie unit that leads far away.
  const std::string table = std::string("\x04\0\0\0", 4) + std::string("\0\xFF\xFF\x7F", 4) + std::string(1, '\0');
  const std::string spec = std::string("\x12\x09") + table;
  ExpectRefused(std::string("\x1A\x0B") + spec, "normalization table");
}

}  // namespace
}  // namespace vlaq::tokenizer
