#include "benchmark/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "base/testing.h"
#include "benchmark/testing.h"

namespace vlaq::benchmark {
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
  const Pair pair = Simulated(3, 0.25, 5);
  EXPECT_EQ(Compare(pair.a, pair.b).verdict, "no difference shown");
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
}

TEST_F(StoredRuns, DamagedOnesAreRefusedByName) {
  ExpectRefused("\"schema\" is missing", [](Json& j) { j.erase("schema"); });
  ExpectRefused("vlaq.results/9", [](Json& j) { j["schema"] = "vlaq.results/9"; });
  ExpectRefused("subjects", [](Json& j) { j["subjects"] = Json::array(); });
  ExpectRefused("wall_ns", [](Json& j) { j["subjects"][0]["samples"].erase("wall_ns"); });
  ExpectRefused("199 times", [](Json& j) { j["subjects"][0]["samples"]["wall_ns"].erase(0); });
  ExpectRefused("an n of 7", [](Json& j) { j["subjects"][0]["summary"]["n"] = 7; });
  ExpectRefused("-5 ns", [](Json& j) { j["subjects"][0]["samples"]["wall_ns"][3] = -5; });
  ExpectRefused("no verdict", [](Json& j) { j["subjects"][0]["verdict"]["state"] = "GOOD"; });
  ExpectRefused("sha256", [](Json& j) { j["settings"]["inputs"].erase("sha256"); });
}

TEST_F(StoredRuns, ARegressionIsFoundAndNothingElse) {
  const auto same = CompareRuns(Stored(RunOf(1, 1)), Stored(RunOf(2, 1)), 0.25, false);
  ASSERT_TRUE(same.ok());
  for (const Change& change : *same) EXPECT_EQ(change.kind, Change::Kind::kSame) << change.name;
  const auto slower = CompareRuns(Stored(RunOf(1, 1)), Stored(RunOf(1, 1.5)), 0.05, false);
  ASSERT_TRUE(slower.ok());
  EXPECT_EQ((*slower)[0].kind, Change::Kind::kSame);
  EXPECT_EQ((*slower)[1].kind, Change::Kind::kSlower);
  EXPECT_NEAR((*slower)[1].ratio, 1.5, 0.02);
  const auto faster = CompareRuns(Stored(RunOf(1, 1.5)), Stored(RunOf(1, 1)), 0.05, false);
  EXPECT_EQ((*faster)[1].kind, Change::Kind::kFaster);
}

TEST_F(StoredRuns, WhatIsNoFairComparisonIsRefused) {
  const StoredResults before = Stored(RunOf(1, 1));
  const auto expect = [&](const std::string& text, const std::function<void(StoredResults&)>& edit) {
    StoredResults after = before;
    edit(after);
    const auto refused = CompareRuns(before, after, 0.05, false);
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
  StoredResults after = before;
  after.cpu = "another";
  EXPECT_TRUE(CompareRuns(before, after, 0.05, true).ok());
}

}  // namespace
}  // namespace vlaq::benchmark
