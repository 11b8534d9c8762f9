// Plans: which operator gets which format for which target, what that does to the actions, and that quantize obeys.
#include <algorithm>
#include <map>
#include <set>

#include "bundle/bundle.h"
#include "families/kosmos2_lstm/testing.h"
#include "program.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A tiny policy "bundle", another one "other", episodes "seen" and "unseen", statistics of the first on "seen".
class PlanTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    MakeTinyBundle(folder_->path(), "bundle", 1);
    MakeTinyBundle(folder_->path(), "other", 7);
    RecordedSides{.count = 4, .shortest = 4, .shade = 10, .shading = 20}.In(In("seen"));
    RecordedSides{.count = 3, .shortest = 4, .shade = 150, .shading = 20}.In(In("unseen"));
    const Ran ran = Vlaq({"calibrate", In("bundle"), "--episodes", In("seen"), "--samples", "8", "--threads", "1", "-o",
                          In("stats.json")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string In(const std::string& name) { return (folder_->path() / name).string(); }
  // A name that was not used yet.
  static std::string Fresh() { return In("plan" + std::to_string(++plans_) + ".json"); }

  // `arguments` after "plan quantize BUNDLE", with a new output.
  static Ran Plan(std::vector<std::string> arguments, const std::string& output = Fresh()) {
    arguments.insert(arguments.begin(), {"plan", "quantize", In("bundle"), "-o", output});
    return Vlaq(arguments);
  }
  static Json PlanOf(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = Plan(std::move(arguments));
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json() : Json{};
  }
  // The plan's line of the first operator of a type, or with a name.
  static Json& Operator(Json& plan, const std::string& word) {
    for (Json& op : plan["operators"]) {
      if (op["op_type"] == word || op["node"] == word) return op;
    }
    ADD_FAILURE() << "no operator " << word;
    return plan["operators"][0];
  }
  static std::string FormOf(const Json& document, const std::string& word) {
    Json plan = document["plan"];
    const Json& op = Operator(plan, word);
    return op["form"].get<std::string>() + " " + op["weights"][0]["number"].get<std::string>() + " " +
           op["rule"].get<std::string>();
  }

 private:
  static inline TemporaryFolder* folder_ = nullptr;
  static inline int plans_ = 0;
};

TEST_F(PlanTest, EachTargetGetsItsForms) {
  const std::string stats = In("stats.json");
  struct Expected {
    std::vector<std::string> arguments;
    std::string matmul, gather, lstm, conv;
  };
  const std::vector<Expected> table = {
      {{"--target", "cpu"},
       "dynamic_int8 int8 ORT-01",
       "weight_only int8 EMB-01",
       "dynamic_int8 int8 ORT-01",
       "float float32 QP-07"},
      {{"--target", "cpu", "--precision", "int4", "--block", "16"},
       "weight_only int4 W4-01",
       "weight_only int8 EMB-01",
       "dynamic_int8 int8 ORT-01",
       "weight_only float16 SIZE-01"},
      {{"--target", "cpu", "--precision", "fp16"},
       "weight_only float16 FP16-01",
       "weight_only float16 FP16-01",
       "weight_only float16 FP16-01",
       "weight_only float16 FP16-01"},
      {{"--target", "portable", "--stats", stats},
       "static_int8 int8 QP-01",
       "weight_only float16 EMB-02",
       "float float32 LSTM-02",
       "float float32 QP-07"},
      {{"--target", "tensorrt-8.6", "--precision", "mixed", "--stats", stats},
       "static_int8 int8 QP-01",
       "half float16 FP16-02",
       "half float16 FP16-02",
       "half float16 FP16-02"},
      {{"--target", "tensorrt-10", "--precision", "fp16", "--stats", stats},
       "half float16 FP16-02",
       "half float16 FP16-02",
       "half float16 FP16-02",
       "half float16 FP16-02"},
  };
  for (const Expected& row : table) {
    SCOPED_TRACE(::testing::PrintToString(row.arguments));
    const Json document = PlanOf(row.arguments);
    EXPECT_EQ(FormOf(document, "MatMul"), row.matmul);
    EXPECT_EQ(FormOf(document, "Gather"), row.gather);
    EXPECT_EQ(FormOf(document, "LSTM"), row.lstm);
    EXPECT_EQ(FormOf(document, "Conv"), row.conv);
    for (const Json& op : document["plan"]["operators"]) {
      EXPECT_FALSE(op["reason"].get<std::string>().empty());
      if (op["form"] == "static_int8") {
        EXPECT_EQ(op["activation"]["range"][0], -op["activation"]["range"][1].get<double>());
      }
    }
  }
}

TEST_F(PlanTest, WhatMakesTheActionsStaysFloat) {
  for (const char* precision : {"int8", "int4", "mixed"}) {
    const Json document =
        PlanOf({"--target", "tensorrt-10", "--precision", precision, "--stats", In("stats.json"), "--block", "16"});
    const Json& last = document["plan"]["operators"].back();
    EXPECT_EQ(last["op_type"], "MatMul");
    EXPECT_EQ(last["form"], "float") << precision;
    EXPECT_EQ(last["rule"], "ACT-01");
  }
}

TEST_F(PlanTest, LinearsThatShareTheirInputAreOneGroup) {
  const Json document = PlanOf({});
  std::set<std::string> groups;
  for (const Json& op : document["plan"]["operators"]) groups.insert(op["group"]);
  EXPECT_TRUE(groups.contains("vision/layer.0/self_attn/q_proj+k_proj+v_proj"));
  EXPECT_TRUE(groups.contains("vision/layer.0/self_attn/out_proj"));
  EXPECT_TRUE(groups.contains("projection/x_attn/k_proj+v_proj"));
}

TEST_F(PlanTest, QuantizeObeysAndTheSizeIsWhatWasSaid) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--target", "cpu"},
                                             {"--target", "cpu", "--precision", "int4", "--block", "16"},
                                             {"--target", "tensorrt-8.6", "--stats", In("stats.json")},
                                             {"--target", "tensorrt-10", "--precision", "fp16"}}) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Json document = PlanOf(arguments);
    const std::string plan = document["output"];
    const Ran ran = Vlaq({"quantize", In("bundle"), "--plan", plan, "-o", In("made"), "--force", "--json"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const Json made = ran.json();
    for (const char* which : {"bytes_before", "bytes_after"}) {
      const double said = document[std::string(which) == "bytes_before" ? "bytes_before" : "bytes_after_about"];
      EXPECT_NEAR(made[which].get<double>(), said, 0.01 * said) << which;
    }
    EXPECT_EQ(Content(In("made/plan.json")), Content(plan));
  }
}

