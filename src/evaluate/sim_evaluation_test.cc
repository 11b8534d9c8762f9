#include "evaluate/sim_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "base/random.h"
#include "evaluate/summary.h"

namespace vlaq::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// An outcome that follows from seed, ablation and policy.
Outcome MakeOutcome(uint64_t seed, Ablation ablation, uint64_t policy) {
  Random random(seed, static_cast<uint64_t>(ablation) * 10 + policy);
  Outcome o;
  o.seed = seed;
  o.layout = seed % 3 == 0 ? "1box_hori_left" : "2box_vert_right";
  o.told = seed % 2 == 0 ? sim::Side::kLeft : sim::Side::kRight;
  const uint64_t fate = random.Below(4);
  if (fate > 0) o.first_passed = fate == 1 ? sim::Opposite(o.told) : o.told;
  o.reached = fate == 1 || fate == 2;
  o.succeeded = fate == 2;
  o.collided = fate == 3;
  o.timed_out = fate == 0;
  o.steps = static_cast<int>(random.Below(48));
  o.path_length = random.Uniform(0, 7);  // needs all digits to come through
  return o;
}

EvaluatedPolicy MakeEvaluated(uint64_t policy, const SimEvaluation& e) {
  EvaluatedPolicy evaluated{
      {"bundle", "policy" + std::to_string(policy), std::string(64, 'a'), std::string(64, 't'), "onnxruntime, cpu"},
      {}};
  for (const Ablation ablation : {Ablation::kNone, Ablation::kGrayImage}) {
    AblationOutcomes& c = evaluated.ablations.emplace_back();
    c.ablation = ablation;
    for (uint64_t k = e.shard; k < e.episodes; k += e.shards) {
      c.outcomes.push_back(MakeOutcome(e.first_seed + k, ablation, policy));
    }
  }
  return evaluated;
}

SimEvaluation MakeEvaluation(uint64_t shard = 0, uint64_t shards = 1, bool reference = true) {
  SimEvaluation e;
  e.first_seed = 5'000'000'000;  // beyond 32 bits
  e.episodes = 11;
  e.shard = shard;
  e.shards = shards;
  e.world.width = 96;
  e.world.noise = false;
  e.policy = MakeEvaluated(0, e);
  if (reference) e.reference = MakeEvaluated(1, e);
  return e;
}

Result<SimEvaluation> ReadBack(const Json& json) {
  const auto parsed = ParseJson(json.dump(), "part.json");
  EXPECT_TRUE(parsed.ok());
  return SimEvaluationFromJson(*parsed, "part.json");
}

