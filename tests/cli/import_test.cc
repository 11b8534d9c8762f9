// Policies that come as ONNX files: taken or refused, run, proven, and what other commands say of them.
#include <cstring>
#include <limits>
#include <map>
#include <regex>

#include "base/hash.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "onnx/model_file.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ImportFile(const std::string& name) { return VLAQ_TESTDATA "/onnx_import/" + name; }

const std::string kGemm = "hand_unnamed_gemm_13", kEncoderFile = "split_encoder_legacy_17",
                  kHeadFile = "split_head_legacy_17";

class Import : public ::testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }

  // A bundle of these files of the test data.
  std::string Bundle(const std::vector<std::string>& files = {kGemm}) {
    const std::string output = In("bundle" + std::to_string(made_++));
    std::vector<std::string> arguments{"import"};
    for (const std::string& file : files) arguments.push_back(ImportFile(file + ".onnx"));
    arguments.insert(arguments.end(), {"-o", output});
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return output;
  }

  // Makes the bundle's records believe in its files as they are now, as a careful forger would.
  static void AcceptFiles(const std::string& path) {
    Json policy = Json::parse(Content(path + "/policy.json"));
    std::vector<Json*> records{&policy["weights"]};
    for (auto& [name, graph] : policy["graphs"].items()) records.push_back(&graph);
    for (Json* record : records) {
      const auto found = bundle::Describe(fs::path(path) / (*record)["file"].get<std::string>());
      ASSERT_TRUE(found.ok());
      (*record)["bytes"] = found->bytes;
      (*record)["sha256"] = found->sha256;
    }
    Overwrite(path + "/policy.json", policy.dump());
    Json weights = Json::parse(Content(path + "/weights.json"));
    const std::string bytes = Content(path + "/weights.bin");
    for (Json& weight : weights["weights"]) {
      const std::string own = bytes.substr(weight["offset"].get<size_t>(), weight["length"].get<size_t>());
      weight["xxh3"] = Xxh3Hex(AsBytes(own));
    }
    Overwrite(path + "/weights.json", weights.dump());
  }

  // Replaces one number of weights.bin.
  static void Plant(const std::string& path, size_t offset, float value) {
    std::string bytes = Content(path + "/weights.bin");
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    Overwrite(path + "/weights.bin", bytes);
  }

  static Json CheckOf(const Json& document, const std::string& name) {
    for (const Json& check : document["checks"]) {
      if (check["name"] == name) return check;
    }
    ADD_FAILURE() << "there is no check " << name << " in " << document["checks"].dump(1);
    return Json::object({{"passed", false}, {"detail", ""}});
  }

  // Exit code 5, and this check failed with these words.
  static void ExpectCaught(std::vector<std::string> arguments, const std::string& check, const std::string& detail) {
    arguments.insert(arguments.begin(), "verify");
    arguments.emplace_back("--json");
    const Ran ran = Vlaq(arguments);
    ASSERT_EQ(ran.exit_code, 5) << ran.out << ran.err;
    const Json found = CheckOf(ran.json(), check);
    EXPECT_FALSE(found["passed"].get<bool>()) << found;
    EXPECT_THAT(found["detail"].get<std::string>(), HasSubstr(detail));
  }

  // A golden file with some tensors changed or left out (those that `change` makes empty).
  std::string Golden(const std::string& of, const std::function<void(std::map<std::string, Tensor>&)>& change) const {
    const auto file = checkpoint::Checkpoint::Open(ImportFile(of + ".io.safetensors"));
    EXPECT_TRUE(file.ok());
    std::map<std::string, Tensor> tensors;
    for (const auto& entry : (*file)->entries()) tensors.emplace(entry.name, (*file)->Read(entry));
    change(tensors);
    const std::string path = In("changed.safetensors");
    EXPECT_TRUE(checkpoint::WriteSafetensors(path, tensors, Existing::kReplace).ok());
    return path;
  }

  TemporaryFolder folder_;
  int made_ = 0;
};