TEST_F(PlanTest, AnEditedPlanIsObeyedOrRefusedByTheRule) {
  const std::string path = PlanOf({"--target", "portable", "--stats", In("stats.json")})["output"];
  const Json plan = Json::parse(Content(path));
  const auto quantize = [&](const Json& edited) {
    Overwrite(path, edited.dump());
    fs::remove_all(In("made"));
    return Vlaq({"quantize", In("bundle"), "--plan", path, "-o", In("made")});
  };
  Json edited = plan;
  Json& op = Operator(edited, "MatMul");
  op["form"] = "dynamic_int8";
  op["activation"] = {{"value", op["activation"]["value"]}, {"number", "uint8"}};
  const Ran refused = quantize(edited);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("rule PORT-01"), HasSubstr(op["node"].get<std::string>())));
  EXPECT_FALSE(fs::exists(In("made")));

  edited = plan;
  edited["operators"][0]["node"] = "vision/Convolution";
  const Ran unknown = quantize(edited);
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("vision/Convolution"));
  EXPECT_FALSE(fs::exists(In("made")));

  edited = plan;
  Json& left = Operator(edited, "MatMul");
  left["form"] = "float";
  left["weights"][0] = {{"name", left["weights"][0]["name"]}, {"number", "float32"}};
  left.erase("activation");
  left["rule"] = "user";
  EXPECT_EQ(quantize(edited).exit_code, 0);
}

