// Plans, statistics and quantized bundles of policies that came as ONNX files, whatever their graphs are called.
#include <cmath>
#include <map>
#include <set>

#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const fs::path kFiles = fs::path(VLAQ_TESTDATA) / "onnx_import";

class PlanImportedTest : public ::testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }

  // Imports the files of testdata as the bundle `name`.
  void Import(const std::string& name, const std::vector<std::string>& files) const {
    std::vector<std::string> arguments{"import"};
    for (const std::string& file : files) arguments.push_back((kFiles / file).string());
    arguments.insert(arguments.end(), {"-o", In(name)});
    const Ran ran = Vlaq(arguments);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  static std::string InputsOf(const std::string& file) { return (kFiles / (file + ".io.safetensors:in.")).string(); }

  // All outputs of a bundle on inputs, one after the other.
  std::vector<float> Outputs(const std::string& bundle, const std::string& inputs) const {
    const Ran ran = Vlaq({"run", In(bundle), "--inputs", inputs, "-o", In("out.safetensors"), "--force"});
    EXPECT_EQ(ran.exit_code, 0) << bundle << ": " << ran.err;
    if (ran.exit_code != 0) return {};
    const auto opened = checkpoint::Checkpoint::Open(In("out.safetensors"));
    EXPECT_TRUE(opened.ok());
    std::vector<float> all;
    for (const auto& entry : (*opened)->entries()) {
      const Tensor tensor = (*opened)->Read(entry);
      if (tensor.dtype() != DType::kF32) continue;
      all.insert(all.end(), tensor.data<float>().begin(), tensor.data<float>().end());
    }
    return all;
  }
  // Of the difference, against the first, in percent.
  static double RelativeRms(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double difference = 0;
    double whole = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
      whole += std::pow(static_cast<double>(a[i]), 2);
    }
    return 100 * std::sqrt(difference / whole);
  }

  Json PlanOf(const std::string& bundle, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"plan", "quantize", In(bundle), "-o", In("plan.json"), "--force", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json()["plan"] : Json{};
  }
  static std::map<std::string, std::string> FormsOf(const Json& plan) {
    std::map<std::string, std::string> forms;
    for (const Json& op : plan["operators"]) {
      forms[op["node"].get<std::string>()] =
          op["op_type"].get<std::string>() + " " + op["form"].get<std::string>() + " " + op["rule"].get<std::string>();
    }
    return forms;
  }
  static size_t CountOf(const Json& plan, const std::string& form) {
    size_t count = 0;
    for (const auto& [node, has] : FormsOf(plan)) count += has == form ? 1U : 0U;
    return count;
  }

  // Quantizes `bundle` and runs both: how far the outputs are apart, in percent.
  double LossOf(const std::string& bundle, const std::string& inputs, std::vector<std::string> how) const {
    how.insert(how.begin(), {"quantize", In(bundle), "-o", In("made"), "--force"});
    const Ran ran = Vlaq(how);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    if (ran.exit_code != 0) return 1e9;
    return RelativeRms(Outputs(bundle, inputs), Outputs("made", inputs));
  }

  TemporaryFolder folder_;
};

