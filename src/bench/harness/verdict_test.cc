// Each reason for a verdict fires alone, and none fires on a good run.
#include "bench/harness/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "bench/harness/testing.h"

namespace vlaq::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Rounds = std::vector<std::vector<int64_t>>;

class VerdictTest : public ::testing::Test {
 protected:
  VerdictTest() { results_.settings.percentiles = {0.5, 0.9}; }

  static Rounds Even(size_t rounds, int64_t ns) { return Rounds(rounds, std::vector<int64_t>(8, ns)); }

  // Names of the findings, and that the verdict is the worst of them.
  std::vector<std::string> Found(const Rounds& rounds, const std::function<void(SubjectResult&)>& edit = {}) {
    SubjectResult subject = testing::WithRounds("a", rounds, results_.settings);
    if (edit) edit(subject);
    verdict_ = Judge(subject, results_);
    std::vector<std::string> names;
    for (const Finding& finding : verdict_.findings) {
      names.push_back(finding.check);
      EXPECT_FALSE(finding.advice.empty());
      EXPECT_NE(finding.state, State::kValid);
    }
    return names;
  }

  Results results_;
  Verdict verdict_;
};

TEST_F(VerdictTest, AGoodRunIsValid) {
  EXPECT_THAT(Found(Even(20, 1'000'000)), IsEmpty());
  EXPECT_EQ(verdict_.state(), State::kValid);
}

TEST_F(VerdictTest, OtherOutputs) {
  const auto differs = [](SubjectResult& s) { s.outputs = OutputDifference{"first", 0.05, 0.2, 8, 0.5, 0.05}; };
  EXPECT_THAT(Found(Even(20, 1'000'000), differs), ElementsAre("outputs_differ"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto nan = [](SubjectResult& s) { s.outputs = OutputDifference{"first", kNone, kNone, 8, 0.5, kNone}; };
  EXPECT_THAT(Found(Even(20, 1'000'000), nan), ElementsAre("outputs_differ"));
  const auto another = [](SubjectResult& s) {
    s.outputs = OutputDifference{"first", 0, 0, 8, 0.5, 0};
    s.outputs->others = {{"value", 0.2}};
  };
  EXPECT_THAT(Found(Even(20, 1'000'000), another), ElementsAre("outputs_differ"));
  const auto near = [](SubjectResult& s) { s.outputs = OutputDifference{"first", 0.05, 0.09, 8, 0.5, 0.05}; };
  EXPECT_THAT(Found(Even(20, 1'000'000), near), IsEmpty());
}

TEST_F(VerdictTest, NearIsNotEnough) {
  const auto of = [](double spread, double residual) {
    return
        [=](SubjectResult& s) { s.outputs = OutputDifference{"first", residual, 2 * residual, 8, spread, residual}; };
  };
  EXPECT_THAT(Found(Even(20, 1'000'000), of(2e-3, 2e-3)), ElementsAre("output_independent_of_input"))
      << "as far as a constant";
  EXPECT_EQ(verdict_.state(), State::kInvalid);
  EXPECT_THAT(Found(Even(20, 1'000'000), of(2e-3, 1e-3)), ElementsAre("output_error_high"));
  EXPECT_EQ(verdict_.state(), State::kUnstable);
  EXPECT_THAT(Found(Even(20, 1'000'000), of(2e-3, 4e-4)), IsEmpty());
  EXPECT_THAT(Found(Even(20, 1'000'000), of(5e-5, 1e-7)), IsEmpty()) << "hardly any change, and it follows it";
  EXPECT_THAT(Found(Even(20, 1'000'000), of(5e-7, 1e-8)), ElementsAre("output_constant"));
  EXPECT_EQ(verdict_.state(), State::kUnstable);
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.outputs = OutputDifference{"a", 0, 0, 8, 0, 0}; }),
              IsEmpty())
      << "the first against itself";
  results_.settings.difference_given = true;
  EXPECT_THAT(Found(Even(20, 1'000'000), of(2e-3, 2e-3)), IsEmpty()) << "the user knows better";
  EXPECT_THAT(Found(Even(20, 1'000'000), of(5e-7, 1e-8)), IsEmpty());
}

TEST_F(VerdictTest, AnotherNetwork) {
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.identity = 0.0065; }), ElementsAre("identity"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.identity = 0.9993; }), IsEmpty());
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.identity = 1.125; }), IsEmpty()) << "INT4's scales";
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.identity = 150; }), ElementsAre("identity"))
      << "the first is the stand-in";
}

TEST_F(VerdictTest, OtherThreadsThanAskedFor) {
  results_.settings.threads = 2;
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.ready.threads = 16; }), ElementsAre("threads"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.ready.threads = 2; }), IsEmpty());
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.ready.threads = 0; }), IsEmpty()) << "does not say";
}