TEST_F(PlanTest, StaticRangesNeedStatisticsOfThisBundle) {
  const Ran without = Plan({"--target", "tensorrt-10"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err, HasSubstr("vlaq calibrate"));
  EXPECT_EQ(Plan({"--smooth", "0.5"}).exit_code, 2);
  EXPECT_EQ(Plan({"--bias-correction"}).exit_code, 2);

  const std::string output = Fresh();
  const Ran foreign =
      Vlaq({"plan", "quantize", In("other"), "--target", "tensorrt-10", "--stats", In("stats.json"), "-o", output});
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_FALSE(fs::exists(output));

  Json damaged = Json::parse(Content(In("stats.json")));
  ASSERT_GT(damaged["values"].size(), 0U);
  const std::string value =
      PlanOf({"--target", "portable", "--stats", In("stats.json")})["plan"]["operators"][1]["activation"]["value"];
  auto& values = damaged["values"];
  if (values.is_object()) {
    values.erase(value);
  } else {
    values.erase(std::find_if(values.begin(), values.end(), [&](const Json& v) { return v["value"] == value; }));
  }
  Overwrite(In("damaged.json"), damaged.dump());
  const Ran lacking = Plan({"--target", "portable", "--stats", In("damaged.json")});
  EXPECT_EQ(lacking.exit_code, 3);
  EXPECT_THAT(lacking.err, HasSubstr(value));
}

TEST_F(PlanTest, KeepsInFloatWhatItIsTold) {
  const std::string group = "vision/layer.0/self_attn/q_proj+k_proj+v_proj";
  const Json document = PlanOf({"--keep-float", group});
  int kept = 0;
  for (const Json& op : document["plan"]["operators"]) {
    if (op["group"] != group) continue;
    EXPECT_EQ(op["form"], "float");
    EXPECT_EQ(op["rule"], "USER");
    ++kept;
  }
  EXPECT_EQ(kept, 3);
  // All that lies in a part, and a pattern.
  for (const char* pattern : {"vision", "vision/*"}) {
    const Json whole_part = PlanOf({"--keep-float", pattern});
    int within = 0;
    for (const Json& op : whole_part["plan"]["operators"]) {
      const bool inside = op["group"].get<std::string>().starts_with("vision");
      within += inside ? 1 : 0;
      EXPECT_EQ(op["rule"] == "USER", inside) << pattern << ": " << op["group"];
    }
    EXPECT_GT(within, 3);
  }
  const Ran unknown = Plan({"--keep-float", "vision/layer.9"});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("'vision/layer.9'"));
}

TEST_F(PlanTest, SmoothingIsOnlyOverLayerNormalizationsThatFeedLinears) {
  const Json document = PlanOf({"--smooth", "0.5", "--stats", In("stats.json")});
  ASSERT_GT(document["plan"]["smooth"].size(), 0U);
  for (const Json& smooth : document["plan"]["smooth"]) {
    EXPECT_THAT(smooth["value"].get<std::string>(), HasSubstr("LayerNormalization"));
    EXPECT_EQ(smooth["alpha"], 0.5);
  }
}