TEST_F(PlanImportedTest, TwoGraphsBecomeOnePlanForEachTarget) {
  Import("split", {"split_encoder_legacy_17.onnx", "split_head_legacy_17.onnx"});
  const std::string inputs = InputsOf("split_encoder_legacy_17");
  const Ran seen = Vlaq({"calibrate", In("split"), "--inputs", inputs, "-o", In("stats.json")});
  ASSERT_EQ(seen.exit_code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("values over 1 step in"));
  EXPECT_THAT(seen.err, HasSubstr("1 step are few"));

  const Json dynamic = PlanOf("split", {"--target", "cpu"});
  EXPECT_EQ(CountOf(dynamic, "Gemm dynamic_int8 ORT-01"), 2U);
  EXPECT_EQ(CountOf(dynamic, "MatMul dynamic_int8 ORT-01"), 6U);
  EXPECT_EQ(CountOf(dynamic, "Conv float QP-07"), 1U);
  EXPECT_EQ(CountOf(dynamic, "ConvTranspose float CONV-01"), 1U);
  EXPECT_EQ(CountOf(dynamic, "MatMul float ACT-01"), 1U);  // the last of the second graph
  const Json fixed = PlanOf("split", {"--target", "portable", "--stats", In("stats.json")});
  EXPECT_EQ(CountOf(fixed, "Gemm float GEMM-01"), 2U);
  EXPECT_EQ(CountOf(fixed, "MatMul float GEMM-01"), 6U) << "the extents of these files are fixed";

  const Json engine = PlanOf("split", {"--target", "tensorrt-10", "--stats", In("stats.json")});
  EXPECT_EQ(CountOf(engine, "ConvTranspose static_int8 QP-01"), 1U);
  EXPECT_EQ(CountOf(engine, "Gemm static_int8 QP-01"), 2U);

  EXPECT_LT(LossOf("split", inputs, {"--target", "cpu"}), 5);
  EXPECT_LT(LossOf("split", inputs, {"--target", "cpu", "--precision", "fp16"}), 1);
  EXPECT_LT(LossOf("split", inputs, {"--target", "portable", "--stats", In("stats.json")}), 5);
  const Ran proven = Vlaq({"verify", In("made"), "--reference", In("split"), "--inputs", inputs});
  EXPECT_EQ(proven.exit_code, 0) << "what is promised runs: " << proven.out << proven.err;
  EXPECT_LT(LossOf("split", inputs, {"--target", "portable", "--precision", "fp16"}), 1);
  EXPECT_LT(LossOf("split", inputs, {"--target", "tensorrt-8.6", "--precision", "fp16"}), 1);
  EXPECT_LT(LossOf("split", inputs,
                   {"--target", "tensorrt-10", "--precision", "mixed", "--smooth", "0.5", "--bias-correction",
                    "--stats", In("stats.json")}),
            5);
  const auto made = bundle::Open(In("made"));
  const auto source = bundle::Open(In("split"));
  ASSERT_TRUE(made.ok() && source.ok());
  EXPECT_LT(made->weights.bytes, source->weights.bytes / 2);
  EXPECT_EQ(made->policy.family, "onnx");
}

TEST_F(PlanImportedTest, OneFileTwiceIsTwoSetsOfOperators) {
  // Two graphs of one schedule whose nodes and values have the same names, and different statistics.
  fs::copy_file(kFiles / "hand_unnamed_gemm_13.onnx", In("first.onnx"));
  fs::copy_file(kFiles / "hand_unnamed_gemm_13.onnx", In("second.onnx"));
  Import("one", {"hand_unnamed_gemm_13.onnx"});
  const Json one = PlanOf("one", {"--target", "cpu"});
  const Ran ran = Vlaq({"import", In("first.onnx"), In("second.onnx"), "-o", In("two")});
  if (ran.exit_code != 0) GTEST_SKIP() << ran.err;
  const Json two = PlanOf("two", {"--target", "cpu"});
  ASSERT_EQ(two["operators"].size(), 2 * one["operators"].size());
  std::set<std::string> names;
  for (const Json& op : two["operators"]) names.insert(op["node"].get<std::string>());
  EXPECT_EQ(names.size(), two["operators"].size());
  for (const Json& op : one["operators"]) {
    EXPECT_THAT(names, Contains("first." + op["node"].get<std::string>()));
    EXPECT_THAT(names, Contains("second." + op["node"].get<std::string>()));
  }
  const Ran made = Vlaq({"quantize", In("two"), "--plan", In("plan.json"), "-o", In("made")});
  EXPECT_EQ(made.exit_code, 0) << made.err;
}