TEST_F(VerdictTest, ClaimsThatCannotBe) {
  EXPECT_THAT(Found(Even(20, 1'000'000), [](SubjectResult& s) { s.impossible_claims = 1; }), ElementsAre("claims"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
}

TEST_F(VerdictTest, TimeThatNobodyClaims) {
  // Ten steps a question; each claims 0.2 ms, and takes 10: launched, and not waited for.
  const auto answered = [](int64_t reported_ns, int64_t wall_ns) {
    return [=](SubjectResult& s) {
      for (int i = 0; i < 20; ++i) {
        s.answers.steps.push_back(10);
        s.answers.reported_ns.push_back(10 * reported_ns);
        s.answers.wall_ns.push_back(10 * wall_ns);
      }
    };
  };
  EXPECT_THAT(Found(Even(20, 200'000), answered(200'000, 10'000'000)), ElementsAre("unaccounted_time"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
  EXPECT_THAT(Found(Even(20, 10'000'000), answered(10'000'000, 16'000'000)), IsEmpty());
  EXPECT_THAT(Found(Even(20, 10'000'000), answered(10'000'000, 16'400'000)), ElementsAre("unaccounted_time"));
  EXPECT_THAT(Found(Even(20, 20'000), answered(20'000, 70'000)), IsEmpty()) << "a step too small for what text costs";
  results_.harness.message_ns = 50'000'000;  // a machine where asking takes so long
  EXPECT_THAT(Found(Even(20, 20'000'000), answered(10'000'000, 18'000'000)), IsEmpty());
}

// What vlaq's own worker is asked for is timed by the clock that judges it: load is told as load, and nobody lied.
TEST_F(VerdictTest, OwnWorkersAreNotAccused) {
  const auto own = [](SubjectResult& s) {
    s.own_worker = true;
    s.answers = {std::vector<int>(20, 1), std::vector<int64_t>(20, 10'000'000), std::vector<int64_t>(20, 40'000'000)};
  };
  EXPECT_THAT(Found(Even(20, 10'000'000), own), ElementsAre("unaccounted_time"));
  EXPECT_EQ(verdict_.state(), State::kUnstable);
  results_.machine.other_load = 0.88;
  EXPECT_THAT(Found(Even(20, 10'000'000), own), ElementsAre("other_load"));
  const auto other = [&own](SubjectResult& s) {
    own(s);
    s.own_worker = false;
  };
  EXPECT_THAT(Found(Even(20, 10'000'000), other), ElementsAre("unaccounted_time", "other_load"));
}

TEST_F(VerdictTest, TooFewRuns) {
  results_.settings.percentiles = {0.5, 0.99};
  EXPECT_THAT(Found(Even(20, 1'000'000)), ElementsAre("too_few_runs"));
  EXPECT_EQ(verdict_.findings[0].limit, 662);
  results_.settings.protocol = Protocol::kPublished;  // claims none
  EXPECT_THAT(Found(Even(20, 1'000'000)), IsEmpty());
}

TEST_F(VerdictTest, ADebugBuild) {
  results_.made.assertions = true;
  EXPECT_THAT(Found(Even(20, 1'000'000)), ElementsAre("debug_build"));
}

TEST_F(VerdictTest, Throttling) {
  results_.machine.throttled = true;
  EXPECT_THAT(Found(Even(20, 1'000'000)), ElementsAre("throttled"));
  results_.machine.throttled = false;
  EXPECT_THAT(Found(Even(20, 1'000'000)), IsEmpty());
}

// One that drops and stays there; one reading alone would be none.
TEST_F(VerdictTest, AStepOfTheClock) {
  for (const double mhz : {3000.0, 3000.0, 3000.0, 3000.0, 2400.0, 2400.0, 2400.0, 2400.0}) {
    results_.machine.readings.emplace_back().clock_mhz = mhz;
  }
  EXPECT_THAT(Found(Even(20, 1'000'000)), ElementsAre("clock"));
}

TEST_F(VerdictTest, OtherLoad) {
  results_.machine.other_load = 0.3;
  EXPECT_THAT(Found(Even(20, 1'000'000)), ElementsAre("other_load"));
}

TEST_F(VerdictTest, AStepTooShortForTheClock) {
  results_.harness.call_ns = 60;
  EXPECT_THAT(Found(Even(20, 5'000)), ElementsAre("harness"));
  EXPECT_THAT(Found(Even(20, 7'000)), IsEmpty());
}

TEST_F(VerdictTest, UnevenRounds) {
  Rounds rounds = Even(21, 1'000'000);
  for (size_t r = 0; r < rounds.size(); r += 3) rounds[r].assign(8, 1'200'000);
  EXPECT_THAT(Found(rounds), ElementsAre("variation"));
  EXPECT_EQ(verdict_.state(), State::kUnstable);
}

TEST_F(VerdictTest, Drift) {
  Rounds rounds = Even(21, 1'000'000);
  for (size_t r = 0; r < rounds.size(); ++r) rounds[r].assign(8, 1'000'000 + static_cast<int64_t>(r) * 3'000);
  EXPECT_THAT(Found(rounds), ElementsAre("drift"));
}

TEST_F(VerdictTest, Windows) {
  Rounds rounds = Even(42, 1'000'000);
  for (size_t r = 14; r < 28; ++r) rounds[r].assign(8, 1'105'000);
  EXPECT_THAT(Found(rounds), ElementsAre("windows"));
}

TEST_F(VerdictTest, Outliers) {
  Rounds rounds = Even(20, 1'000'000);
  rounds[7][3] = 9'000'000;
  EXPECT_THAT(Found(rounds), ElementsAre("outliers"));
  EXPECT_THAT(verdict_.findings[0].advice, ::testing::HasSubstr("round 7"));
}

TEST_F(VerdictTest, TheWorstDecides) {
  results_.machine.other_load = 0.3;
  Rounds rounds = Even(20, 1'000'000);
  rounds[7][3] = 9'000'000;
  EXPECT_THAT(Found(rounds), ElementsAre("other_load", "outliers"));
  EXPECT_EQ(verdict_.state(), State::kInvalid);
}

}  // namespace
}  // namespace vlaq::harness