// What smoothing and bias correction take of the statistics stands in the plan; plans of before still need them.
TEST_F(PlanTest, APlanIsEnoughToQuantizeBy) {
  const std::string path = In("whole_plan.json"), stats = In("stats.json");
  const Ran planned = Plan({"--target", "portable", "--stats", stats, "--smooth", "0.5", "--bias-correction"}, path);
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  const Ran alone = Vlaq({"quantize", In("bundle"), "--plan", path, "-o", In("alone")});
  ASSERT_EQ(alone.exit_code, 0) << alone.err;

  Json before = Json::parse(Content(path));
  ASSERT_FALSE(before["smooth"].empty() || before["means"].empty());
  for (Json& smooth : before["smooth"]) EXPECT_EQ(smooth.erase("factors"), 1U);
  before.erase("means");
  Overwrite(In("plan_of_before.json"), before.dump());
  const Ran refused = Vlaq({"quantize", In("bundle"), "--plan", In("plan_of_before.json"), "-o", In("refused")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--stats stats.json"));
  const Ran with =
      Vlaq({"quantize", In("bundle"), "--plan", In("plan_of_before.json"), "--stats", stats, "-o", In("of_before")});
  ASSERT_EQ(with.exit_code, 0) << with.err;
  EXPECT_EQ(Content(In("alone/weights.bin")), Content(In("of_before/weights.bin")));
}

// FP-03, with the value that says so.
TEST_F(PlanTest, WhatGoesBeyondFloat16sComfortStaysFloat32) {
  Json stats = Json::parse(Content(In("stats.json")));
  std::string sum, input;
  for (auto& [name, value] : stats["values"].items()) {
    if (sum.empty() && name.starts_with("vision/") && name.ends_with("Add") && value["channel_absmax"].empty()) {
      sum = name;
      value["maximum"] = 700.5;
    }
    if (input.empty() && name.ends_with("layer_norm2/LayerNormalization")) {
      input = name;
      value["maximum"] = 900.0;
    }
  }
  ASSERT_FALSE(sum.empty());
  ASSERT_FALSE(input.empty());
  Overwrite(In("wide.json"), stats.dump());
  const Json plan = PlanOf({"--target", "tensorrt-10", "--precision", "fp16", "--stats", In("wide.json")})["plan"];
  std::map<std::string, std::string> reasons;
  for (const Json& node : plan["keep_float"]) reasons[node["rule"]] += node["reason"].get<std::string>();
  EXPECT_THAT(reasons["FP-03"], HasSubstr("700.5"));
  int wide = 0;
  for (const Json& op : plan["operators"]) {
    if (op["rule"] != "FP-03") continue;
    EXPECT_EQ(op["form"], "float");
    EXPECT_THAT(op["node"].get<std::string>(), HasSubstr("fc1"));
    EXPECT_THAT(op["reason"].get<std::string>(), HasSubstr("900"));
    ++wide;
  }
  EXPECT_EQ(wide, 1);
}

// What was calibrated was the value before smoothing: its range would be of no use.
TEST_F(PlanTest, SmoothedValuesGetTheRangesThatTheyThenHave) {
  const Json plain = PlanOf({"--target", "portable", "--stats", In("stats.json")})["plan"];
  const Json smooth = PlanOf({"--target", "portable", "--stats", In("stats.json"), "--smooth", "0.5"})["plan"];
  std::set<std::string> smoothed;
  for (const Json& row : smooth["smooth"]) {
    for (const Json& node : row["nodes"]) smoothed.insert(node);
  }
  ASSERT_FALSE(smoothed.empty());
  for (size_t i = 0; i < plain["operators"].size(); ++i) {
    const Json& before = plain["operators"][i];
    const Json& after = smooth["operators"][i];
    if (!smoothed.contains(before["node"])) {
      EXPECT_EQ(before, after);
      continue;
    }
    EXPECT_NE(before["activation"]["range"], after["activation"]["range"]);
    EXPECT_EQ(after["activation"]["range"][0], -after["activation"]["range"][1].get<double>());
    EXPECT_EQ(after["activation"]["method"], "min_max");
  }
}

TEST_F(PlanTest, SmoothAutoTakesWhatMovesTheActionsLeast) {
  const Json document =
      PlanOf({"--target", "portable", "--stats", In("stats.json"), "--smooth", "auto", "--episodes", In("unseen")});
  const Json& tried = document["accuracy"]["smoothing"];
  ASSERT_EQ(tried.size(), 9U);
  EXPECT_EQ(tried[0]["alpha"], "each its own");
  EXPECT_EQ(tried[1]["alpha"], "none");
  EXPECT_EQ(tried[2]["alpha"], "0.2");
  const Json* taken = nullptr;
  double least = 1e9;
  for (const Json& row : tried) {
    least = std::min(least, row["effect"]["moved_rms"].get<double>());
    if (row["taken"].get<bool>()) taken = &row;
  }
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ((*taken)["effect"]["moved_rms"], least);
  EXPECT_EQ(document["plan"]["smooth"].empty(), (*taken)["alpha"] == "none");
  // Without episodes, and in quantize, the estimate decides.
  const Json estimated = PlanOf({"--target", "portable", "--stats", In("stats.json"), "--smooth", "auto"})["plan"];
  std::set<double> alphas;
  for (const Json& row : estimated["smooth"]) alphas.insert(row["alpha"].get<double>());
  EXPECT_GT(alphas.size(), 1U);
  const Ran made = Vlaq({"quantize", In("bundle"), "--target", "portable", "--stats", In("stats.json"), "--smooth",
                         "auto", "-o", In("smoothed")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(Json::parse(Content(In("smoothed/plan.json")))["smooth"], estimated["smooth"]);
  ExpectUsage({"plan", "quantize", "x", "-o", "y", "--smooth", "1.5"}, "neither a number from 0 to 1 nor auto");
}

TEST_F(PlanTest, TextShowsFormsBytesRulesAndReasons) {
  const Ran ran = Plan({});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("dynamic_int8"), HasSubstr("ORT-01"), HasSubstr("QP-07"), HasSubstr("EMB-01"),
                             HasSubstr("bytes before"), HasSubstr("vlaq quantize ")));
  EXPECT_THAT(ran.out, Not(HasSubstr("What each group does alone")));
}

TEST_F(PlanTest, SensitivityRanksEveryGroupByTheActions) {
  const std::string output = Fresh();
  const Ran ran = Plan({"--episodes", In("unseen"), "--sensitivity", "--json"}, output);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json document = ran.json();
  const Json& ranking = document["accuracy"]["sensitivity"];
  std::set<std::string> groups, ranked;
  for (const Json& op : document["plan"]["operators"]) {
    if (op["form"] != "float") groups.insert(op["group"]);
  }
  double before = 1e9;
  for (const Json& row : ranking) {
    EXPECT_TRUE(ranked.insert(row["group"]).second);
    const double moved = row["effect"]["moved_rms"];
    EXPECT_LE(moved, before);
    EXPECT_LE(moved, row["effect"]["moved_most"].get<double>() + 1e-12);
    before = moved;
  }
  EXPECT_EQ(ranked, groups);
  EXPECT_GT(ranking[0]["effect"]["moved_rms"].get<double>(), 0);
  EXPECT_EQ(ranking[0]["effect"]["steps"], 4 + 5 + 6);
  EXPECT_FALSE(fs::exists(output + ".work"));
}

TEST_F(PlanTest, LimitsAreHeldByRevertingTheWorst) {
  const auto plan = [](const std::string& limit) {
    return Plan({"--episodes", In("unseen"), "--max-action-diff", limit, "--json"});
  };
  const Ran loose = plan("2");
  ASSERT_EQ(loose.exit_code, 0) << loose.err;
  const Json held = loose.json()["accuracy"]["held"];
  EXPECT_TRUE(held["reached"].get<bool>());
  EXPECT_THAT(held["reversions"], IsEmpty());
  const double all = held["before"]["moved_most"];
  ASSERT_GT(all, 0);

  const Ran tight = plan(std::to_string(all / 2));
  ASSERT_EQ(tight.exit_code, 0) << tight.err;
  const Json document = tight.json();
  EXPECT_LE(document["accuracy"]["held"]["after"]["moved_most"].get<double>(), all / 2);
  EXPECT_GT(document["accuracy"]["held"]["reversions"].size(), 0U);
  EXPECT_EQ(document["accuracy"]["held"]["reversions"][0]["group"], document["accuracy"]["sensitivity"][0]["group"]);
  int reverted = 0;
  int quantized = 0;
  for (const Json& op : document["plan"]["operators"]) {
    quantized += op["form"] == "float" ? 0 : 1;
    if (op["rule"] != "ACC-01") continue;
    ++reverted;
    EXPECT_EQ(op["form"], "float");
    EXPECT_THAT(op["reason"].get<std::string>(), HasSubstr("RMS"));
  }
  EXPECT_GT(reverted, 0);
  EXPECT_GT(quantized, 0);

  const std::string output = Fresh();
  const Ran impossible = Plan({"--episodes", In("unseen"), "--max-action-diff", "1e-12", "--max-plans", "4"}, output);
  EXPECT_EQ(impossible.exit_code, 5);
  EXPECT_THAT(impossible.err, HasSubstr("no plan holds largest action difference 1e-12"));
  EXPECT_FALSE(fs::exists(output));
  EXPECT_FALSE(fs::exists(output + ".work"));

  // What was measured for it is not lost: another limit goes on with it, and comes out as if begun anew.
  ASSERT_TRUE(fs::exists(output + ".part"));
  const Ran goes_on =
      Plan({"--episodes", In("unseen"), "--max-action-diff", std::to_string(all / 2), "--json"}, output);
  ASSERT_EQ(goes_on.exit_code, 0) << goes_on.err;
  EXPECT_THAT(goes_on.err, HasSubstr("plans are measured already"));
  EXPECT_EQ(goes_on.json()["accuracy"], document["accuracy"]);
  EXPECT_EQ(goes_on.json()["plan"], document["plan"]);
  EXPECT_FALSE(fs::exists(output + ".part"));
}

TEST_F(PlanTest, MeasurementsOfOtherEpisodesAreRefused) {
  const std::string output = Fresh();
  EXPECT_EQ(Plan({"--episodes", In("unseen"), "--max-action-diff", "1e-12", "--max-plans", "1"}, output).exit_code, 5);
  const Ran other = Plan({"--episodes", In("seen"), "--sensitivity"}, output);
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, AllOf(HasSubstr(output + ".part"), HasSubstr("another episodes"), HasSubstr("delete it")));
}

TEST_F(PlanTest, MixedPlansGoByFloat16) {
  const Ran ran = Plan({"--target", "tensorrt-10", "--precision", "mixed", "--stats", In("stats.json"), "--episodes",
                        In("unseen"), "--sensitivity"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("(all without weights)"), HasSubstr("static_int8 int8"), HasSubstr("####")));
}

TEST_F(PlanTest, WhatWasCalibratedOnIsNoValidation) {
  const std::string output = Fresh();
  const Ran ran = Plan({"--stats", In("stats.json"), "--episodes", In("seen"), "--sensitivity"}, output);
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("calibration episodes"), HasSubstr("validation episodes")));
  EXPECT_FALSE(fs::exists(output));
}

