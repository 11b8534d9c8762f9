// plan device: estimates that are called so, memory that adds up, advice where it does not fit.
#include <algorithm>
#include <set>

#include "cost/device_file.h"
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanDeviceTest : public CliTest {
 protected:
  static std::string PublishedPlan() { return VLAQ_TESTDATA "/../examples/mobile_vla/published_plan.json"; }
  static Ran Device(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plan", "device", Bundle()});
    return Vlaq(arguments);
  }
  static Json DocumentOf(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = Device(std::move(arguments));
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json() : Json{};
  }
  // A board with so little memory.
  static std::string Small(int64_t bytes) {
    Json device = cost::DeviceToJson(cost::Devices()[0]);
    device["memory_bytes"] = bytes;
    device.erase("reserved_bytes");
    Overwrite(In("small.json"), device.dump());
    return In("small.json");
  }
};

TEST_F(PlanDeviceTest, EverythingIsCalledAnEstimate) {
  const Json document = DocumentOf({"--device", "orin-nx-16"});
  EXPECT_EQ(document["schema"], "vlaq.plan_device/1");
  EXPECT_EQ(document["kind"], "estimate");
  EXPECT_EQ(document["measured"], false);
  // The answer first, whole in one line.
  const Ran answer = Device({"--device", "orin-nx-16"});
  EXPECT_THAT(
      answer.out.substr(0, answer.out.find('\n')),
      ::testing::MatchesRegex("fits: yes, build one engine of the whole policy, peak .* of 13.7 GB; at least .* a "
                              "step \\(fp16, MAXN; an estimate\\)"));
  EXPECT_THAT(answer.out, AllOf(HasSubstr("On Jetson Orin NX 16 GB (estimate"), HasSubstr("--details"),
                                Not(HasSubstr("published")), Not(HasSubstr("Memory"))));
  EXPECT_LT(std::count(answer.out.begin(), answer.out.end(), '\n'), 15);
  EXPECT_FALSE(document.contains("published"));
  EXPECT_EQ(document["answer"]["fits"], true);
  EXPECT_EQ(document["answer"]["precision"], "fp16");
  const Ran text = Device({"--device", "orin-nx-16", "--details", "--published", PublishedPlan()});
  for (const char* title :
       {"Memory (estimate)", "Running (estimate)", "Building on the board (estimate", "Estimate for"}) {
    EXPECT_THAT(text.out, HasSubstr(title));
  }
  EXPECT_THAT(text.out, AllOf(HasSubstr("The published plan expected 800 to 1,800 frames/s and less than 100 MB"),
                              HasSubstr("DS-10712-001"), HasSubstr("of 0.4 s")));
}

TEST_F(PlanDeviceTest, APlanThatSaysTooLittleIsRefused) {
  for (const char* text : {"{}", R"({"schema": "vlaq.published_plan/1"})",
                           R"({"schema": "vlaq.published_plan/1", "frames_per_s": [9, 3], "bytes_below": 1})",
                           R"({"schema": "vlaq.published_plan/1", "frames_per_s": [3, 9]})"}) {
    Overwrite(In("plan_of_old.json"), text);
    const Ran ran = Device({"--device", "orin-nx-16", "--published", In("plan_of_old.json")});
    EXPECT_EQ(ran.exit_code, 3) << text;
    EXPECT_THAT(ran.err, HasSubstr("plan_of_old.json"));
  }
}

TEST_F(PlanDeviceTest, AllModesOrTheOneAskedFor) {
  std::set<std::string> modes;
  const Json all = DocumentOf({"--device", "orin-nx-16"});
  for (const Json& limit : all["limits"]) modes.insert(limit["power"]);
  EXPECT_EQ(modes, (std::set<std::string>{"10W", "15W", "25W", "MAXN"}));
  const Json one = DocumentOf({"--device", "orin-nx-16", "--power", "25W", "--published", PublishedPlan()});
  for (const Json& limit : one["limits"]) EXPECT_EQ(limit["power"], "25W");
  EXPECT_EQ(one["published"]["rates"][0]["power"], "25W");
  EXPECT_THAT(Device({"--device", "orin-nx-16", "--power", "25W", "--details"}).out, Not(HasSubstr("MAXN")));
}

