// plan cost: arithmetic that can be checked against the graphs themselves, claims, and devices that are not there.
#include <algorithm>

#include "cost/device_file.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanCostTest : public CliTest {
 protected:
  static Ran Cost(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plan", "cost"});
    return Vlaq(arguments);
  }
  static Json CostOf(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = Cost(std::move(arguments));
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json() : Json{};
  }
  static int64_t MacsOf(const Json& document, const std::string& name) {
    for (const char* list : {"scenarios", "graphs"}) {
      for (const Json& row : document[list]) {
        if (row.value("id", row.value("name", "")) == name) return row["macs"];
      }
    }
    ADD_FAILURE() << "no " << name;
    return 0;
  }
  static int64_t ParametersOf(const Json& document, const std::string& graph) {
    for (const Json& row : document["graphs"]) {
      if (row["name"] == graph) return row["parameters"];
    }
    ADD_FAILURE() << "no " << graph;
    return 0;
  }
  // A model with a product whose rows are a named extent, or computed by an operator that nobody knows.
  static std::string Model(const std::string& name, bool unknown) {
    onnx::GraphBuilder b("g");
    std::string x =
        b.Input("x", DType::kF32, {onnx::Dim::Named("batch"), onnx::Dim::Named("rows"), onnx::Dim::Fixed(8)});
    b.SetDomain("Fancy", "com.example");
    if (unknown) x = b.Op("Fancy", {x});
    b.Output(b.Op("MatMul", {x, b.Constant("w", Tensor::Make(DType::kF32, {8, 4}))}, {}, "product"), "y", DType::kF32,
             {onnx::Dim::Named("batch"), onnx::Dim::Named("rows"), onnx::Dim::Fixed(4)});
    onnx::Model model = onnx::MakeModel(*b.Finish(), "");
    model.opsets["com.example"] = 1;
    Overwrite(In(name), *onnx::Serialize(model));
    return In(name);
  }
};

TEST_F(PlanCostTest, CountsWhatTheCheckpointHasAndWhatAStepDoes) {
  const Json document = CostOf({Bundle()});
  EXPECT_EQ(document["schema"], "vlaq.plan_cost/1");
  EXPECT_EQ(document["model"]["parameters"], Vlaq({"inspect", Checkpoint(), "--json"}).json()["parameters"]);
  const int64_t stored = ParametersOf(document, "whole");
  EXPECT_EQ(stored, document["model"]["parameters"].get<int64_t>() + document["model"]["computed"].get<int64_t>());
  EXPECT_EQ(document["smallest_bytes"]["int8"], document["model"]["parameters"]);
  const int64_t window = document["model"]["window"];
  EXPECT_EQ(MacsOf(document, "frame"), MacsOf(document, "encoder"));
  EXPECT_EQ(MacsOf(document, "step_streaming"), MacsOf(document, "encoder") + MacsOf(document, "head"));
  EXPECT_EQ(MacsOf(document, "step_whole"), MacsOf(document, "whole"));
  // What does not depend on the frame, such as the prompt's share, may be done once in the whole graph.
  EXPECT_LE(MacsOf(document, "whole"), window * MacsOf(document, "encoder") + MacsOf(document, "head"));
  EXPECT_GT(MacsOf(document, "whole"), window * MacsOf(document, "encoder") * 9 / 10);
  for (const Json& graph : document["graphs"]) {
    int64_t sum = 0;
    for (const Json& row : graph["operators"]) sum += row["macs"].get<int64_t>();
    EXPECT_EQ(sum, graph["macs"]);
  }
  EXPECT_FALSE(document.contains("estimate"));
}

TEST_F(PlanCostTest, AWindowOfOneIsOneFrame) {
  const Json one = CostOf({Bundle(), "--window", "1"});
  EXPECT_EQ(one["model"]["window"], 1);
  EXPECT_EQ(MacsOf(one, "step_whole"), MacsOf(one, "step_streaming"));
  EXPECT_GT(MacsOf(CostOf({Bundle(), "--extent", "tokens=100"}), "frame"), MacsOf(one, "frame"));
}