// What had a part in making a bundle proves nothing of it: refused by content, whatever the files are called now.
TEST_F(PlanTest, EpisodesThatMadeABundleProveNothing) {
  const Ran split = Vlaq(
      {"data", "split", In("seen"), "--seed", "1", "--fractions", "calibration=0.5,test=0.5", "-o", In("split.json")});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  const std::string calibration = In("split.json") + ":calibration";
  const std::string test = In("split.json") + ":test";
  const Ran stats = Vlaq({"calibrate", In("bundle"), "--episodes", In("seen"), "--only", calibration, "--samples", "4",
                          "--threads", "1", "-o", In("part_stats.json")});
  ASSERT_EQ(stats.exit_code, 0) << stats.err;
  const Ran made = Vlaq({"quantize", In("bundle"), "--target", "portable", "--precision", "int8", "--stats",
                         In("part_stats.json"), "-o", In("of_part")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto with = [&](std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  };
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"verify", In("of_part"), "--reference", In("bundle")},
        std::vector<std::string>{"eval", In("of_part")}}) {
    const Ran refused = with(command, {"--episodes", In("seen")});
    EXPECT_EQ(refused.exit_code, 3) << command[0] << ": " << refused.err;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("2 of 4 episodes were used to make"), HasSubstr("--allow-overlap")));
    EXPECT_THAT(with(command, {"--episodes", In("seen"), "--only", test}).err, Not(HasSubstr("were used to make")))
        << command[0];
    EXPECT_NE(with(command, {"--episodes", In("seen"), "--allow-overlap"}).exit_code, 3) << command[0];
  }
}