TEST_F(PlanImportedTest, AMemoryOfAnLstmIsCarriedThroughIntegers) {
  Import("memory", {"hand_recurrent_17.onnx"});
  // Some steps, one after the other: x alone, what goes out comes in again.
  Tensor x = Tensor::Make(DType::kF32, {5, 1, 6});
  float angle = 0;
  for (float& value : x.mutable_data<float>()) value = std::sin(angle++);
  ASSERT_TRUE(checkpoint::WriteSafetensors(In("x.safetensors"), {{"x", x}}, Existing::kReplace).ok());
  const std::string inputs = In("x.safetensors");
  const Json dynamic = PlanOf("memory", {"--target", "cpu"});
  EXPECT_EQ(CountOf(dynamic, "LSTM dynamic_int8 ORT-01"), 1U);
  EXPECT_LT(LossOf("memory", inputs, {"--target", "cpu"}), 5);
  EXPECT_LT(LossOf("memory", inputs, {"--target", "cpu", "--precision", "fp16"}), 1);
  const Ran seen = Vlaq({"calibrate", In("memory"), "--inputs", inputs, "-o", In("stats.json"), "--json"});
  ASSERT_EQ(seen.exit_code, 0) << seen.err;
  EXPECT_EQ(seen.json()["samples"], 5);
  const Ran again = Vlaq({"calibrate", In("memory"), "--inputs", inputs, "-o", In("small.json"), "--memory", "1"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Json::parse(Content(In("stats.json"))), Json::parse(Content(In("small.json"))));
  EXPECT_LT(LossOf("memory", inputs, {"--target", "portable", "--stats", In("stats.json")}), 5);
}

// Every step of the way, and at its end the proof: the plan's reasons excuse what it leaves in float, nothing else.
TEST_F(PlanImportedTest, AQuantizedPolicyIsVerifiedAgainstItsSource) {
  const std::map<std::string, std::vector<std::string>> policies{
      {"split", {"split_encoder_legacy_17.onnx", "split_head_legacy_17.onnx"}}, {"memory", {"hand_recurrent_17.onnx"}}};
  for (const auto& [name, files] : policies) {
    Import(name, files);
    const std::string inputs = InputsOf(fs::path(files[0]).stem().string());
    const Ran made =
        Vlaq({"quantize", In(name), "--target", "cpu", "--precision", "int8", "-o", In("made"), "--force"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const Ran proven = Vlaq({"verify", In("made"), "--reference", In(name), "--inputs", inputs, "--json"});
    EXPECT_EQ(proven.exit_code, 0) << name << ": " << proven.out << proven.err;
  }
}

TEST_F(PlanImportedTest, AFallbackThatNoRuleExplainsIsFound) {
  Import("split", {"split_encoder_legacy_17.onnx", "split_head_legacy_17.onnx"});
  const std::string inputs = InputsOf("split_encoder_legacy_17");
  const Ran made = Vlaq({"quantize", In("split"), "--target", "cpu", "--precision", "int8", "-o", In("made")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto kernels = [&]() -> std::string {
    const Ran ran = Vlaq({"verify", In("made"), "--reference", In("split"), "--inputs", inputs, "--json"});
    EXPECT_EQ(ran.exit_code, 5) << ran.out << ran.err;
    const Json document = ran.json();
    for (const Json& check : document["checks"]) {
      if (check["name"] == "kernels" && !check["passed"].get<bool>()) return check["detail"].get<std::string>();
    }
    return "kernels passed";
  };
  // The float graphs and weights under the quantized bundle's plan, its records in step: an int8 that does nothing.
  const std::string plan = Content(In("made/plan.json"));
  const std::string policy = Content(In("made/policy.json"));
  for (const auto& file : fs::directory_iterator(In("split"))) {
    const std::string name = file.path().filename().string();
    if (name != "policy.json") fs::copy_file(file.path(), In("made/" + name), fs::copy_options::overwrite_existing);
  }
  Json records = Json::parse(policy);
  std::vector<Json*> all{&records["weights"]};
  for (auto& [name, graph] : records["graphs"].items()) all.push_back(&graph);
  for (Json* record : all) {
    const auto found = bundle::Describe(In("made/" + (*record)["file"].get<std::string>()));
    ASSERT_TRUE(found.ok());
    (*record)["bytes"] = found->bytes;
    (*record)["sha256"] = found->sha256;
  }
  Overwrite(In("made/policy.json"), records.dump());
  EXPECT_THAT(kernels(), HasSubstr("only 0.0 % of the MACs that should be small ran so"));

  // A plan that leaves all as it was and says nothing of why makes no int8 bundle of it either.
  Json idle = Json::parse(plan);
  for (Json& op : idle["operators"]) {
    op["form"] = "float";
    op["rule"] = op["reason"] = "";
    op.erase("activation");
    for (Json& weight : op["weights"]) weight = {{"name", weight["name"]}, {"number", "float32"}};
  }
  Overwrite(In("made/plan.json"), idle.dump());
  const auto found = bundle::Describe(In("made/plan.json"));
  ASSERT_TRUE(found.ok());
  records["plan"]["bytes"] = found->bytes;
  records["plan"]["sha256"] = found->sha256;
  Overwrite(In("made/policy.json"), records.dump());
  EXPECT_THAT(kernels(), HasSubstr("which is not int8"));
}

TEST_F(PlanImportedTest, WhatAWeightAndANodeAreCalledAlikeIsKeptApart) {
  Import("parts", {"hand_external_two.onnx"});  // node "a" reads weight "a": both would have an "a/scale"
  const std::string inputs = InputsOf("hand_external_two");
  EXPECT_LT(LossOf("parts", inputs, {"--target", "cpu"}), 5);
  EXPECT_LT(LossOf("parts", inputs, {"--target", "cpu", "--precision", "fp16"}), 1);
}

TEST_F(PlanImportedTest, GraphsOfAllOpsetsKeepWhatTheyMean) {
  for (const char* file : {"hand_ir3_opset9", "hand_unnamed_gemm_13", "hand_function_18"}) {
    Import(file, {std::string(file) + ".onnx"});
    const std::string inputs = InputsOf(file);
    EXPECT_LT(LossOf(file, inputs, {"--target", "cpu"}), 5) << file;
    EXPECT_LT(LossOf(file, inputs, {"--target", "cpu", "--precision", "fp16"}), 1) << file;
    EXPECT_LT(LossOf(file, inputs, {"--target", "portable", "--precision", "fp16"}), 1) << file;
  }
}

TEST_F(PlanImportedTest, WhatCannotBeQuantizedSaysWhy) {
  Import("branches", {"hand_if_weights_17.onnx"});
  const Ran branches = Vlaq({"plan", "quantize", In("branches"), "-o", In("plan.json")});
  EXPECT_EQ(branches.exit_code, 3);
  EXPECT_THAT(branches.err, AllOf(HasSubstr("no operator whose weights could be quantized"),
                                  HasSubstr("lie within If, Loop or Scan"), Not(HasSubstr("bug in vlaq"))));
  Import("double", {"hand_double.onnx"});
  const Ran wide = Vlaq({"plan", "quantize", In("double"), "-o", In("plan.json")});
  EXPECT_EQ(wide.exit_code, 3);
  EXPECT_THAT(wide.err, HasSubstr("are not float32"));
  EXPECT_FALSE(fs::exists(In("plan.json")));
}

TEST_F(PlanImportedTest, EpisodesThatAreMissingAreNamed) {
  Import("split", {"split_encoder_legacy_17.onnx", "split_head_legacy_17.onnx"});
  const std::vector<std::vector<std::string>> commands{
      {"calibrate", In("split"), "--episodes", In("none"), "-o", In("x.json")}};
  for (const auto& command : commands) {
    const Ran ran = Vlaq(command);
    EXPECT_EQ(ran.exit_code, 3) << ran.err;  // of any family: only the episodes are missing
    EXPECT_THAT(ran.err, AllOf(HasSubstr("none"), HasSubstr("does not exist")));
  }
  EXPECT_FALSE(fs::exists(In("x.json")));
}

TEST_F(PlanImportedTest, CostsAreThoseOfItsSteps) {
  Import("split", {"split_encoder_legacy_17.onnx", "split_head_legacy_17.onnx"});
  const Ran cost = Vlaq({"plan", "cost", In("split"), "--json"});
  ASSERT_EQ(cost.exit_code, 0) << cost.err;
  const Json document = cost.json();
  ASSERT_EQ(document["graphs"].size(), 2U);
  ASSERT_EQ(document["scenarios"].size(), 1U);
  EXPECT_EQ(document["scenarios"][0]["graphs"], Json::parse(R"(["split_encoder_legacy_17", "split_head_legacy_17"])"));
  EXPECT_EQ(document["scenarios"][0]["macs"].get<int64_t>(),
            document["graphs"][0]["macs"].get<int64_t>() + document["graphs"][1]["macs"].get<int64_t>());
  const Ran device = Vlaq({"plan", "device", In("split"), "--device", "orin-nx-16", "--details"});
  ASSERT_EQ(device.exit_code, 0) << device.err;
  EXPECT_THAT(device.out, AllOf(HasSubstr("build split_encoder_legacy_17+split_head_legacy_17"),
                                Not(HasSubstr("one engine of the whole policy"))));
  ExpectUsage({"plan", "device", In("split"), "--device", "orin-nx-16", "--published",
               std::string(VLAQ_TESTDATA) + "/../examples/mobile_vla/published_plan.json"},
              "encoded one by one");
  Import("head", {"split_head_legacy_17.onnx"});
  const Ran one = Vlaq({"plan", "device", In("head"), "--device", "orin-nx-16"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("build one engine of the whole policy"));
}

}  // namespace
}  // namespace vlaq