TEST_F(PlanDeviceTest, MemoryAddsUp) {
  const Json document = DocumentOf({"--device", "orin-nx-16", "--workspace", "64MiB"});
  const Json& memory = document["memory"];
  EXPECT_EQ(memory["available_bytes"].get<int64_t>() + memory["reserved_bytes"].get<int64_t>(), memory["total_bytes"]);
  EXPECT_EQ(document["activations_unknown_values"], 0);
  ASSERT_EQ(document["fit"].size(), 3U);
  for (const Json& fit : document["fit"]) {
    EXPECT_EQ(fit["advised"], "one_engine") << "a small policy";
    for (const Json& run : fit["running"]) {
      EXPECT_GT(run["activations_bytes"].get<int64_t>(), 0);
      EXPECT_EQ(run["weights_bytes"].get<int64_t>() + run["activations_bytes"].get<int64_t>(), run["running_bytes"]);
    }
    for (const Json& build : fit["building"]) {
      EXPECT_EQ(build["workspace_bytes"], 64 << 20U);
      int64_t sum = 0;
      for (const char* part : {"stored", "builder", "serialized", "workspace", "activations"}) {
        sum += build[std::string(part) + "_bytes"].get<int64_t>();
      }
      EXPECT_EQ(sum, build["peak_bytes"]);
    }
  }
}

TEST_F(PlanDeviceTest, WhereBuildingDoesNotFitItSaysWhatWould) {
  const Json roomy = DocumentOf({"--device", Small(1'000'000'000), "--workspace", "1MB"});
  const Json& fp16 = roomy["fit"][1];
  ASSERT_EQ(fp16["precision"], "fp16");
  // As much as the third way takes, which the first two do not fit into.
  const int64_t in_turn = fp16["building"][2]["peak_bytes"];
  const Json tight = DocumentOf({"--device", Small(in_turn), "--workspace", "1MB"});
  EXPECT_EQ(tight["fit"][1]["advised"], "in_turn");
  EXPECT_FALSE(tight["memory"].contains("reserved_bytes"));
  const Ran text = Device({"--device", Small(in_turn), "--workspace", "1MB", "--details"});
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("cannot be built"), HasSubstr("build encoder, then head"), HasSubstr("not known")));
  const Json none = DocumentOf({"--device", Small(1000)});
  EXPECT_TRUE(none["fit"][0]["advised"].is_null());
  const Ran little = Device({"--device", Small(1000)});
  EXPECT_THAT(little.out, AllOf(HasSubstr("fits: NO, the least is to build"), HasSubstr("nor any other way")));
  // Without the workspace it would.
  EXPECT_THAT(Device({"--device", Small(in_turn)}).out, HasSubstr("it would fit"));
}

TEST_F(PlanDeviceTest, WhatIsNoBundleOrNoDevice) {
  const Ran file = Vlaq({"plan", "device", Bundle() + "/head.onnx", "--device", "orin-nx-16"});
  EXPECT_THAT(Vlaq({"plan", "device", Checkpoint(), "--device", "orin-nx-16"}).err, HasSubstr("vlaq export"));
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_THAT(file.err, AllOf(HasSubstr("is not a bundle"), HasSubstr("vlaq plan cost")));
  ExpectUsage({"plan", "device", Bundle(), "--device", "orin-nx-16", "--workspace", "2"}, "Say 2MiB or 2GiB");
  ExpectUsage({"plan", "device", Bundle()}, "--device is required");
  ExpectUsage({"plan", "device", Bundle(), "--device", "orin-nx"}, "there are orin-nx-16");
  ExpectUsage({"plan", "device", Bundle(), "--device", "orin-nx-16", "--power", "20W"}, "there are 10W, 15W");
  EXPECT_EQ(Vlaq({"plan", "device", In("nothing"), "--device", "orin-nx-16"}).exit_code, 3);
}

}  // namespace
}  // namespace vlaq
