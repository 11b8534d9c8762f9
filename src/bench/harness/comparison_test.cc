#include "bench/harness/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "base/testing.h"
#include "bench/harness/testing.h"

namespace vlaq::harness {
namespace {

using ::testing::HasSubstr;

// Rounds of noisy steps: each round has a disturbance of its own that both of a pair share, and a step may be an
// outlier.
struct Pair {
  SubjectResult a, b;
};
Pair Simulated(uint64_t seed, double b_factor, size_t rounds = 20) {
  Random random(seed);
  std::vector<std::vector<int64_t>> a, b;
  double shared = 1;
  for (size_t r = 0; r < rounds; ++r) {
    shared *= std::exp(0.02 * random.Normal());
    const double own_a = std::exp(0.03 * random.Normal()), own_b = std::exp(0.03 * random.Normal());
    a.emplace_back();
    b.emplace_back();
    for (int i = 0; i < 10; ++i) {
      const auto step = [&random] {
        return 1e6 * std::exp(0.05 * random.Normal()) * (random.Uniform() < 0.02 ? 4 : 1);
      };
      a.back().push_back(static_cast<int64_t>(step() * shared * own_a));
      b.back().push_back(static_cast<int64_t>(step() * shared * own_b * b_factor));
    }
  }
  const Settings settings;
  return {testing::WithRounds("a", a, settings), testing::WithRounds("b", b, settings)};
}

TEST(Compare, TwoRunsOfTheSameNeverDifferInTwentyRepetitions) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Pair pair = Simulated(seed, 1);
    EXPECT_EQ(Compare(pair.a, pair.b).verdict, "no difference shown") << seed;
  }
}

// What varies by 5 % from round to round is not told apart by less.
TEST(Compare, AnUnstableOneMustDifferByMoreThanItVaries) {
  Pair pair = Simulated(7, 0.965);
  ASSERT_EQ(Compare(pair.a, pair.b).verdict, "second faster");
  pair.b.verdict.findings.push_back({"drift", State::kUnstable, 0.04, 0.03, ""});
  EXPECT_EQ(Compare(pair.a, pair.b).verdict, "no difference shown");
  Pair far = Simulated(7, 0.8);
  far.a.verdict.findings.push_back({"drift", State::kUnstable, 0.04, 0.03, ""});
  EXPECT_EQ(Compare(far.a, far.b).verdict, "second faster");
}

TEST(Compare, FalseAlarmsAreRare) {
  int alarms = 0;
  constexpr int kRuns = 500;
  for (uint64_t seed = 0; seed < kRuns; ++seed) {
    const Pair pair = Simulated(1000 + seed, 1);
    alarms += Compare(pair.a, pair.b).verdict == "no difference shown" ? 0 : 1;
  }
  RecordProperty("false_alarms_of_500", alarms);
  EXPECT_LE(alarms, kRuns * 5 / 100) << "an interval of 95 % is wrong in one of twenty";
}

TEST(Compare, FindsADifferenceOfFivePercent) {
  int found = 0;
  constexpr int kRuns = 50;
  for (uint64_t seed = 0; seed < kRuns; ++seed) {
    const Pair pair = Simulated(5000 + seed, 0.95);
    found += Compare(pair.a, pair.b).verdict == "second faster" ? 1 : 0;
  }
  EXPECT_GE(found, kRuns * 8 / 10);
}

TEST(Compare, SaysHowManyTimesFaster) {
  const Pair pair = Simulated(3, 0.25);
  const Comparison c = Compare(pair.a, pair.b);
  EXPECT_NEAR(c.ratio, 4, 0.2);
  EXPECT_GT(c.interval.low, 3.6);
  EXPECT_LT(c.interval.high, 4.4);
  EXPECT_EQ(c.rounds, 20U);
  EXPECT_EQ(Compare(pair.b, pair.a).verdict, "first faster");
}

TEST(Compare, AFewRoundsShowNothing) {
  for (const size_t rounds : {1U, 5U, 7U}) {
    const Pair pair = Simulated(3, 0.25, rounds);
    EXPECT_EQ(Compare(pair.a, pair.b).verdict, "cannot tell: too few rounds") << rounds;
  }
  const Pair pair = Simulated(3, 0.25, 8);
  EXPECT_EQ(Compare(pair.a, pair.b).verdict, "second faster");
}

TEST(Compare, WhatIsInvalidIsNotJudged) {
  const Finding invalid{"other_load", State::kInvalid, 0.5, 0.1, ""}, unstable{"drift", State::kUnstable, 1, 0, ""};
  Pair pair = Simulated(3, 0.25);
  pair.a.verdict.findings = {unstable};
  EXPECT_EQ(Compare(pair.a, pair.b).verdict, "second faster");
  pair.a.verdict.findings.push_back(invalid);
  EXPECT_EQ(Compare(pair.a, pair.b).verdict, "not judged: INVALID");
  EXPECT_EQ(Compare(pair.b, pair.a).verdict, "not judged: INVALID");
}

