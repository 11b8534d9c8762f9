// What people give to vlaq: folders, settings, other files, instructions, frames; and what they are told about it.
#include <cstring>

#include "bundle/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Input : public CliTest {
 protected:
  static std::string Data(const std::string& name) { return VLAQ_TESTDATA "/" + name; }
  // inspect and export must say the same of a file that is no checkpoint.
  static void ExpectNamed(const std::string& path, const std::string& name, const std::string& advice) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"inspect", path}, {"export", path, "-o", In("never")}}) {
      const Ran ran = Vlaq(arguments);
      EXPECT_EQ(ran.exit_code, 3) << arguments[0] << " " << path;
      EXPECT_THAT(ran.err, AllOf(HasSubstr(name), HasSubstr(advice))) << arguments[0];
    }
    EXPECT_FALSE(fs::exists(In("never")));
  }
};

TEST_F(Input, AFolderIsTakenWithWhatLiesInIt) {
  const Ran ran = Vlaq({"export", Folder().string(), "-o", In("from_folder")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("took config.json, policy.json beside it"), HasSubstr("micro.pth: 909 tensors -> "),
                    HasSubstr("joined with another"), HasSubstr("it says of itself: window 8 (args.window_size)"),
                    HasSubstr("vlaq verify " + In("from_folder") + " --against " + Checkpoint())));
  const Json provenance = Json::parse(Content(In("from_folder/policy.json")))["provenance"];
  EXPECT_EQ(provenance["found"].size(), 2U);
  EXPECT_EQ(Vlaq({"inspect", Folder().string()}).exit_code, 0);
  fs::remove_all(In("from_folder"));
}

TEST_F(Input, WhatIsNoCheckpointIsNamedForWhatItIs) {
  ExpectNamed(Data("checkpoint/other/lfs_pointer.pth"), "is a Git LFS pointer, not the file", "git lfs pull (7.10 GB)");
  ExpectNamed(Data("checkpoint/other/dcp"), "is a torch.distributed checkpoint", "dcp_to_torch");
  ExpectNamed(Data("checkpoint/other/dcp/__0_0.distcp"), "torch.distributed checkpoint", "dcp_to_torch");
  Overwrite(In("page.safetensors"), "<html><title>Sign in</title>");
  ExpectNamed(In("page.safetensors"), "is a web page, not the file", "download it again");
  Overwrite(In("model.gguf"), std::string("GGUF\x03\0\0\0", 8));
  ExpectNamed(In("model.gguf"), "GGUF", "vlaq reads .pth");
  Overwrite(In("model.tar.gz"), "\x1f\x8b\x08\x01");
  ExpectNamed(In("model.tar.gz"), "packed with gzip", "tar xzf");
  for (const char* name : {"page.safetensors", "model.gguf", "model.tar.gz"}) fs::remove(In(name));
}

TEST_F(Input, EpisodesOfOthersAreNamed) {
  for (const std::string& path : {Data("episode/other/robomimic.hdf5")}) {
    const Ran ran = Vlaq({"inspect", path});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("robomimic's layout"), HasSubstr("src/data/README.md"), Not(HasSubstr("--skip-bad"))));
  }
  EXPECT_THAT(Vlaq({"inspect", Data("episode/other/latest_gzip.h5")}).err, HasSubstr("libver='v110'"));
  const Json told = Vlaq({"inspect", Data("episode/other/instruction_as_attribute.h5"), "--json"}).json();
  EXPECT_EQ(told["instructions"][0]["source"], "file");
}

TEST_F(Input, InspectKnowsVlaqsOwnDocuments) {
  for (const auto& [name, what] :
       std::vector<std::pair<std::string, std::string>>{{"bundle/policy.json", "a bundle's policy.json"},
                                                        {"bundle/weights.json", "a bundle's weights.json"},
                                                        {"policy.json", "vlaq export CHECKPOINT --policy FILE"},
                                                        {"config.json", "vlaq export CHECKPOINT --config FILE"}}) {
    const Ran ran = Vlaq({"inspect", In(name)});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr(what)) << name;
  }
  for (const auto& [schema, command] :
       std::vector<std::pair<std::string, std::string>>{{"vlaq.plan/1", "vlaq quantize BUNDLE --plan"},
                                                        {"vlaq.statistics/1", "vlaq quantize BUNDLE --stats"},
                                                        {"vlaq.split/1", "vlaq data check"},
                                                        {"vlaq.results/1", "vlaq compare"},
                                                        {"vlaq.verify/2", "vlaq report"}}) {
    Overwrite(In("document.json"), Json{{"schema", schema}}.dump());
    EXPECT_THAT(Vlaq({"inspect", In("document.json")}).out, HasSubstr(command)) << schema;
  }
  Overwrite(In("document.json"), "[1]");
  EXPECT_EQ(Vlaq({"inspect", In("document.json")}).exit_code, 3);
  EXPECT_EQ(Vlaq({"inspect", ""}).exit_code, 2);
  EXPECT_THAT(Vlaq({"inspect", Data("golden/mean_hidden/golden.safetensors")}).out,
              HasSubstr("verify BUNDLE --golden"));
}