TEST_F(Import, SaysWhatItMadeAndAssumed) {
  const Ran text = Vlaq({"import", ImportFile(kGemm + ".onnx"), "-o", In("a")});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("a: 1 graph"), HasSubstr("4 initializers -> 4 weights"),
                              HasSubstr("weights that nothing read, left out: unused"), HasSubstr("obs"),
                              HasSubstr("Assumed, because nothing says otherwise")));
  const Ran ran =
      Vlaq({"import", ImportFile(kEncoderFile + ".onnx"), ImportFile(kHeadFile + ".onnx"), "-o", In("b"), "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json json = ran.json();
  EXPECT_EQ(json["schema"], "vlaq.import/1");
  EXPECT_EQ(json["graphs"].size(), 2U);
  EXPECT_EQ(json["inputs"]["noise"]["type"], "noise");
  EXPECT_EQ(json["outputs"]["actions"]["shape"], Json::parse("[16, 7]"));
  EXPECT_FALSE(json["assumptions"].empty());
}

TEST_F(Import, AProposedPolicyIsChangedAndTaken) {
  const Ran proposed = Vlaq({"import", ImportFile(kGemm + ".onnx"), "--propose", In("policy.json")});
  ASSERT_EQ(proposed.exit_code, 0) << proposed.err;
  EXPECT_THAT(proposed.out, HasSubstr("--policy"));
  Json policy = Json::parse(Content(In("policy.json")));
  policy["control"]["period_s"] = 0.025;
  Overwrite(In("policy.json"), policy.dump());
  const Ran taken = Vlaq({"import", ImportFile(kGemm + ".onnx"), "--policy", In("policy.json"), "-o", In("a")});
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_THAT(taken.out, Not(HasSubstr("Assumed")));
  EXPECT_EQ(Json::parse(Content(In("a/policy.json")))["control"]["period_s"], 0.025);

  policy["graphs"][kGemm]["inputs"] = {{"picture", "obs"}};
  Overwrite(In("policy.json"), policy.dump());
  const Ran other = Vlaq({"import", ImportFile(kGemm + ".onnx"), "--policy", In("policy.json"), "-o", In("b")});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("graphs." + kGemm + ".inputs"));
  EXPECT_FALSE(fs::exists(In("b")));
}

TEST_F(Import, WritesOverABundleOnlyWithForce) {
  const std::string bundle = Bundle();
  ExpectUsage({"import", ImportFile(kGemm + ".onnx"), "-o", bundle}, "--force");
  EXPECT_EQ(Vlaq({"import", ImportFile(kGemm + ".onnx"), "-o", bundle, "--force"}).exit_code, 0);
  ExpectUsage({"import", ImportFile(kGemm + ".onnx")}, "-o is missing");
}

TEST_F(Import, RefusesByNodeAndLeavesNothing) {
  const std::map<std::string, std::string> refused{{"hand_custom_op", "'magic' (com.acme::Magic)"},
                                                   {"hand_external_outside", "initializer 'b'"},
                                                   {"hand_truncated", "not an ONNX model"}};
  for (const auto& [file, words] : refused) {
    const Ran ran = Vlaq({"import", ImportFile(file + ".onnx"), "-o", In("refused")});
    EXPECT_EQ(ran.exit_code, 3) << file;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(file + ".onnx"), HasSubstr(words)));
    EXPECT_FALSE(fs::exists(In("refused")));
  }
}

TEST_F(Import, WhatWasImportedRunsAsItWasRecorded) {
  const std::string bundle = Bundle();
  const Ran ran =
      Vlaq({"run", bundle, "--inputs", ImportFile(kGemm + ".io.safetensors") + ":in.", "-o", In("out.safetensors")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto out = checkpoint::Checkpoint::Open(In("out.safetensors"));
  ASSERT_TRUE(out.ok());
  EXPECT_FALSE((*out)->entries().empty());
}

TEST_F(Import, ItsFilesProveIt) {
  const std::string bundle = Bundle({kEncoderFile, kHeadFile});
  const std::string encoder = ImportFile(kEncoderFile + ".onnx"), head = ImportFile(kHeadFile + ".onnx");
  const Ran ran = Vlaq({"verify", bundle, "--against", encoder, "--against", head, "-o", In("receipt.json")});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("verified against the ONNX files"), HasSubstr("actions against the files"),
                             HasSubstr("not applicable: "), HasSubstr("driving")));
  const Json receipt = Json::parse(Content(In("receipt.json")));
  EXPECT_TRUE(receipt["passed"].get<bool>());
  EXPECT_EQ(receipt["reached_fraction"], 1.0);
  EXPECT_EQ(CheckOf(receipt, "structure")["figures"]["wrong"], 0);
  EXPECT_GT(CheckOf(receipt, "tensors of the files")["figures"]["looked_at"], 40);
  for (const Json& check : receipt["checks"]) {
    EXPECT_THAT(check["name"].get<std::string>(), Not(::testing::AnyOf("streaming", "stages", "image")));
  }
  const Ran report = Vlaq({"report", In("receipt.json"), "--markdown"});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("the ONNX files it was made of"));

  const Ran half = Vlaq({"verify", bundle, "--against", encoder});  // the head may be anything
  EXPECT_EQ(half.exit_code, 7) << half.out;
  EXPECT_THAT(half.out, AllOf(HasSubstr("graph '" + kHeadFile + "'"), HasSubstr("NOT TESTABLE")));
  const Ran alone = Vlaq({"verify", bundle});
  EXPECT_EQ(alone.exit_code, 7);
  EXPECT_THAT(alone.out, HasSubstr("--against FILE.onnx"));
  ExpectUsage({"verify", bundle, "--against", ImportFile("hand_double.onnx")}, "has no graph 'hand_double'");
}