// ---- stored runs ----

class StoredRuns : public ::testing::Test {
 protected:
  static Results RunOf(uint64_t seed, double factor) {
    Results results;
    results.machine.cpu = "a processor";
    results.settings.inputs_sha256 = "abc";
    const Pair pair = Simulated(seed, factor);
    results.subjects = {pair.a, pair.b};
    return results;
  }
  std::filesystem::path Write(const std::string& name, const std::function<void(Json&)>& edit = {}) {
    Json json = ToJson(RunOf(1, 1));
    if (edit) edit(json);
    std::ofstream(folder_.path() / name) << json.dump();
    return folder_.path() / name;
  }
  void ExpectRefused(const std::string& text, const std::function<void(Json&)>& edit) {
    const auto read = ReadResults(Write("bad.json", edit));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInput);
    EXPECT_THAT(read.error().ToString(), HasSubstr(text));
    EXPECT_THAT(read.error().ToString(), HasSubstr("bad.json"));
  }
  TemporaryFolder folder_;
};

TEST_F(StoredRuns, ComeBackAsTheyWere) {
  const auto read = ReadResults(Write("run.json"));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  const StoredResults wanted = Stored(RunOf(1, 1));
  ASSERT_EQ(read->subjects.size(), 2U);
  EXPECT_EQ(read->cpu, wanted.cpu);
  EXPECT_EQ(read->subjects[1].name, "b");
  EXPECT_EQ(read->subjects[1].round_medians, wanted.subjects[1].round_medians);
  const auto known = ReadResults(Write("known.json", [](Json& j) {
    j["made"]["revision"] = "abc";
    j["subjects"][0]["runs_on"] = "a back end";
    j["subjects"][0]["files"] = {{{"name", "x"}, {"bytes", 1}, {"sha256", "12"}}};
  }));
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->revision, "abc");
  EXPECT_EQ(known->subjects[0].runs_on, "a back end");
  EXPECT_EQ(known->subjects[0].files, std::vector<std::string>{"12"});
}

TEST_F(StoredRuns, DamagedOnesAreRefusedByName) {
  ExpectRefused("schema is missing", [](Json& j) { j.erase("schema"); });
  ExpectRefused("vlaq.results/9", [](Json& j) { j["schema"] = "vlaq.results/9"; });
  ExpectRefused("subjects", [](Json& j) { j["subjects"] = Json::array(); });
  ExpectRefused("wall_ns", [](Json& j) { j["subjects"][0]["samples"].erase("wall_ns"); });
  ExpectRefused("199 times", [](Json& j) { j["subjects"][0]["samples"]["wall_ns"].erase(0); });
  ExpectRefused("an n of 7", [](Json& j) { j["subjects"][0]["summary"]["n"] = 7; });
  ExpectRefused("-5 ns", [](Json& j) { j["subjects"][0]["samples"]["wall_ns"][3] = -5; });
  ExpectRefused("subject 'a'.verdict.state is \"GOOD\", which is not known",
                [](Json& j) { j["subjects"][0]["verdict"]["state"] = "GOOD"; });
  ExpectRefused("sha256", [](Json& j) { j["settings"]["inputs"].erase("sha256"); });
}

TEST_F(StoredRuns, ARegressionIsFoundAndNothingElse) {
  const auto same = CompareRuns(Stored(RunOf(1, 1)), Stored(RunOf(2, 1)), {.threshold = 0.25});
  ASSERT_TRUE(same.ok());
  for (const Change& change : same->list) EXPECT_EQ(change.kind, Change::Kind::kSame) << change.name;
  const auto slower = CompareRuns(Stored(RunOf(1, 1)), Stored(RunOf(1, 1.5)), {});
  ASSERT_TRUE(slower.ok());
  EXPECT_EQ(slower->list[0].kind, Change::Kind::kSame);
  EXPECT_EQ(slower->list[1].kind, Change::Kind::kSlower);
  EXPECT_NEAR(slower->list[1].ratio, 1.5, 0.02);
  EXPECT_THAT(slower->unpaired, HasSubstr("no hashes say whether the first subject, 'a', is the same"));
  const auto faster = CompareRuns(Stored(RunOf(1, 1.5)), Stored(RunOf(1, 1)), {});
  EXPECT_EQ(faster->list[1].kind, Change::Kind::kFaster);
}