TEST_F(PlanCostTest, AQuantizedBundleIsTheSameModelInFewerBytes) {
  const Ran made =
      Vlaq({"quantize", Bundle(), "--target", "cpu", "--precision", "int4", "--block", "16", "-o", In("int4")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Json source = CostOf({Bundle()});
  const Json small = CostOf({In("int4")});
  // Codes and their scales are one; which of its numbers export had computed, a quantized bundle does not remember.
  EXPECT_EQ(small["model"]["parameters"], ParametersOf(source, "whole"));
  EXPECT_EQ(MacsOf(small, "step_whole"), MacsOf(source, "step_whole"));
  EXPECT_LT(small["model"]["weights_bytes"], source["model"]["weights_bytes"]);
  EXPECT_EQ(small["model"]["precision"], "int4");
}

TEST_F(PlanCostTest, AnOnnxFileNeedsNumbersForItsExtents) {
  const std::string model = Model("rows.onnx", false);
  const Ran without = Cost({model});
  EXPECT_EQ(without.exit_code, 3);
  EXPECT_THAT(without.err, AllOf(HasSubstr("input 'x'"), HasSubstr("'rows'"), HasSubstr("--extent rows=N")));
  const Json document = CostOf({model, "--extent", "rows=3"});
  EXPECT_EQ(MacsOf(document, "run"), 3 * 8 * 4);
  EXPECT_EQ(document["model"]["parameters"], 32);
  EXPECT_EQ(MacsOf(CostOf({model, "--extent", "x:1=3"}), "run"), 3 * 8 * 4);
  ExpectUsage({"plan", "cost", model, "--extent", "rows=3", "--extent", "row=3"}, "open are batch, rows");
  for (const char* wrong : {"rows", "rows=", "rows=0", "=3", "rows=3x", "rows=9999999999"}) {
    ExpectUsage({"plan", "cost", model, "--extent", wrong}, "--extent must be NAME=NUMBER");
  }
}

TEST_F(PlanCostTest, WhatIsNoGraphIsNamedForWhatItIs) {
  const Ran checkpoint = Cost({Checkpoint()});
  EXPECT_EQ(checkpoint.exit_code, 3);
  EXPECT_THAT(checkpoint.err,
              AllOf(HasSubstr("is a PyTorch file, not an ONNX model"), HasSubstr("vlaq export CHECKPOINT")));
  Overwrite(In("pointer.onnx"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  EXPECT_THAT(Cost({In("pointer.onnx")}).err, HasSubstr("Git LFS pointer"));
  Overwrite(In("page.onnx"), "<!doctype html><html></html>");
  EXPECT_THAT(Cost({In("page.onnx")}).err, HasSubstr("is a web page"));
  Overwrite(In("w.onnx"), std::string("\x10\0\0\0\0\0\0\0{\"a\":{}}        ", 24));
  EXPECT_THAT(Cost({In("w.onnx")}).err, HasSubstr("safetensors"));
  fs::create_directory(In("empty"));
  EXPECT_THAT(Cost({In("empty")}).err, HasSubstr("not a bundle"));
}

TEST_F(PlanCostTest, ShapesThatDoNotFollowAreNoGuess) {
  const std::string model = Model("fancy.onnx", true);
  const Ran ran = Cost({model, "--extent", "rows=3"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("The MACs above are the least that a run costs"),
                             HasSubstr("2 operators of unknown cost: MatMul, com.example.Fancy"),
                             HasSubstr("node 'Fancy' (com.example.Fancy)")));
  const Json graph = CostOf({model, "--extent", "rows=3"})["graphs"][0];
  EXPECT_EQ(graph["macs"], 0);
  EXPECT_EQ(graph["unknown_operators"], Json::parse(R"({"MatMul": 1, "com.example.Fancy": 1})"));
}

// libonnx ends at opset 17 (docs/decisions/0019-newer-opsets-by-our-own-tables.md).
TEST_F(PlanCostTest, NewerOpsetsAreUnderstood) {
  for (const int64_t opset : {18, 19, 20, 21}) {
    onnx::GraphBuilder b("g");
    const auto x = b.Input("x", DType::kF32, {onnx::Dim::Fixed(1), onnx::Dim::Fixed(4), onnx::Dim::Fixed(8)});
    const auto w = b.Constant("w", Tensor::Make(DType::kF32, {8, 8}));
    const auto parts =
        b.Ops("Split", {b.Op("MatMul", {x, w}, {}, "product")}, 2, {{"axis", 2}, {"num_outputs", 2}}, "parts");
    const auto active = opset >= 20 ? b.Op("Gelu", {parts[0]}, {}, "active") : b.Op("Mish", {parts[0]}, {}, "active");
    const auto mean = b.Op("ReduceMean", {active, b.Constant(onnx::Ints{1})}, {{"keepdims", 0}}, "mean");
    b.Output(b.Op("Gemm", {mean, b.Constant("v", Tensor::Make(DType::kF32, {4, 2}))}, {}, "last"), "y", DType::kF32,
             {onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)});
    onnx::Model model = onnx::MakeModel(*b.Finish(), "");
    model.opsets[""] = opset;
    model.ir_version = 9;
    Overwrite(In("new.onnx"), *onnx::Serialize(model));
    const Json document = CostOf({In("new.onnx")});
    EXPECT_EQ(MacsOf(document, "run"), 4 * 8 * 8 + 4 * 2) << opset;
    EXPECT_TRUE(document["graphs"][0]["unknown_operators"].empty()) << opset;
    const Ran inspect = Vlaq({"inspect", In("new.onnx")});
    EXPECT_EQ(inspect.exit_code, 0) << opset << ": " << inspect.err;
    const Ran check = Vlaq({"check", In("new.onnx"), "--tensorrt", "10.3"});
    EXPECT_THAT(check.exit_code, ::testing::AnyOf(0, 5)) << opset << ": " << check.err;
    EXPECT_THAT(check.err, Not(HasSubstr("bug in vlaq"))) << opset;
  }
}

TEST_F(PlanCostTest, ClaimsAreHeldAgainstArithmetic) {
  const std::string parameters = Vlaq({"inspect", Checkpoint(), "--json"}).json()["parameters"].dump();
  EXPECT_EQ(Cost({Bundle(), "--claim-size", parameters + "B"}).exit_code, 0);
  ExpectUsage({"plan", "cost", Bundle(), "--claim-size", "44"}, "44 of which unit? Say 44MiB or 44GiB");
  ExpectUsage({"plan", "cost", Bundle(), "--claim-size", "44XB"}, "'44XB' is no size: a number and kB, MB");
  const Ran tiny = Cost({Bundle(), "--claim-size", "44kB"});
  EXPECT_EQ(tiny.exit_code, 5);
  EXPECT_THAT(tiny.out, AllOf(HasSubstr("Claim 44.0 kB: impossible"), HasSubstr("% of the parameters at int8")));
  EXPECT_THAT(tiny.err, HasSubstr("the claim is impossible"));

  const Ran slow = Cost({Bundle(), "--claim-fps", "1", "--device", "orin-nx-16"});
  EXPECT_EQ(slow.exit_code, 0) << slow.err;
  EXPECT_THAT(slow.out, HasSubstr("power MAXN: possible at the roofline"));
  const Ran fast = Cost({Bundle(), "--claim-fps", "1e9", "--device", "orin-nx-16", "--power", "25W", "--json"});
  EXPECT_EQ(fast.exit_code, 5);
  const Json claim = fast.json()["claim_fps"];
  EXPECT_FALSE(claim["possible"].get<bool>());
  EXPECT_EQ(claim["power"], "25W");
  for (const Json& need : claim["needs"]) EXPECT_LT(need["per_second_at_most"].get<double>(), 1e9);
  ExpectUsage({"plan", "cost", Bundle(), "--claim-fps", "700"}, "--claim-fps needs a device");
  for (const char* none : {"0", "0MB", "-5", "-5MB", "MB", ""}) {
    ExpectUsage({"plan", "cost", Bundle(), "--claim-size", none}, "no size of a file");
  }
}

TEST_F(PlanCostTest, LimitsCoverModesPrecisionsAndSteps) {
  const Json all = CostOf({Bundle(), "--device", "orin-nx-16"});
  EXPECT_EQ(all["estimate"]["limits"].size(), 4U * 4 * 3);
  const Json one = CostOf({Bundle(), "--device", "orin-nx-16", "--power", "MAXN"});
  ASSERT_EQ(one["estimate"]["limits"].size(), 4U * 3);
  for (const Json& limit : one["estimate"]["limits"]) {
    EXPECT_EQ(limit["power"], "MAXN");
    EXPECT_GE(limit["seconds_at_least"].get<double>(), limit["compute_seconds"].get<double>() * (1 - 1e-9));
    EXPECT_EQ(limit.contains("share_of_period"), limit["scenario"] != "frame");
  }
  const Ran text = Cost({Bundle(), "--device", "orin-nx-16"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("Estimate for Jetson Orin NX 16 GB, memory 102.4 GB/s"),
                              HasSubstr("10W: memory 68.3 GB/s"), Not(HasSubstr("not confirmed"))));
  EXPECT_THAT(Cost({Bundle(), "--device", "orin-nx-16", "--power", "MAXN"}).out, Not(HasSubstr("68.3")));
}

TEST_F(PlanCostTest, AModeThatNobodyConfirmedIsMarked) {
  Json device = cost::DeviceToJson(cost::Devices()[0]);
  device["modes"][1]["confirmed"] = false;
  Overwrite(In("mine.json"), device.dump());
  EXPECT_THAT(Cost({Bundle(), "--device", In("mine.json")}).out,
              AllOf(HasSubstr("15W *"), Not(HasSubstr("10W *")), HasSubstr("not confirmed")));
}

TEST_F(PlanCostTest, DevicesOfOnesOwn) {
  Json device = cost::DeviceToJson(cost::Devices()[0]);
  device["modes"] = {{{"name", "on"}, {"fp16_macs_per_s", 1e12}, {"source", "vendor"}}};
  device.erase("bytes_per_s");
  Overwrite(In("mine.json"), device.dump());
  const Json document = CostOf({Bundle(), "--device", In("mine.json")});
  ASSERT_EQ(document["estimate"]["limits"].size(), 3U) << "what is not known is absent";
  EXPECT_FALSE(document["estimate"]["limits"][0].contains("memory_seconds"));

  device["modes"][0]["fp16_macs_per_s"] = "fast";
  Overwrite(In("mine.json"), device.dump());
  const Ran broken = Cost({Bundle(), "--device", In("mine.json")});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, AllOf(HasSubstr("mine.json"), HasSubstr("modes[0]"), HasSubstr("fp16_macs_per_s")));
  EXPECT_EQ(Cost({Bundle(), "--device", In("absent.json")}).exit_code, 3);
  ExpectUsage({"plan", "cost", Bundle(), "--device", "orin-nx-61"}, "did you mean orin-nx-16?");
  ExpectUsage({"plan", "cost", Bundle(), "--device", "orin-nx-16", "--power", "MAX"}, "did you mean MAXN?");
  ExpectUsage({"plan", "cost", Bundle(), "--power", "MAXN"}, "--device");
}

}  // namespace
}  // namespace vlaq