TEST_F(Import, FilesWithControlFlowFunctionsAndOtherTypesAreProven) {
  for (const std::string name : {"hand_if_weights_17", "loop_if_legacy_17", "hand_function_18", "hand_external_two",
                                 "hand_ir3_opset9", "hand_double", "hand_qdq_13", "hand_recurrent_17"}) {
    const Ran ran = Vlaq({"verify", Bundle({name}), "--against", ImportFile(name + ".onnx")});
    EXPECT_EQ(ran.exit_code, 0) << name << "\n" << ran.out << ran.err;
  }
}

TEST_F(Import, GoldenDataProveIt) {
  const std::string bundle = Bundle();
  const Ran ran = Vlaq({"verify", bundle, "--golden", ImportFile(kGemm + ".io.safetensors")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("verified against golden data"));
  const auto turn_one = [](std::map<std::string, Tensor>& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (!name.starts_with("out.")) continue;
      Tensor changed = Tensor::Make(tensor.dtype(), tensor.shape());
      std::ranges::copy(tensor.bytes(), changed.mutable_bytes().begin());
      changed.mutable_data<float>()[0] += 0.5F;
      tensor = changed;
      return;
    }
  };
  const std::string output = Json::parse(Content(bundle + "/policy.json"))["outputs"].begin().key();
  ExpectCaught({bundle, "--golden", Golden(kGemm, turn_one)}, output + ", golden", "relative difference");

  const std::string misnamed =
      Golden(kGemm, [](std::map<std::string, Tensor>& tensors) { tensors["out.wheels"] = Tensor::Scalar<float>(1); });
  const Ran unknown = Vlaq({"verify", bundle, "--golden", misnamed});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("'out.wheels' is no output"), HasSubstr(output)));
  const std::string empty =
      Golden(kGemm, [](auto& tensors) { std::erase_if(tensors, [](const auto& t) { return t.first[0] == 'o'; }); });
  EXPECT_EQ(Vlaq({"verify", bundle, "--golden", empty}).exit_code, 3);
}

TEST_F(Import, RecordedInputsTakeThePlaceOfNoise) {
  const std::string bundle = Bundle();
  const std::string inputs = ImportFile(kGemm + ".io.safetensors") + ":in.";
  const Ran ran = Vlaq({"verify", bundle, "--against", ImportFile(kGemm + ".onnx"), "--inputs", inputs});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("1 step of " + inputs));
  EXPECT_EQ(
      Vlaq({"verify", bundle, "--against", ImportFile(kGemm + ".onnx"), "--inputs", In("none.safetensors")}).exit_code,
      3);
}

TEST_F(Import, APlantedWeightIsFoundEvenIfTheRecordsAgree) {
  const std::string bundle = Bundle();
  Plant(bundle, 4, 0.125F);
  ExpectCaught({bundle}, "files", "weights.bin");
  ExpectCaught({bundle}, "weights", "'w0' changed since export");
  AcceptFiles(bundle);
  EXPECT_EQ(Vlaq({"verify", bundle}).exit_code, 7);  // it agrees with itself
  const std::string file = ImportFile(kGemm + ".onnx");
  ExpectCaught({bundle, "--against", file}, "weights of the files", "'w0' differs from 'w0' of the file at byte 4");
  ExpectCaught({bundle, "--against", file}, "tensors of the files", "'w0' of " + kGemm + ".onnx is not in graph");
  Plant(bundle, 576, 4);  // the last bias: one recorded step sees it whatever the other weights do
  AcceptFiles(bundle);
  ExpectCaught({bundle, "--golden", ImportFile(kGemm + ".io.safetensors")},
               Json::parse(Content(bundle + "/policy.json"))["outputs"].begin().key() + ", golden", "difference");
}

TEST_F(Import, AWeightThatIsNanIsFound) {
  const std::string bundle = Bundle();
  Plant(bundle, 0, std::numeric_limits<float>::quiet_NaN());
  AcceptFiles(bundle);
  ExpectCaught({bundle}, "finite weights", "element 0 is nan");
}