TEST(SimEvaluation, ComesBackFromJsonAsItWas) {
  for (const bool reference : {false, true}) {
    const Json json = ToJson(MakeEvaluation(1, 3, reference));
    const auto read = ReadBack(json);
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    EXPECT_EQ(ToJson(*read).dump(), json.dump());
    EXPECT_EQ(read->reference.has_value(), reference);
    EXPECT_EQ(read->first_seed, 5'000'000'000U);
    EXPECT_EQ(read->world.width, 96);
    EXPECT_FALSE(read->world.noise);
    EXPECT_EQ(read->policy.ablations[1].outcomes.size(), 4U) << "seeds 1, 4, 7 and 10 of 11";
    EXPECT_EQ(read->policy.ablations[1].outcomes[1].first_passed,
              MakeOutcome(5'000'000'004, Ablation::kGrayImage, 0).first_passed);
  }
}

TEST(SimEvaluation, SummariesAreComputedNotRead) {
  const Json honest = ToJson(MakeEvaluation());
  Json edited = honest;
  edited["policy"]["ablations"][0]["summary"]["success"]["count"] = 99;
  edited["comparison"] = Json::array();
  const auto read = ReadBack(edited);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(ToJson(*read).dump(), honest.dump());
}

TEST(Merge, ShardsAreByteForByteTheWhole) {
  const std::string whole = ToJson(MakeEvaluation()).dump();
  for (const uint64_t shards : {uint64_t{1}, uint64_t{2}, uint64_t{4}, uint64_t{11}}) {
    std::vector<SimEvaluation> parts;
    std::vector<std::string> names;
    for (uint64_t i = 0; i < shards; ++i) {
      const auto part = ReadBack(ToJson(MakeEvaluation((i + 1) % shards, shards)));  // not in their order
      ASSERT_TRUE(part.ok()) << part.error().ToString();
      parts.push_back(*part);
      names.push_back("part" + std::to_string(i));
    }
    const auto merged = Merge(parts, names);
    ASSERT_TRUE(merged.ok()) << merged.error().ToString();
    EXPECT_EQ(ToJson(*merged).dump(), whole) << shards;
  }
}

TEST(Merge, PathsMayDifferWhereTheBundleIsTheSame) {
  SimEvaluation second = MakeEvaluation(1, 2);
  second.policy.subject.name = "elsewhere/policy0";
  EXPECT_TRUE(Merge({MakeEvaluation(0, 2), second}, {"a", "b"}).ok());
}

TEST(Merge, RefusesPartsOfOtherEvaluations) {
  const auto refused = [](const auto& change) {
    SimEvaluation second = MakeEvaluation(1, 2);
    change(second);
    const auto merged = Merge({MakeEvaluation(0, 2), second}, {"first.json", "second.json"});
    ASSERT_FALSE(merged.ok());
    EXPECT_EQ(merged.error().code, ErrorCode::kInput);
    EXPECT_THAT(merged.error().ToString(), AllOf(HasSubstr("second.json"), HasSubstr("first.json")));
  };
  refused([](SimEvaluation& e) { e.policy.subject.sha256[0] = 'b'; });
  refused([](SimEvaluation& e) { e.reference->subject.sha256[0] = 'b'; });
  refused([](SimEvaluation& e) { e.reference.reset(); });
  refused([](SimEvaluation& e) { e.first_seed = 7; });
  refused([](SimEvaluation& e) { e.episodes = 12; });
  refused([](SimEvaluation& e) { e.shards = 3; });
  refused([](SimEvaluation& e) { e.world.height = 99; });
  refused([](SimEvaluation& e) { e.world.dynamics = false; });
  refused([](SimEvaluation& e) { e.world.noise = true; });
  refused([](SimEvaluation& e) { e.world.frame_loss = false; });
  refused([](SimEvaluation& e) { e.policy.ablations.pop_back(); });
  refused([](SimEvaluation& e) { e.policy.ablations[1].ablation = Ablation::kNoInstruction; });
  refused([](SimEvaluation& e) { e.policy.subject.kind = "checkpoint"; });
  refused([](SimEvaluation& e) { e.policy.subject.tokenizer_sha256 = std::string(64, 'c'); });
  refused([](SimEvaluation& e) { e.reference->subject.runs_on = "reference, cpu"; });
  refused([](SimEvaluation& e) { e.vlaq_version = "0.0.1"; });
  refused([](SimEvaluation& e) {  // programs have no hash: their command is what they are
    e.policy.subject = {"program", "other", ""};
  });
}

TEST(Merge, RefusesTheSameShardTwice) {
  const auto merged = Merge({MakeEvaluation(1, 3), MakeEvaluation(0, 3), MakeEvaluation(1, 3)}, {"a", "b", "c"});
  ASSERT_FALSE(merged.ok());
  EXPECT_THAT(merged.error().ToString(), AllOf(HasSubstr("c: is shard 1 again"), HasSubstr("a was")));
}

TEST(Merge, NamesWhatIsMissing) {
  const auto merged = Merge({MakeEvaluation(0, 5), MakeEvaluation(3, 5)}, {"a", "b"});
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(merged.error().code, ErrorCode::kInput);
  EXPECT_THAT(merged.error().ToString(), AllOf(HasSubstr("of 5 shards"), HasSubstr("missing: 1, 2, 4")));
  EXPECT_FALSE(Merge({}, {}).ok());
}

struct Corruption {
  const char* key;  // that the error must name
  std::function<void(Json&)> apply;
};

TEST(SimEvaluation, CorruptDocumentsAreRefusedByTheKey) {
  const auto first = [](Json& json) -> Json& { return json["policy"]["ablations"][0]["outcomes"][0]; };
  const std::vector<Corruption> corruptions{
      {"schema is missing", [](Json& j) { j.erase("schema"); }},
      {"vlaq.eval/9", [](Json& j) { j["schema"] = "vlaq.eval/9"; }},
      {"open_loop", [](Json& j) { j["mode"] = "open_loop"; }},
      {"first_seed must be an integer from 0", [](Json& j) { j["first_seed"] = "5"; }},
      {"first_seed must be an integer from 0", [](Json& j) { j["first_seed"] = -5; }},
      {"episodes must be an integer from 0", [](Json& j) { j["episodes"] = 1.5; }},
      {"shards is missing", [](Json& j) { j.erase("shards"); }},
      {"shard 3 of 3", [](Json& j) { j["shard"] = 3; }},
      {"shard 1 of 0", [](Json& j) { j["shards"] = 0; }},
      {"for 1000000000000 episodes",
       [](Json& j) { j["episodes"] = 1'000'000'000'000U, j["shards"] = 1'000'000'000'000U; }},
      {"outcomes holds 4 episodes instead of 3", [](Json& j) { j["episodes"] = 10; }},
      {"world is missing", [](Json& j) { j.erase("world"); }},
      {"world.noise must be true or false", [](Json& j) { j["world"]["noise"] = 1; }},
      {"policy is missing", [](Json& j) { j.erase("policy"); }},
      {"policy.sha256 is missing", [](Json& j) { j["policy"].erase("sha256"); }},
      {"policy.tokenizer_sha256 must be a string", [](Json& j) { j["policy"]["tokenizer_sha256"] = 1; }},
      {"policy.runs_on is missing", [](Json& j) { j["policy"].erase("runs_on"); }},
      {"vlaq_version is missing", [](Json& j) { j.erase("vlaq_version"); }},
      {"shard 0 of 1 for 1000001 episodes",
       [](Json& j) { j["episodes"] = kMaxEpisodes + 1, j["shard"] = 0, j["shards"] = 1; }},
      {"policy.ablations must be an array", [](Json& j) { j["policy"]["ablations"] = 3; }},
      {"policy: ablations is empty", [](Json& j) { j["policy"]["ablations"] = Json::array(); }},
      {"ablations[0].ablation is missing", [](Json& j) { j["policy"]["ablations"][0].erase("ablation"); }},
      {"ablation is \"blind\", which is not known", [](Json& j) { j["policy"]["ablations"][0]["ablation"] = "blind"; }},
      {"ablations[0].outcomes must be an array",
       [](Json& j) { j["policy"]["ablations"][0]["outcomes"] = Json::object(); }},
      {"outcomes holds 3 episodes instead of 4", [](Json& j) { j["policy"]["ablations"][0]["outcomes"].erase(2); }},
      {"seed is 5000000002 where 5000000001 is due", [&](Json& j) { first(j)["seed"] = 5'000'000'002; }},
      {"outcomes[0].told is missing", [&](Json& j) { first(j).erase("told"); }},
      {"told is \"up\"", [&](Json& j) { first(j)["told"] = "up"; }},
      {"first_passed is \"down\"", [&](Json& j) { first(j)["first_passed"] = "down"; }},
      {"first_passed must be a string", [&](Json& j) { first(j)["first_passed"] = 1; }},
      {"succeeded must be true or false", [&](Json& j) { first(j)["succeeded"] = "yes"; }},
      {"steps is missing", [&](Json& j) { first(j)["steps"] = Json(); }},
      {"steps must be -2147483648 to 2147483647", [&](Json& j) { first(j)["steps"] = 5'000'000'000; }},
      {"path_length_m must be a number", [&](Json& j) { first(j)["path_length_m"] = "far"; }},
      {"reference.name is missing", [](Json& j) { j["reference"].erase("name"); }},
      {"different ablations", [](Json& j) { j["reference"]["ablations"].erase(1); }},
  };
  const Json good = ToJson(MakeEvaluation(1, 3));
  for (const Corruption& corruption : corruptions) {
    Json bad = good;
    corruption.apply(bad);
    const auto read = ReadBack(bad);
    ASSERT_FALSE(read.ok()) << corruption.key;
    EXPECT_EQ(read.error().code, ErrorCode::kInput);
    EXPECT_THAT(read.error().ToString(), AllOf(HasSubstr("part.json"), HasSubstr(corruption.key)));
  }
  EXPECT_FALSE(SimEvaluationFromJson(Json::array(), "x").ok());
  EXPECT_FALSE(SimEvaluationFromJson(Json(3), "x").ok());
}

TEST(Summarize, CountsWhatBecameOfEach) {
  const auto outcome = [](const char* layout, sim::Side told, std::optional<sim::Side> passed) {
    Outcome o;
    o.layout = layout;
    o.told = told;
    o.first_passed = passed;
    return o;
  };
  std::vector<Outcome> outcomes{
      outcome("a", sim::Side::kLeft, sim::Side::kLeft), outcome("a", sim::Side::kRight, sim::Side::kRight),
      outcome("b", sim::Side::kLeft, sim::Side::kRight), outcome("b", sim::Side::kRight, std::nullopt)};
  outcomes[0].succeeded = outcomes[0].reached = true;
  outcomes[0].steps = 20;
  outcomes[0].path_length = 5;
  outcomes[1].succeeded = outcomes[1].reached = true;
  outcomes[1].steps = 30;
  outcomes[1].path_length = 6;
  outcomes[2].reached = true;
  outcomes[2].steps = 1000;
  outcomes[3].collided = true;
  const Summary s = Summarize(outcomes);
  EXPECT_EQ(s.success.count, 2);
  EXPECT_EQ(s.success.of, 4);
  EXPECT_EQ(s.success.fraction(), 0.5);
  EXPECT_EQ(s.success.interval().low, WilsonInterval(2, 4).low);
  EXPECT_EQ(s.reached.count, 3);
  EXPECT_EQ(s.collided.count, 1);
  EXPECT_EQ(s.timed_out.count, 0);
  EXPECT_EQ(s.told_side.count, 2);
  EXPECT_EQ(s.other_side.count, 1);
  EXPECT_EQ(s.mean_steps, 25) << "of successes";
  EXPECT_EQ(s.mean_path_length, 5.5);
  EXPECT_EQ(s.by_layout.at("a").count, 2);
  EXPECT_EQ(s.by_layout.at("b").count, 0);
  EXPECT_EQ(s.by_layout.at("b").of, 2);
  const Summary none = Summarize({});
  EXPECT_EQ(none.success.fraction(), 0);
  EXPECT_EQ(none.mean_steps, 0);
}

TEST(CompareSuccess, CountsPairsAndRefusesOthers) {
  std::vector<Outcome> a(6);
  std::vector<Outcome> b(6);
  for (uint64_t i = 0; i < 6; ++i) a[i].seed = b[i].seed = 40 + i;
  for (const size_t i : {0U, 1U, 2U, 3U}) a[i].succeeded = true;
  for (const size_t i : {0U, 4U}) b[i].succeeded = true;
  const auto counts = CompareSuccess(a, b);
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->both, 1);
  EXPECT_EQ(counts->only_first, 3);
  EXPECT_EQ(counts->only_second, 1);
  EXPECT_EQ(counts->neither, 1);
  b[2].seed = 99;
  EXPECT_THAT(CompareSuccess(a, b).error().ToString(), AllOf(HasSubstr("42"), HasSubstr("99")));
  b.pop_back();
  EXPECT_EQ(CompareSuccess(a, b).error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace vlaq::evaluate