TEST_F(PlanTest, WhatIsNoSourceOrNoPlanIsRefused) {
  ASSERT_EQ(Vlaq({"quantize", In("bundle"), "--target", "cpu", "--precision", "int8", "-o", In("twice")}).exit_code, 0);
  const Ran twice = Vlaq({"plan", "quantize", In("twice"), "-o", Fresh()});
  EXPECT_EQ(twice.exit_code, 3);
  EXPECT_THAT(twice.err, HasSubstr("is quantized already"));
  const Ran itself =
      Vlaq({"quantize", In("bundle"), "--target", "cpu", "--precision", "int8", "-o", In("bundle"), "--force"});
  EXPECT_EQ(itself.exit_code, 2);
  EXPECT_THAT(itself.err, HasSubstr("the output is the source itself"));
  EXPECT_EQ(Vlaq({"inspect", In("bundle")}).exit_code, 0) << "it is still there";
  const Ran mixed = Plan({"--target", "cpu", "--precision", "mixed"});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_THAT(mixed.err, HasSubstr("has no mixed"));
  // A weight that float16 can only write as 0.
  const fs::path place = In("faint_checkpoint");
  fs::create_directory(place);
  kosmos2_lstm::testing::TinyPolicy faint;
  for (float& x : faint.Backbone("text_model.model.layers.0.ffn.fc1.weight").mutable_data<float>()) x = 1e-9F;
  const Ran exported = Vlaq({"export", faint.Save(place).string(), "-o", In("faint"), "--config", place / "config.json",
                             "--policy", place / "policy.json"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const Ran half = Vlaq({"quantize", In("faint"), "--target", "tensorrt-10", "--precision", "fp16", "-o", In("half")});
  EXPECT_EQ(half.exit_code, 3);
  EXPECT_THAT(half.err, AllOf(HasSubstr("become 0 in float16"), HasSubstr("layers.0")));
  EXPECT_FALSE(fs::exists(In("half")));
}

TEST_F(PlanTest, UsageErrorsComeBeforeTheWork) {
  const std::string there = Fresh();
  Overwrite(there, "mine");
  const Ran kept = Plan({}, there);
  EXPECT_EQ(kept.exit_code, 2);
  EXPECT_THAT(kept.err, HasSubstr("already exists"));
  EXPECT_EQ(Content(there), "mine");
  ExpectUsage({"plan"}, "quantize");
  ExpectUsage({"plan", "quantize", "x"}, "--output is required");
  ExpectUsage({"plan", "quantize", "x", "-o", "y", "--sensitivity"}, "--episodes");
  ExpectUsage({"plan", "quantize", "x", "-o", "y", "--target", "cpuu"}, "did you mean cpu?");
  ExpectUsage({"plan", "quantize", "x", "-o", "y", "--episodes", "z", "--max-action-diff", "0"}, "--max-action-diff");
  fs::create_directory(In("one"));
  fs::copy(In("unseen/e0.h5"), In("one/e0.h5"));
  const Ran one = Plan({"--episodes", In("one"), "--max-mae-increase", "0.01"});
  EXPECT_EQ(one.exit_code, 2);
  EXPECT_THAT(one.err, HasSubstr("at least two episodes"));
  const Ran four = Plan({"--precision", "int4", "--target", "portable"});
  EXPECT_EQ(four.exit_code, 2);
  EXPECT_THAT(four.err, HasSubstr("no int4"));
}

}  // namespace
}  // namespace vlaq