TEST_F(Import, AnotherOperatorIsFound) {
  const std::string bundle = Bundle();
  const fs::path path = fs::path(bundle) / (kGemm + ".onnx");
  auto model = onnx::ReadModel(path);
  ASSERT_TRUE(model.ok());
  const auto relu = std::ranges::find(model->graph.nodes, "Relu", &onnx::Node::op_type);
  ASSERT_NE(relu, model->graph.nodes.end());
  relu->op_type = "Sigmoid";
  Overwrite(path, *onnx::Serialize(*model));
  ExpectCaught({bundle}, "files", kGemm + ".onnx");
  AcceptFiles(bundle);
  EXPECT_EQ(Vlaq({"verify", bundle}).exit_code, 7);
  ExpectCaught({bundle, "--against", ImportFile(kGemm + ".onnx")}, "structure", "(Sigmoid) is another operator");
}

TEST_F(Import, ASwappedGraphIsFound) {
  const std::string bundle = Bundle(), other = Bundle({"hand_external_two"});
  fs::copy_file(fs::path(other) / "hand_external_two.onnx", fs::path(bundle) / (kGemm + ".onnx"),
                fs::copy_options::overwrite_existing);
  ExpectCaught({bundle, "--against", ImportFile(kGemm + ".onnx")}, "files", kGemm + ".onnx");
  AcceptFiles(bundle);
  const Ran ran = Vlaq({"verify", bundle, "--against", ImportFile(kGemm + ".onnx")});
  EXPECT_EQ(ran.exit_code, 5) << ran.out;
  EXPECT_THAT(ran.err, Not(HasSubstr("internal")));
}

TEST_F(Import, ASourceBundleProvesACopyAndNotAnother) {
  const std::string source = Bundle({kEncoderFile, kHeadFile}), copy = Bundle({kEncoderFile, kHeadFile});
  const Ran same = Vlaq({"verify", copy, "--reference", source});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, AllOf(HasSubstr("policy against the source"), HasSubstr("actions against the source")));
  Json policy = Json::parse(Content(copy + "/policy.json"));
  policy["control"]["period_s"] = 4;
  Overwrite(copy + "/policy.json", policy.dump());
  ExpectCaught({copy, "--reference", source}, "policy against the source", "control.period_s is 4");
  Plant(copy, 0, 3);
  AcceptFiles(copy);
  ExpectCaught({copy, "--reference", source}, "weights of the source", "differs");
  const Ran other = Vlaq({"verify", copy, "--reference", Bundle()});
  EXPECT_EQ(other.exit_code, 5) << other.out << other.err;
}

TEST_F(Import, APolicyThatWasChangedAfterwardsIsTold) {
  const std::string bundle = Bundle();
  Json policy = Json::parse(Content(bundle + "/policy.json"));
  policy["control"]["period_s"] = 0.5;
  Overwrite(bundle + "/policy.json", policy.dump());
  const Ran ran = Vlaq({"verify", bundle, "--against", ImportFile(kGemm + ".onnx")});
  EXPECT_THAT(ran.out, HasSubstr("not what import proposes for these files, and is taken on trust: control.period_s"));
}

TEST_F(Import, OptionsOfPoliciesThatDriveAreRefusedByName) {
  const std::string bundle = Bundle();
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--rollouts", "3"},
                                             {"--tokenizer", "t.model"},
                                             {"--max-action-diff", "1"},
                                             {"--state-dict", "ema"},
                                             {"--engines", folder_.path().string()}}) {
    std::vector<std::string> arguments{"verify", bundle};
    arguments.insert(arguments.end(), options.begin(), options.end());
    ExpectUsage(arguments, options[0] + " is not for a policy of family onnx");
  }
}

TEST_F(Import, InspectShowsWhatItTakesGivesAndRuns) {
  const std::string bundle = Bundle({kEncoderFile, kHeadFile});
  const Ran ran = Vlaq({"inspect", bundle, "--operators"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("default: run " + kEncoderFile + " -> run " + kHeadFile), HasSubstr("observes"),
                    HasSubstr("gives"), HasSubstr("opset ai.onnx 17"), HasSubstr("ConvTranspose"),
                    HasSubstr("Assumed at import"), Not(HasSubstr("tokenizer")), Not(HasSubstr("feature_source"))));
  const Json features = Vlaq({"inspect", bundle, "--json"}).json()["features"];
  EXPECT_EQ(features["inputs"].size(), 3U);
  EXPECT_EQ(features["outputs"][0]["name"], "actions");
  EXPECT_EQ(features["default_schedule"], "default");
}

