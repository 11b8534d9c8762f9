#include "data/split.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/hash.h"
#include "base/json.h"
#include "base/output.h"
#include "base/testing.h"

namespace vlaq::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

SplitMember Member(int number) {
  return {Sha256Hex(AsBytes(fmt::format("episode {}", number))), fmt::format("e{}.h5", number)};
}

std::vector<SplitMember> Members(int count) {
  std::vector<SplitMember> members;
  for (int i = 0; i < count; ++i) members.push_back(Member(i));
  return members;
}

std::map<std::string, std::string> PartOfEach(const Split& split) {
  std::map<std::string, std::string> parts;
  for (const SplitPart& part : split.parts) {
    for (const SplitMember& member : part.episodes) parts[member.hash] = part.name;
  }
  return parts;
}

TEST(Split, FractionsAreParsedStrictly) {
  const auto good = ParseFractions("train=0.8,validation=0.1,test=0.1");
  ASSERT_TRUE(good.ok());
  ASSERT_THAT(*good, SizeIs(3));
  EXPECT_EQ((*good)[1].part, "validation");
  EXPECT_EQ((*good)[1].share, 0.1);
  EXPECT_TRUE(ParseFractions("all=1").ok());
  for (const char* text :
       {"", "train", "train=", "=1", "train=0.5,test=0.4", "train=0.5,train=0.5", "train=1.5,test=-0.5",
        "train=1,test=0", "train=0.5,,test=0.5", "tr ain=1", "train=1,", "train=nan", "train=1x"}) {
    const auto bad = ParseFractions(text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_EQ(bad.error().code, ErrorCode::kUsage);
  }
}

TEST(Split, EveryEpisodeOnceAndNearTheFractions) {
  const auto split = MakeSplit(Members(2000), *ParseFractions("train=0.8,validation=0.05,test=0.15"), 7);
  ASSERT_TRUE(split.ok());
  EXPECT_THAT(PartOfEach(*split), SizeIs(2000));
  // Four standard deviations of a binomial count.
  EXPECT_NEAR(static_cast<double>(split->parts[0].episodes.size()), 1600, 72);
  EXPECT_NEAR(static_cast<double>(split->parts[1].episodes.size()), 100, 39);
  EXPECT_NEAR(static_cast<double>(split->parts[2].episodes.size()), 300, 64);
}

TEST(Split, AddingOrReorderingEpisodesMovesNone) {
  const auto fractions = *ParseFractions("calibration=0.3,test=0.7");
  std::vector<SplitMember> members = Members(100);
  const auto before = PartOfEach(*MakeSplit(members, fractions, 1));
  std::reverse(members.begin(), members.end());
  for (int i = 100; i < 150; ++i) members.push_back(Member(i));
  const auto after = PartOfEach(*MakeSplit(members, fractions, 1));
  for (const auto& [hash, part] : before) EXPECT_EQ(after.at(hash), part);
  EXPECT_NE(PartOfEach(*MakeSplit(Members(100), fractions, 2)), before);
}

TEST(Split, OneContentUnderTwoNamesCountsOnce) {
  std::vector<SplitMember> members = Members(50);
  members.push_back({members[3].hash, "copy.h5"});
  EXPECT_THAT(PartOfEach(*MakeSplit(members, *ParseFractions("a=0.5,b=0.5"), 1)), SizeIs(50));
}

TEST(Split, AnEmptyPartIsAnError) {
  const auto split = MakeSplit(Members(3), *ParseFractions("a=0.4,b=0.3,c=0.2,d=0.1"), 1);
  ASSERT_FALSE(split.ok());
  EXPECT_THAT(split.error().ToString(), AllOf(HasSubstr("stays empty"), HasSubstr("another seed")));
}

TEST(Split, ComesBackFromJson) {
  const auto split = *MakeSplit(Members(40), *ParseFractions("train=0.5,test=0.5"), ~uint64_t{0});
  TemporaryFolder folder;
  const auto path = folder.path() / "split.json";
  ASSERT_TRUE(WriteFile(path, ToJson(split).dump(1), Existing::kRefuse).ok());
  const auto back = ReadSplit(path);
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(back->seed, ~uint64_t{0});
  EXPECT_EQ(PartOfEach(*back), PartOfEach(split));
  EXPECT_EQ(back->parts[0].name, "train");
  EXPECT_EQ(back->parts[0].fraction, 0.5);
  EXPECT_EQ(back->parts[1].episodes[0].name, split.parts[1].episodes[0].name);
  EXPECT_EQ(ReadEpisodeList(path.string() + ":test")->episodes.size(), split.parts[1].episodes.size());
  EXPECT_EQ(ReadEpisodeList(path.string())->episodes.size(), 40U);
  EXPECT_THAT(ReadEpisodeList(path.string() + ":tset").error().ToString(), HasSubstr("there are train, test"));
  EXPECT_FALSE(ReadEpisodeList((folder.path() / "none.json").string()).ok());
}

TEST(Split, JsonThatIsNoSplitIsRefused) {
  const Json good = ToJson(*MakeSplit(Members(40), *ParseFractions("train=0.5,test=0.5"), 1));
  const auto refusal = [&](auto&& change) {
    Json document = good;
    change(document);
    const auto split = SplitFromJson(document, "s.json");
    return split.ok() ? "accepted" : split.error().ToString();
  };
  EXPECT_EQ(refusal([](Json&) {}), "accepted");
  EXPECT_THAT(refusal([](Json& d) { d["schema"] = "vlaq.split/2"; }), HasSubstr("s.json: schema is \"vlaq.split/2\""));
  EXPECT_THAT(refusal([](Json& d) { d = Json::array(); }), HasSubstr("is not a JSON object"));
  EXPECT_THAT(refusal([](Json& d) { d["seed"] = -1; }), HasSubstr("seed must be an integer from 0"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"] = 1; }), HasSubstr("parts must be an object"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"] = 1; }), HasSubstr("parts.train must be an object"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"].erase("fraction"); }),
              HasSubstr("parts.train.fraction is missing"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"]["episodes"] = "all"; }),
              HasSubstr("parts.train.episodes must be an array"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"]["episodes"][0] = 3; }),
              HasSubstr("parts.train.episodes[0] must be an object"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"]["episodes"][0]["hash"] = "ABC"; }),
              HasSubstr("parts.train.episodes[0].hash is not a SHA-256"));
  EXPECT_THAT(refusal([](Json& d) { d["parts"]["train"]["episodes"].push_back(d["parts"]["test"]["episodes"][0]); }),
              HasSubstr("share 1 episode"));
}

TEST(Split, OverlapNamesTheEpisodes) {
  const EpisodeList a{"a.json:calibration", {Member(1), Member(2), Member(3), Member(4), Member(5)}};
  const EpisodeList b{"b.json:test", {Member(9), Member(4)}};
  const EpisodeList c{"c.json:test", {Member(9), Member(8)}};
  EXPECT_TRUE(CheckDisjoint(a, c).ok());
  const Status overlap = CheckDisjoint(a, b);
  ASSERT_FALSE(overlap.ok());
  EXPECT_EQ(overlap.error().code, ErrorCode::kInput);
  EXPECT_THAT(overlap.error().ToString(), AllOf(HasSubstr("a.json:calibration and b.json:test share 1 episode: e4.h5"),
                                                HasSubstr("prove nothing")));
  EXPECT_THAT(CheckDisjoint(a, a).error().ToString(), HasSubstr("share 5 episodes: e1.h5"));
  EXPECT_THAT(CheckDisjoint(a, a).error().ToString(), HasSubstr("and 2 more"));
}

}  // namespace
}  // namespace vlaq::data