// The machine takes 1.3 times as long the second time. The first subject is known to be the same, so the others are
// judged as if it did not.
TEST_F(StoredRuns, AReferenceTakesTheMachineOut) {
  const auto run = [](double machine, double b_factor, const std::string& hash, const std::string& revision) {
    Results results = RunOf(machine == 1 ? 1 : 2, b_factor);
    results.made.revision = revision;
    for (SubjectResult& subject : results.subjects) {
      subject.ready.runs_on = "a back end";
      subject.files = {{"weights.bin", 5, subject.name == "a" ? hash : "of b"}};
      for (int64_t& ns : subject.samples.wall_ns) ns = static_cast<int64_t>(static_cast<double>(ns) * machine);
    }
    return Stored(results);
  };
  const auto kinds = [](const Result<Changes>& changes) {
    return std::vector{changes->list[0].kind, changes->list[1].kind};
  };
  using Kind = Change::Kind;
  const StoredResults before = run(1, 1, "of a", "1");
  const auto same = CompareRuns(before, run(1.3, 1, "of a", "1"), {.threshold = 0.1});
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->reference, "a");
  EXPECT_EQ(kinds(same), (std::vector{Kind::kReference, Kind::kSame}));
  EXPECT_TRUE(same->list[1].paired);
  EXPECT_NEAR(same->list[1].ratio, 1, 0.05);
  const auto slower = CompareRuns(before, run(1.3, 1.3, "of a", "1"), {.threshold = 0.1});
  EXPECT_EQ(kinds(slower), (std::vector{Kind::kReference, Kind::kSlower}));
  EXPECT_NEAR(slower->list[1].ratio, 1.3, 0.06);
  // Another vlaq may itself have become slower: its reference is judged, and only that one is.
  EXPECT_EQ(kinds(CompareRuns(before, run(1.3, 1, "of a", "2"), {.threshold = 0.1})),
            (std::vector{Kind::kSlower, Kind::kSame}));
  // Another file under the same name is no reference.
  const auto other = CompareRuns(before, run(1.3, 1, "other", "1"), {.threshold = 0.1});
  EXPECT_EQ(kinds(other), (std::vector{Kind::kSlower, Kind::kSlower}));
  EXPECT_EQ(other->reference, "");
  EXPECT_THAT(other->unpaired, HasSubstr("files of the first subject, 'a', differ"));
}

TEST_F(StoredRuns, TooFewRoundsCannotTell) {
  const auto run = [](double factor, size_t rounds) {
    Results results = RunOf(1, factor);
    const Pair pair = Simulated(1, factor, rounds);
    results.subjects = {pair.a, pair.b};
    return Stored(results);
  };
  for (const size_t rounds : {1U, 5U}) {
    const auto changes = CompareRuns(run(1, 20), run(1.5, rounds), {});
    ASSERT_TRUE(changes.ok());
    EXPECT_EQ(changes->list[1].kind, Change::Kind::kTooFew) << rounds;
    EXPECT_EQ(changes->list[1].rounds, rounds);
  }
  EXPECT_EQ(CompareRuns(run(1, 20), run(1.5, 6), {})->list[1].kind, Change::Kind::kSlower);
}

TEST_F(StoredRuns, WhatIsNoFairComparisonIsRefused) {
  const StoredResults before = Stored(RunOf(1, 1));
  const auto expect = [&](const std::string& text, const std::function<void(StoredResults&)>& edit) {
    StoredResults after = before;
    edit(after);
    const auto refused = CompareRuns(before, after, {});
    ASSERT_FALSE(refused.ok()) << text;
    EXPECT_THAT(refused.error().ToString(), HasSubstr(text));
    return;
  };
  expect("processors", [](StoredResults& r) { r.cpu = "another"; });
  expect("protocols", [](StoredResults& r) { r.protocol = "control"; });
  expect("threads", [](StoredResults& r) { r.threads = 9; });
  expect("inputs", [](StoredResults& r) { r.inputs_sha256 = "else"; });
  expect("INVALID", [](StoredResults& r) { r.subjects[0].state = State::kInvalid; });
  expect("no subject", [](StoredResults& r) { r.subjects.clear(); });
  expect("only this run has 'b'", [](StoredResults& r) { r.subjects.pop_back(); });
  expect("only later has 'c'", [](StoredResults& r) {
    r.where = "later";
    r.subjects.push_back(r.subjects.front());
    r.subjects.back().name = "c";
  });
  StoredResults after = before;
  after.cpu = "another";
  EXPECT_TRUE(CompareRuns(before, after, {.allow_different = true}).ok());
  EXPECT_FALSE(CompareRuns(before, after, {.allow_invalid = true}).ok()) << "another processor is another matter";
  after = before;
  after.subjects[0].state = State::kInvalid;
  const auto shown = CompareRuns(before, after, {.allow_invalid = true});
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->list[0].kind, Change::Kind::kInvalid);
  after = before;
  after.subjects.pop_back();
  const auto fewer = CompareRuns(before, after, {.allow_missing = true});
  ASSERT_TRUE(fewer.ok());
  EXPECT_EQ(fewer->list.size(), 1U);
}

}  // namespace
}  // namespace vlaq::harness