TEST_F(Import, AnotherFamilyIsNoSource) {
  const std::string bundle = Bundle(), old = VLAQ_TESTDATA "/bundles/schema1/fp32";
  for (const auto& [own, other] : {std::pair(bundle, old), std::pair(old, bundle)}) {
    const Ran ran = Vlaq({"verify", own, "--reference", other});
    EXPECT_EQ(ran.exit_code, 3) << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("is a policy of family"));
  }
  ExpectUsage({"verify", old, "--inputs", "a.safetensors"}, "--inputs is for policies that were imported");
}

// A command and what it must be told of an imported bundle. "": it takes it, or another family's work is under way;
// then only that it neither crashes nor reports a bug of its own counts.
struct Command {
  std::vector<std::string> arguments;
  std::vector<int> exits;
  std::string words;
};

TEST_F(Import, EveryCommandTakesItOrSaysWhatDoes) {
  const std::string bundle = Bundle(), inputs = ImportFile(kGemm + ".io.safetensors") + ":in.";
  const std::string frames = VLAQ_TESTDATA "/image/cli_frames", family = "policy of family onnx",
                    told = "it cannot be told where to go";
  const std::vector<Command> commands{
      {{"export", bundle, "-o", In("x")}, {3}, "is a bundle"},
      {{"import", bundle, "-o", In("x")}, {3}, "folder"},
      {{"calibrate", bundle, "--frames", frames, "--samples", "2", "-o", In("x.json")}, {0, 2, 3, 4}, ""},
      {{"plan", "cost", bundle}, {0, 2, 3}, ""},
      {{"plan", "device", bundle, "--device", "orin-nx-16"}, {0, 2, 3}, ""},
      {{"plan", "quantize", bundle, "-o", In("x.json")}, {0, 2, 3, 4}, ""},
      {{"quantize", bundle, "--target", "cpu", "--precision", "int8", "-o", In("x")}, {0, 2, 3, 4}, ""},
      {{"golden", bundle, "--frames", frames, "-o", In("x.safetensors")}, {3, 4}, ""},
      {{"verify", bundle}, {7}, "intact"},
      {{"eval", bundle, "--rollouts", "1"}, {2}, told},
      {{"eval", bundle, "--episodes", In("none")}, {3}, "does not exist"},
      {{"report", bundle, "-o", In("x.html")}, {3}, "is a bundle"},
      {{"bench", bundle}, {0, 2, 3, 4, 6}, ""},
      {{"compare", bundle, bundle}, {3}, "folder"},
      {{"run", bundle, "--inputs", inputs}, {0}, ""},
      {{"robot", bundle, "--propose"}, {0}, ""},
      {{"robot", bundle, "--sim"}, {2}, "the simulated base"},
      {{"serve", bundle, "--host", "nowhere.invalid", "--port", "0"}, {2, 3, 4}, ""},
      {{"check", bundle, "--tensorrt", "10.3"}, {0, 5}, ""},
      {{"build", bundle, "--engine-dir", In("x")}, {3}, "engines are made of fp16"},
      {{"data", "check", bundle, bundle}, {3}, ""},
      {{"sim", "record", "--bundle", bundle, "-o", In("x"), "--rollouts", "1"}, {2}, told},
      {{"sim", "render", "--policy", bundle, "-o", In("x")}, {2}, told},
      {{"synth", "checkpoint", "--size", "micro", "-o", bundle}, {2, 3}, ""},
      {{"inspect", bundle}, {0}, ""},
      {{"doctor"}, {0}, ""},
      {{"completion", "bash"}, {0}, ""},
      {{"help", "import"}, {0}, ""},
  };
  std::set<std::string> tried;
  for (const Command& command : commands) {
    const Ran ran = Vlaq(command.arguments);
    const std::string line = ::testing::PrintToString(command.arguments);
    tried.insert(command.arguments[0]);
    EXPECT_THAT(command.exits, ::testing::Contains(ran.exit_code)) << line << "\n" << ran.err;
    EXPECT_THAT(ran.err, AllOf(Not(HasSubstr("nternal")), HasSubstr(command.words))) << line;
    for (const std::string name : {"x", "x.json", "x.html", "x.safetensors"}) fs::remove_all(In(name));
  }
  const std::string help = Vlaq({"help"}).out;
  const std::regex command("\n  ([a-z]+) {8,}");
  for (std::sregex_iterator it(help.begin(), help.end(), command), end; it != end; ++it) {
    EXPECT_TRUE(tried.contains((*it)[1])) << (*it)[1] << " was not tried";
  }
}

}  // namespace
}  // namespace vlaq
