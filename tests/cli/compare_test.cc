// `vlaq compare` as a project's CI calls it: what it prints, and the exit code.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CompareTest : public ::testing::Test {
 protected:
  struct Subject {
    std::string name, hash;
    int64_t ns = 0;
    int rounds = 20;
    std::string state = "VALID";
  };
  // Results whose rounds have a time each: a little of its own, and what the machine adds to all of a round.
  std::string Results(const std::string& name, const std::vector<Subject>& subjects,
                      const std::string& revision = "1") {
    Json json{{"schema", "vlaq.results/1"},
              {"made", {{"revision", revision}}},
              {"machine", {{"cpu", "one"}}},
              {"settings",
               {{"protocol", "serving"}, {"threads", 1}, {"batch", 1}, {"window", 8}, {"inputs", {{"sha256", "x"}}}}},
              {"subjects", Json::array()}};
    for (const Subject& subject : subjects) {
      Json samples{{"round", Json::array()}, {"wall_ns", Json::array()}};
      for (int i = 0; i < subject.rounds; ++i) {
        samples["round"].push_back(i);
        samples["wall_ns"].push_back(subject.ns * (100 + i % 4) / 100 + 100 * (i % 5));
      }
      json["subjects"].push_back({{"name", subject.name},
                                  {"runs_on", "a back end"},
                                  {"files", {{{"name", "w"}, {"bytes", 1}, {"sha256", subject.hash}}}},
                                  {"verdict", {{"state", subject.state}}},
                                  {"samples", samples},
                                  {"summary", {{"n", subject.rounds}}}});
    }
    const std::string path = (folder_.path() / name).string();
    Overwrite(path, json.dump());
    return path;
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(CompareTest, OneRoundIsNoEvidence) {
  const std::string old = Results("old.json", {{"a", "1", 1'000'000, 1}});
  const std::string now = Results("now.json", {{"a", "2", 1'100'000, 1}});
  const Ran ran = Vlaq({"compare", old, now});
  EXPECT_EQ(ran.exit_code, 6) << "no pass either: a gate that cannot tell must not look like one that could";
  EXPECT_THAT(ran.out, AllOf(HasSubstr("cannot tell: too few rounds"), Not(HasSubstr("SLOWER"))));
  EXPECT_THAT(ran.err, HasSubstr("6 rounds"));
  const Ran json = Vlaq({"compare", old, now, "--json"});
  EXPECT_TRUE(json.json()["changes"][0]["ratio"]["low"].is_null());
}

TEST_F(CompareTest, AMachineThatBecameSlowerIsNoRegression) {
  const std::string old = Results("old.json", {{"reference", "1", 1'000'000}, {"policy", "2", 2'000'000}});
  const std::string drift = Results("drift.json", {{"reference", "1", 1'300'000}, {"policy", "3", 2'600'000}});
  const Ran same = Vlaq({"compare", old, drift});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, AllOf(HasSubstr("Paired: 'reference' is the same in both"), HasSubstr("no difference shown")));
  const std::string slow = Results("slow.json", {{"reference", "1", 1'300'000}, {"policy", "3", 3'200'000}});
  const Ran slower = Vlaq({"compare", old, slow, "--json"});
  EXPECT_EQ(slower.exit_code, 5);
  EXPECT_THAT(slower.err, HasSubstr("policy"));
  EXPECT_EQ(slower.json()["reference"], "reference");
  EXPECT_EQ(slower.json()["changes"][0]["verdict"], "reference");
  EXPECT_EQ(slower.json()["changes"][1]["paired"], true);
  EXPECT_NEAR(slower.json()["changes"][1]["ratio"]["median"].get<double>(), 1.23, 0.01);
  // Files of the first subject that differ: as measured, and that is said.
  const std::string other = Results("other.json", {{"reference", "9", 1'300'000}, {"policy", "3", 2'600'000}});
  const Ran unpaired = Vlaq({"compare", old, other});
  EXPECT_EQ(unpaired.exit_code, 5);
  EXPECT_THAT(unpaired.out, HasSubstr("Not paired: the files of the first subject, 'reference', differ"));
}

TEST_F(CompareTest, AMissingSubjectIsNotSkippedSilently) {
  const std::string two = Results("two.json", {{"a", "1", 1'000'000}, {"b", "2", 1'000'000}});
  const std::string one = Results("one.json", {{"a", "1", 1'000'000}});
  for (const auto& [before, after] : {std::pair(two, one), std::pair(one, two)}) {
    const Ran ran = Vlaq({"compare", before, after});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("only " + two + " has 'b'"), HasSubstr("--allow-missing")));
    EXPECT_EQ(Vlaq({"compare", before, after, "--allow-missing"}).exit_code, 0);
  }
}

TEST_F(CompareTest, UnstableRunsAreMarkedAndInvalidOnesRefused) {
  const std::string old = Results("old.json", {{"a", "1", 1'000'000, 20, "UNSTABLE"}});
  const std::string now = Results("now.json", {{"a", "1", 1'000'000}});
  EXPECT_THAT(Vlaq({"compare", old, now}).out, HasSubstr("UNSTABLE, then VALID"));
  const std::string bad = Results("bad.json", {{"a", "1", 1'000'000, 20, "INVALID"}});
  EXPECT_EQ(Vlaq({"compare", old, bad}).exit_code, 3);
  EXPECT_THAT(Vlaq({"compare", old, bad}).err, HasSubstr("--allow-invalid"));
  // Asked for, the ratio is shown, and it neither passes nor fails.
  const std::string slow = Results("slow.json", {{"a", "1", 2'000'000, 20, "INVALID"}});
  for (const char* option : {"--allow-invalid", "--allow-different"}) {
    for (const std::string& now_invalid : {bad, slow}) {
      const Ran ran = Vlaq({"compare", old, now_invalid, option});
      EXPECT_EQ(ran.exit_code, 6) << option;
      EXPECT_THAT(ran.out, AllOf(HasSubstr("UNSTABLE, then INVALID"), HasSubstr("not judged: INVALID")));
      EXPECT_THAT(ran.err, HasSubstr("no evidence"));
    }
  }
  EXPECT_THAT(Vlaq({"compare", old, slow, "--allow-invalid"}).out, HasSubstr("2.000"));
}

}  // namespace
}  // namespace vlaq