TEST_F(Input, AFolderThatIsNoBundleIsCalledSo) {
  fs::create_directory(In("nothing"));
  const Ran empty = Vlaq({"run", In("nothing"), "--frames", Frames()});
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("is not a bundle: it holds no policy.json"));
  const Ran settings = Vlaq({"run", Folder().string(), "--frames", Frames()});
  EXPECT_THAT(settings.err, HasSubstr("is not a bundle: its policy.json holds settings"));
}

TEST_F(Input, InspectOfABundleSaysFirstWhatMatters) {
  const Ran ran = Vlaq({"inspect", Bundle()});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("from micro.pth"), HasSubstr("no tokenizer"), HasSubstr("Assumed at export"),
                             HasSubstr("computed numbers"), Not(HasSubstr("LayerNormalization"))));
  EXPECT_THAT(Vlaq({"inspect", Bundle(), "--operators"}).out, HasSubstr("LayerNormalization"));
  // One number of parameters: what the checkpoint has, but for what is stored twice or left out.
  const int64_t own = Vlaq({"inspect", Checkpoint(), "--json"}).json()["distinct_parameters"].get<int64_t>();
  EXPECT_LE(Vlaq({"inspect", Bundle(), "--json"}).json()["parameters"].get<int64_t>(), own);
  const std::string checkpoint = Vlaq({"inspect", Checkpoint()}).out;
  EXPECT_THAT(checkpoint, AllOf(HasSubstr("args.window_size"), Not(HasSubstr("Namespace("))));
}

TEST_F(Input, AnUnknownSettingIsAnErrorWithTheNearestOne) {
  Json policy = Json::parse(Content(In("policy.json")));
  policy["preprocess"]["rezise"] = "box";
  Overwrite(In("typo.json"), policy.dump());
  const Ran typo = Vlaq({"export", Checkpoint(), "-o", In("never"), "--policy", In("typo.json")});
  EXPECT_EQ(typo.exit_code, 3);
  EXPECT_THAT(typo.err, HasSubstr("did you mean \"resize\"?"));
  fs::remove(In("typo.json"));
}

TEST_F(Input, RunReadsEpisodesAndSaysWhatItDoes) {
  const std::string episode = Data("episode/good/recorder.h5");
  const Ran text = Vlaq({"run", Bundle(), "--frames", episode});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("prompt: "), HasSubstr("recorder.h5[4]"), HasSubstr("linear_x m/s"),
                              HasSubstr("5 frames, median")));
  const Json one = Vlaq({"run", Bundle(), "--frames", episode, "--json"}).json();
  EXPECT_EQ(one["steps"][4]["frame"], "recorder.h5[4]");
  EXPECT_EQ(one["axes"][1]["name"], "linear_y");
  EXPECT_EQ(one["axes"][1]["unit"], "m/s");
  EXPECT_GT(one["median_ms"].get<double>(), 0);
  // A second episode begins with an empty window: its actions are those that it has alone.
  const std::string other = Data("episode/good/one_chunk.h5");
  const Json both = Vlaq({"run", Bundle(), "--frames", episode, other, "--json"}).json();
  const Json alone = Vlaq({"run", Bundle(), "--frames", other, "--json"}).json();
  ASSERT_EQ(both["steps"].size(), one["steps"].size() + alone["steps"].size());
  EXPECT_EQ(both["steps"][5]["action"], alone["steps"][0]["action"]);
  EXPECT_EQ(Vlaq({"run", Bundle(), "--frames", episode, Frames()}).exit_code, 2);
}

TEST_F(Input, FramesAreCheckedBeforeTheModelIsLoaded) {
  const Ran broken = Vlaq({"run", Bundle(), "--frames", Data("image/cmyk.jpg"), "--ort", "/nowhere.so"});
  EXPECT_EQ(broken.exit_code, 3) << broken.err;
  EXPECT_THAT(broken.err, HasSubstr("CMYK"));
  const Ran noted = Vlaq({"run", Bundle(), "--frames", Data("image/orientation.jpg"), Data("image/rgba.png")});
  EXPECT_EQ(noted.exit_code, 0) << noted.err;
  EXPECT_THAT(noted.err, AllOf(HasSubstr("1 of 2 frames have an EXIF rotation"),
                               HasSubstr("1 of 2 frames are partly transparent")));
  fs::create_directory(In("mixed"));
  fs::copy_file(Data("image/rgb.png"), In("mixed/frame_0.png"));
  Overwrite(In("mixed/frame_1.webp"), std::string("RIFF\x10\0\0\0WEBPVP8 ", 16));
  const Ran mixed = Vlaq({"run", Bundle(), "--frames", In("mixed")});
  EXPECT_EQ(mixed.exit_code, 3);
  EXPECT_THAT(mixed.err, HasSubstr("frame_1.webp (a WebP picture)"));
  fs::remove_all(In("mixed"));
}

