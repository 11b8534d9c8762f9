// verify can fail, and says where.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "bundle/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "program.h"
#include "sim/world.h"
#include "verify/testing.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using bundle::testing::EditSettings;
using ::testing::HasSubstr;

class Verify : public CliTest {
 protected:
  // Exit code 5 with the first failure on stderr; each check of `expected` is among the failed ones, with this in its
  // detail. Returns the report.
  static Json ExpectCaught(const std::string& bundle, const std::map<std::string, std::string>& expected) {
    const Ran ran = Vlaq({"verify", bundle, "--against", Checkpoint(), "--json"});
    EXPECT_EQ(ran.exit_code, 5) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("verification failed at"));
    const Json json = ran.json();
    EXPECT_FALSE(json["passed"].get<bool>());
    for (const auto& [check, detail] : expected) {
      const std::string& name = check;  // clang 14 captures no structured bindings
      const auto is_it = [&](const Json& row) { return !row["passed"].get<bool>() && row["name"] == name; };
      const Json& rows = json.at("checks");
      const auto found = std::find_if(rows.begin(), rows.end(), is_it);
      if (found == rows.end()) {
        ADD_FAILURE() << check << " did not fail:\n" << ran.out;
      } else {
        EXPECT_THAT((*found)["detail"].get<std::string>(), HasSubstr(detail));
      }
    }
    return json;
  }

  // Makes policy.json believe in the files as they are now, as a careful forger would.
  static void AcceptFiles(const std::string& bundle) {
    Json policy = Json::parse(Content(bundle + "/policy.json"));
    for (Json* record :
         {&policy["graphs"]["whole"], &policy["graphs"]["encoder"], &policy["graphs"]["head"], &policy["weights"]}) {
      const auto found = bundle::Describe(fs::path(bundle) / (*record)["file"].get<std::string>());
      ASSERT_TRUE(found.ok());
      (*record)["bytes"] = found->bytes;
      (*record)["sha256"] = found->sha256;
    }
    Overwrite(bundle + "/policy.json", policy.dump());
  }

  // Where a weight lies in weights.bin.
  static std::pair<size_t, size_t> Range(const std::string& name) {
    const Json manifest = Json::parse(Content(Bundle() + "/weights.json"));
    for (const Json& weight : manifest["weights"]) {
      if (weight["name"] == name) return {weight["offset"].get<size_t>(), weight["length"].get<size_t>()};
    }
    ADD_FAILURE() << "no weight " << name;
    return {0, 0};
  }
};

constexpr const char* kGolden = VLAQ_TESTDATA "/golden/mean_hidden";