// A weight of a bundle that became NaN after its export: no action may come out, finite or not.
TEST_F(Input, RunEndsWhereTheFeatureIsNotFinite) {
  const std::string bundle = Copy("broken");
  const Json weights = Json::parse(Content(bundle + "/weights.json"))["weights"];
  std::string bytes = Content(bundle + "/weights.bin");
  for (const Json& weight : weights) {
    if (weight["name"].get<std::string>().find("layers.0.ffn.fc1.weight") == std::string::npos) continue;
    std::memset(bytes.data() + weight["offset"].get<size_t>(), 0xff, 4);
  }
  Overwrite(bundle + "/weights.bin", bytes);
  const Ran ran = Vlaq({"run", bundle, "--frames", Frames()});
  EXPECT_EQ(ran.exit_code, 4) << ran.out;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("not finite"), HasSubstr("vlaq inspect --hash")));
  const Ran inspected = Vlaq({"inspect", bundle, "--hash"});
  EXPECT_THAT(inspected.err, HasSubstr("element 0 is nan"));
  EXPECT_THAT(inspected.out, HasSubstr("Weights that are not finite"));
}

// A policy whose feature is the first position sees no picture.
TEST_F(Input, ActionsThatDoNotMoveAreWarnedOf) {
  ASSERT_EQ(Export(In("unseeing"), {"--feature-source", "first_token"}).exit_code, 0);
  // All frames of a window give one feature, but the window grows: one frame at a time.
  bundle::testing::EditSettings(In("unseeing"), [](Json& settings) { settings["window"] = 1; });
  const Ran ran = Vlaq({"run", In("unseeing"), "--frames", Frames()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("all 10 actions are the same although the frames differ"));
  EXPECT_THAT(Vlaq({"run", Bundle(), "--frames", Frames()}).err, Not(HasSubstr("are the same")));
}

TEST_F(Input, SynthMakesTheFolder) {
  const Ran ran = Vlaq({"synth", "checkpoint", "-o", In("new/er/model.pth")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(fs::exists(In("new/er/policy.json")));
}

TEST_F(Input, WhichOfTwoStateDictsIsSaidAndChosen) {
  const std::string golden = Data("golden/mean_hidden");
  const auto ema = [&](const std::string& output, std::vector<std::string> more) {
    more.insert(more.begin(), {"export", Data("checkpoint/other/ema.pth"), "--config", golden + "/config.json",
                               "--policy", golden + "/policy.json", "-o", In(output)});
    return Vlaq(more);
  };
  const Ran usual = ema("usual", {});
  ASSERT_EQ(usual.exit_code, 0) << usual.err;
  EXPECT_THAT(usual.out, AllOf(HasSubstr("! state_dict is model_state_dict"), HasSubstr("also holds ema_state_dict")));
  const Ran chosen = ema("chosen", {"--state-dict", "ema_state_dict"});
  ASSERT_EQ(chosen.exit_code, 0) << chosen.err;
  EXPECT_THAT(chosen.out, Not(HasSubstr("! state_dict")));
  EXPECT_EQ(Json::parse(Content(In("chosen/policy.json")))["provenance"]["state_dict"], "ema_state_dict");
  EXPECT_NE(Content(In("usual/weights.bin")), Content(In("chosen/weights.bin")));
  EXPECT_EQ(ema("never", {"--state-dict", "ema"}).exit_code, 2);
  EXPECT_THAT(Vlaq({"inspect", Data("checkpoint/other/ema.pth")}).out, HasSubstr("also holds ema_state_dict"));
}

TEST_F(Input, AWeightThatIsNotFiniteEndsTheExport) {
  const std::string golden = Data("golden/mean_hidden");
  const std::string checkpoint = Data("checkpoint/other/nan.pth");
  const Ran ran = Vlaq({"export", checkpoint, "--config", golden + "/config.json", "--policy", golden + "/policy.json",
                        "-o", In("never")});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("text_model.model.layers.0.ffn.fc1.weight'"), HasSubstr(" is nan (1 of ")));
  EXPECT_FALSE(fs::exists(In("never")));
  const Ran inspected = Vlaq({"inspect", checkpoint, "--hash"});
  EXPECT_EQ(inspected.exit_code, 0);
  EXPECT_THAT(inspected.out, HasSubstr("layers.0.ffn.fc1.weight"));
  EXPECT_THAT(Vlaq({"inspect", golden + "/checkpoint.pth", "--hash"}).out, HasSubstr("All weights are finite."));
}

}  // namespace
}  // namespace vlaq