// Exports the golden case, whose results PyTorch gave.
std::string ExportGolden(const std::string& output) {
  const std::string g = kGolden;
  const Ran made = Vlaq({"export", g + "/checkpoint.pth", "--config", g + "/config.json", "--policy",
                         g + "/policy.json", "-o", output, "--force"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return output;
}
Ran VerifyGolden(const std::string& bundle, const std::vector<std::string>& more = {}) {
  const std::string g = kGolden;
  std::vector<std::string> arguments{
      "verify", bundle, "--against", g + "/checkpoint.pth", "--golden", g + "/golden.safetensors"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Vlaq(arguments);
}

// Changes one thing in a bundle's policy.json.
void Edit(const std::string& bundle, const std::function<void(Json&)>& edit) {
  Json policy = Json::parse(Content(bundle + "/policy.json"));
  edit(policy);
  Overwrite(bundle + "/policy.json", policy.dump());
}

TEST_F(Verify, AcceptsTheRealThing) {
  const Ran ran = VerifyGolden(ExportGolden(In("real")), {"--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Json document = ran.json();
  EXPECT_EQ(document["schema"], "vlaq.verify/2");
  EXPECT_EQ(document["verdict"], "verified");
  EXPECT_TRUE(document["passed"].get<bool>());
  EXPECT_EQ(document["grounds"], Json({"the checkpoint and golden data"}));
  EXPECT_DOUBLE_EQ(document["reached_fraction"].get<double>(), 1);
  const Ran text = VerifyGolden(In("real"));
  EXPECT_THAT(text.out, ::testing::EndsWith("\nverified\n"));
  EXPECT_THAT(text.out, ::testing::StartsWith("real: verified against the checkpoint and golden data."));
}

// What agrees with itself may be any policy: the word is kept for what was compared with something else.
TEST_F(Verify, WithoutACompleteComparisonItIsIntactOnly) {
  const std::vector<std::string> alone{"verify", VLAQ_TESTDATA "/bundles/schema1/text"};
  const std::vector<std::string> against{"verify", Bundle(), "--against", Checkpoint()};
  for (std::vector<std::string> arguments : {alone, against}) {
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 7) << ran.out;
    EXPECT_THAT(ran.out + ran.err, ::testing::Not(HasSubstr("verified")));
    EXPECT_THAT(ran.out, ::testing::AllOf(HasSubstr("missing:"), HasSubstr("intact: nothing outside")));
    EXPECT_THAT(ran.out, HasSubstr("--golden golden.safetensors"));
    arguments.emplace_back("--json");
    const Json document = Vlaq(arguments).json();
    EXPECT_EQ(document["verdict"], "intact");
    EXPECT_FALSE(document["passed"].get<bool>());
    EXPECT_FALSE(document["missing"].empty());
  }
}

// The bundle is the accused: what it says of its makers decides nothing.
TEST_F(Verify, GraphsAreComparedWhoeverIsSaidToHaveMadeThem) {
  const std::string bundle = ExportGolden(In("backdoor"));
  for (const char* file : {"/head.onnx", "/mae0222_model_cpu.onnx"}) {
    onnx::Model model = *onnx::ReadModel(bundle + file);
    const std::string output = model.graph.outputs[0].name;
    for (onnx::Node& node : model.graph.nodes) {
      for (auto* names : {&node.inputs, &node.outputs})
        std::replace(names->begin(), names->end(), output, output + "_");
    }
    model.graph.nodes.push_back({"Neg", "turned", "", {output + "_"}, {output}, {}});
    Overwrite(bundle + file, *onnx::Serialize(model));
  }
  AcceptFiles(bundle);
  Edit(bundle, [](Json& policy) { policy["provenance"]["vlaq_version"] = "9"; });
  const Ran ran = VerifyGolden(bundle);
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err, HasSubstr("'turned' (Neg)"));
}

TEST_F(Verify, AnotherVersionsNamesDoNotMatter) {
  const std::string bundle = ExportGolden(In("renamed"));
  for (const char* file : {"/head.onnx", "/encoder.onnx", "/mae0222_model_cpu.onnx"}) {
    onnx::Model model = *onnx::ReadModel(bundle + file);
    for (onnx::Node& node : model.graph.nodes) node.name += ".9";
    Overwrite(bundle + file, *onnx::Serialize(model));
  }
  AcceptFiles(bundle);
  Edit(bundle, [](Json& policy) { policy["provenance"]["vlaq_version"] = "9"; });
  const Ran ran = VerifyGolden(bundle);
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("operator by operator"));
}

TEST_F(Verify, StagesThatAreNotNamedAreNotSpared) {
  const std::string bundle = ExportGolden(In("stageless"));
  Edit(bundle, [](Json& policy) { policy["stages"] = Json::object(); });
  const std::string g = kGolden;
  EXPECT_EQ(Vlaq({"verify", bundle, "--golden", g + "/golden.safetensors"}).exit_code, 5);
  EXPECT_EQ(Vlaq({"verify", bundle, "--against", g + "/checkpoint.pth"}).exit_code, 5);
}

// No golden number shows what an action of 1 means: it stays on trust, is said, and a file of the user's decides.
TEST_F(Verify, SettingsThatNothingShowsAreNamed) {
  const std::string bundle = ExportGolden(In("fast"));
  EditSettings(bundle, [](Json& settings) { settings["action_scale"] = 60; });
  const Ran trusted = VerifyGolden(bundle);
  EXPECT_THAT(trusted.out, ::testing::ContainsRegex("taken on trust from policy.json:[^\n]*action_scale 60"));
  const Ran held = VerifyGolden(bundle, {"--policy", std::string(kGolden) + "/policy.json"});
  EXPECT_EQ(held.exit_code, 5);
  EXPECT_THAT(held.err, HasSubstr("action_scale is 60"));
  const Ran reference = Vlaq({"verify", bundle, "--reference", ExportGolden(In("slow"))});
  EXPECT_EQ(reference.exit_code, 5);
  EXPECT_THAT(reference.err, HasSubstr("action_scale is 60"));
}

// What the training kept of its arguments (args.window_size 3), and what the tensors' shapes say.
TEST_F(Verify, WhatTheCheckpointSaysOfItselfIsHeldAgainstTheSettings) {
  const std::string folder = VLAQ_TESTDATA "/golden/mean_hidden/", checkpoint = folder + "checkpoint.pth";
  const std::string bundle = In("stated");
  ASSERT_EQ(Vlaq({"export", checkpoint, "-o", bundle, "--force"}).exit_code, 0);
  const std::string honest = Content(bundle + "/policy.json");
  const std::vector<std::string> verify{"verify",   bundle,     "--against",
                                        checkpoint, "--golden", folder + "golden.safetensors"};
  const Ran alike = Vlaq(verify);
  EXPECT_EQ(alike.exit_code, 0) << alike.err;
  EXPECT_THAT(alike.out, HasSubstr("settings the checkpoint states"));
  const std::vector<std::pair<std::string, std::string>> lies{{"window", "window is 2 instead of 3 (args.window_size)"},
                                                              {"lstm_hidden", "\"lstm_hidden\" is 2"},
                                                              {"image_tokens", "\"image_tokens\" is 2"}};
  for (const auto& [name, says] : lies) {
    const std::string key = name;
    Overwrite(bundle + "/policy.json", honest);
    ASSERT_TRUE(Json::parse(honest)["settings"].contains(key));
    EditSettings(bundle, [&](Json& settings) { settings[key] = 2; });
    const Ran ran = Vlaq(verify);
    EXPECT_THAT(ran.exit_code, ::testing::AnyOf(3, 5)) << key;
    EXPECT_THAT(ran.out + ran.err, HasSubstr(says)) << key;
  }
  // A setting that was changed deliberately is the user's own to show.
  Overwrite(bundle + "/policy.json", honest);
  EditSettings(bundle, [](Json& settings) { settings["window"] = 2; });
  Overwrite(In("own.json"), R"({"window": 2})");
  std::vector<std::string> own = verify;
  own.insert(own.end(), {"--policy", In("own.json")});
  EXPECT_THAT(Vlaq(own).out, ::testing::Not(HasSubstr("instead of 3")));
}

TEST_F(Verify, ABundleThatIsItsSourceIsVerified) {
  const Ran ran = Vlaq({"verify", Bundle(), "--reference", Copy("twin")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("verified against the source bundle"));
}

TEST_F(Verify, WeightsThatAreNoNumbersFail) {
  const std::string bundle = Copy("nan");
  std::string weights = Content(bundle + "/weights.bin");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(weights.data() + Range("text_model.model.layers.0.ffn.fc1.weight").first + 28, &nan, sizeof(nan));
  Overwrite(bundle + "/weights.bin", weights);
  AcceptFiles(bundle);
  const Ran ran = Vlaq({"verify", bundle, "--json"});
  EXPECT_EQ(ran.exit_code, 5);
  const Json document = ran.json();
  const auto found = std::find_if(document["checks"].begin(), document["checks"].end(),
                                  [](const Json& check) { return check["name"] == "finite weights"; });
  ASSERT_NE(found, document["checks"].end());
  EXPECT_FALSE((*found)["passed"].get<bool>());
  EXPECT_THAT((*found)["detail"].get<std::string>(),
              ::testing::AllOf(HasSubstr("layers.0.ffn.fc1.weight"), HasSubstr("element 7 is nan")));
}

// How long the window is said to be does not decide how long a check runs.
TEST_F(Verify, AWindowThatIsSaidToBeLongCostsNothing) {
  const std::string bundle = Copy("long");
  EditSettings(bundle, [](Json& settings) { settings["window"] = 4000; });
  EXPECT_EQ(Vlaq({"verify", bundle}).exit_code, 7);
  EditSettings(bundle, [](Json& settings) { settings["window"] = 100'000; });
  EXPECT_EQ(Vlaq({"verify", bundle}).exit_code, 3);
}

TEST_F(Verify, NamesAChangedWeight) {
  const std::string bundle = Copy("changed");
  std::string weights = Content(bundle + "/weights.bin");
  weights[Range("text_model.model.layers.5.ffn.fc1.weight").first + 2] ^= 1;
  Overwrite(bundle + "/weights.bin", weights);
  ExpectCaught(bundle, {{"files", "weights.bin"}, {"weights", "text_model.model.layers.5.ffn.fc1.weight"}});
  const Ran alone = Vlaq({"verify", bundle});  // without the checkpoint, too
  EXPECT_EQ(alone.exit_code, 5);
  EXPECT_THAT(alone.out, HasSubstr("text_model.model.layers.5.ffn.fc1.weight"));
}

TEST_F(Verify, NamesSwappedGates) {
  const std::string bundle = Copy("swapped_instruction");
  std::string weights = Content(bundle + "/weights.bin");
  const auto [offset, length] = Range("rnn.weight_hh_l2");
  const size_t gate = length / 4;
  const std::string first = weights.substr(offset, gate);
  weights.replace(offset, gate, weights.substr(offset + gate, gate));
  weights.replace(offset + gate, gate, first);
  Overwrite(bundle + "/weights.bin", weights);
  AcceptFiles(bundle);
  ExpectCaught(bundle, {{"weights", "rnn.weight_hh_l2"}});
}

TEST_F(Verify, NoticesStaleAndTruncatedWeights) {
  ASSERT_EQ(Vlaq({"synth", "checkpoint", "--seed", "2", "-o", In("other.pth")}).exit_code, 0);
  ASSERT_EQ(
      Vlaq({"export", In("other.pth"), "-o", In("other"), "--config", In("config.json"), "--policy", In("policy.json")})
          .exit_code,
      0);
  const std::string stale = Copy("stale");
  fs::copy_file(In("other/weights.bin"), stale + "/weights.bin", fs::copy_options::overwrite_existing);
  ExpectCaught(stale, {{"files", "weights.bin"}, {"weights", "differs at byte"}});
  const std::string shorter = Copy("shorter");
  fs::resize_file(shorter + "/weights.bin", 1000);
  ExpectCaught(shorter, {{"structure", "weights.bin, which has 1000 bytes"}});
  fs::remove(shorter + "/weights.bin");
  ExpectCaught(shorter, {{"files", "weights.bin"}});
}

// The accident that vlaq is for: a graph with the right input and output, and nothing of the policy between them.
TEST_F(Verify, NoticesAStandInOfTheSameShape) {
  using onnx::Dim;
  onnx::GraphBuilder b("stand_in");
  const std::string pixels =
      b.Input("pixel_values", DType::kF32,
              {Dim::Named("batch"), Dim::Named("window"), Dim::Fixed(3), Dim::Fixed(224), Dim::Fixed(224)});
  Tensor matrix = Tensor::Make(DType::kF32, {224, 2});
  for (size_t i = 0; i < 448; ++i) matrix.mutable_data<float>()[i] = 0.1F * static_cast<float>(std::sin(i));
  const std::string mean = b.Op("ReduceMean", {pixels}, {{"axes", onnx::Ints{1, 2, 3}}, {"keepdims", int64_t{0}}});
  const std::string actions = b.Op("Tanh", {b.Op("MatMul", {mean, b.Constant("w", matrix)})});
  b.Output(b.Op("Reshape", {actions, b.Constant(onnx::Ints{0, 1, 2})}), "actions", DType::kF32,
           {Dim::Named("batch"), Dim::Fixed(1), Dim::Fixed(2)});
  const std::string bundle = Copy("stand_in");
  Overwrite(bundle + "/mae0222_model_cpu.onnx", *onnx::Serialize(onnx::MakeModel(*b.Finish(), "x")));
  AcceptFiles(bundle);
  // It runs, and its numbers look like actions.
  const Ran run = Vlaq({"run", bundle, "--frames", Frames(), "--schedule", "whole", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LE(std::abs(run.json()["steps"][0]["action"][0][0].get<double>()), 1);
  const Json report = ExpectCaught(bundle, {{"structure", "whole is not the graph"},
                                            {"reach", "no influence on the outputs"},
                                            {"streaming", "largest difference"}});
  EXPECT_LT(report["reached_fraction"].get<double>(), 0.01);
}

TEST_F(Verify, NoticesADroppedLayer) {
  const std::string bundle = Copy("dropped");
  for (const char* file : {"/mae0222_model_cpu.onnx", "/encoder.onnx"}) {
    onnx::Model model = *onnx::ReadModel(bundle + file);
    const std::string layer = "text/layer.5/";
    ASSERT_GT(std::erase_if(model.graph.nodes, [&](const onnx::Node& node) { return node.name.starts_with(layer); }),
              20U);
    size_t rewired = 0;
    for (onnx::Node& node : model.graph.nodes) {  // what came out of the layer is now what went in
      for (std::string& input : node.inputs) {
        if (!input.starts_with(layer)) continue;
        input.replace(0, layer.size(), "text/layer.4/");
        ++rewired;
      }
    }
    ASSERT_GE(rewired, 2U);
    Overwrite(bundle + file, *onnx::Serialize(model));
  }
  AcceptFiles(bundle);
  // Both graphs agree with each other, and they run: only comparing with the checkpoint's structure shows it.
  EXPECT_EQ(Vlaq({"run", bundle, "--frames", Frames()}).exit_code, 0);
  ExpectCaught(bundle, {{"structure", "layers.5."}, {"reach", "text_model.model.layers.5."}});
}

TEST_F(Verify, GoldenFilesMustFit) {
  const Ran ran = Vlaq({"verify", Bundle(), "--golden", VLAQ_TESTDATA "/golden/mean_hidden/golden.safetensors"});
  EXPECT_EQ(ran.exit_code, 3) << ran.out << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("golden.safetensors"));
}

// The stages on which the policy drives. Its weights are random and it has no tokenizer: what it is told does not reach
// it.
class VerifyDrives : public CliTest {
 protected:
  void SetUp() override {
    if (fs::exists(In("episodes"))) return;
    fs::create_directory(In("episodes"));
    for (int i = 0; i < 3; ++i) {
      const std::string name = "episode" + std::to_string(i) + ".h5";
      ASSERT_TRUE(
          verify::WriteGrayEpisode(In("episodes/" + name), i % 2 == 0 ? "pass left" : "pass right", 20 + 10 * i));
    }
  }

  // Without stage 2, whose figures are times.
  static Json WithoutTimes(Json document) {
    Json checks = Json::array();
    for (const Json& check : document["checks"]) {
      if (check["stage"] != 2) checks.push_back(check);
    }
    document["checks"] = checks;
    return document;
  }
  static Json CheckNamed(const Json& document, const std::string& name) {
    for (const Json& check : document.at("checks")) {
      if (check["name"] == name) return check;
    }
    ADD_FAILURE() << "no check " << name << " in " << document.dump(1);
    return {{"passed", false}, {"detail", ""}, {"figures", Json::object()}};
  }
};

TEST_F(VerifyDrives, TheReceiptHoldsTheEvidence) {
  const std::string receipt = In("receipt.json");
  const std::vector<std::string> arguments{"verify", Bundle(), "--episodes", In("episodes"), "-o", receipt, "--json"};
  const Ran ran = Vlaq(arguments);
  EXPECT_EQ(ran.exit_code, 5) << "random weights hardly look: " << ran.err;
  EXPECT_EQ(Json::parse(Content(receipt)), ran.json());
  const Json evidence = ran.json()["evidence"];
  EXPECT_EQ(evidence["bundle"]["sha256"], bundle::Describe(Bundle() + "/policy.json")->sha256);
  EXPECT_EQ(evidence["bundle"]["weights"]["sha256"], bundle::Describe(Bundle() + "/weights.bin")->sha256);
  EXPECT_EQ(evidence["bundle"]["graphs"]["head"]["sha256"], bundle::Describe(Bundle() + "/head.onnx")->sha256);
  ASSERT_EQ(evidence["episodes"].size(), 3U);
  EXPECT_EQ(evidence["episodes"][2]["name"], "episode2.h5");
  EXPECT_EQ(evidence["episodes"][2]["sha256"].get<std::string>().size(), 64U);
  EXPECT_EQ(evidence["open_loop_ablations"],
            Json({"none", "gray_image", "frozen_image", "shuffled_images", "one_frame"}));
  std::vector<std::string> limits;
  for (const Json& limit : evidence["limits"]) limits.push_back(limit["name"]);
  EXPECT_THAT(limits, ::testing::IsSupersetOf({"least_of_planned_macs", "least_movement"}));
  EXPECT_EQ(ran.json()["untestable"][0]["name"], "recorded actions") << "it has no tokenizer";
  EXPECT_EQ(ran.json()["untestable"][1]["name"], "instruction");
  EXPECT_EQ(Vlaq(arguments).exit_code, 2) << "the receipt exists";
  std::vector<std::string> again = arguments;
  again.emplace_back("--force");
  EXPECT_EQ(WithoutTimes(Vlaq(again).json()), WithoutTimes(ran.json())) << "the same evidence, the same verdict";
}

TEST_F(VerifyDrives, WhatCannotBeTestedIsSaid) {
  const Ran text = Vlaq({"verify", Bundle(), "--episodes", In("episodes/episode0.h5")});
  EXPECT_THAT(text.out, ::testing::ContainsRegex("4 ablation +instruction +NOT TESTABLE +it holds no tokenizer"));
}

TEST_F(VerifyDrives, IsAsGoodAsItself) {
  const Ran ran = Vlaq({"verify", Bundle(), "--episodes", In("episodes"), "--reference", Bundle(), "--json"});
  const Json check = CheckNamed(ran.json(), "reference actions");
  EXPECT_TRUE(check["passed"].get<bool>());
  EXPECT_EQ(check["figures"]["mae_difference"].get<double>(), 0);
  EXPECT_EQ(ran.json()["evidence"]["reference"]["sha256"], ran.json()["evidence"]["bundle"]["sha256"]);
}

TEST_F(VerifyDrives, EpisodesThatWereSeenBeforeAreRefused) {
  const Ran split =
      Vlaq({"data", "split", In("episodes"), "--fractions", "train=0.5,test=0.5", "-o", In("split.json")});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  const Json parts = Json::parse(Content(In("split.json")))["parts"];
  const auto name = parts["train"]["episodes"][0]["name"].get<std::string>();
  const Ran seen = Vlaq({"verify", Bundle(), "--episodes", In("episodes"), "--exclude", In("split.json") + ":train"});
  EXPECT_EQ(seen.exit_code, 3) << seen.err;
  EXPECT_THAT(seen.err, HasSubstr(name));
  const Ran unseen = Vlaq(
      {"verify", Bundle(), "--episodes", In("episodes/" + name), "--exclude", In("split.json") + ":test", "--json"});
  EXPECT_EQ(unseen.json()["evidence"]["exclude"], Json({In("split.json") + ":test"}));
}

TEST_F(VerifyDrives, RefusesWhatDoesNotFitTogether) {
  EXPECT_EQ(Vlaq({"verify", Bundle(), "--reference", Checkpoint()}).exit_code, 2);
  EXPECT_EQ(Vlaq({"verify", Bundle(), "--exclude", "split.json"}).exit_code, 2);
  EXPECT_EQ(Vlaq({"verify", Bundle(), "--rollouts", "0"}).exit_code, 2);
  EXPECT_EQ(Vlaq({"verify", Bundle(), "--episodes", In("nowhere")}).exit_code, 3);
}

TEST_F(VerifyDrives, WhoCannotBeToldCannotDrive) {
  const Ran ran = Vlaq({"verify", Bundle(), "--rollouts", "1"});
  EXPECT_EQ(ran.exit_code, sim::World::Unavailable() ? 4 : 2) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr(sim::World::Unavailable() ? "simulator" : "tokenizer"));
}

}  // namespace
}  // namespace vlaq
