// The main job: synth, inspect, export, run.
#include <cmath>

#include "families/kosmos2_lstm/testing.h"
#include "image/frames.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Chain : public CliTest {
 protected:
  // The prompt of policy.json as --prompt-ids takes it.
  static std::string Ids() {
    std::string text = Json::parse(Content(In("policy.json")))["prompt_ids"].dump();
    return text.substr(1, text.size() - 2);
  }
  // The same with another last token.
  static std::string IdsEndingWith(const std::string& id) {
    std::string ids = Ids();
    return ids.replace(ids.rfind(',') + 1, std::string::npos, id);
  }
};

TEST_F(Chain, SynthIsDeterministic) {
  fs::create_directory(In("a"));
  fs::create_directory(In("b"));
  ASSERT_EQ(Vlaq({"synth", "checkpoint", "-o", In("a/m.pth"), "--seed", "4"}).exit_code, 0);
  ASSERT_EQ(Vlaq({"synth", "checkpoint", "-o", In("b/m.pth"), "--seed", "4"}).exit_code, 0);
  EXPECT_EQ(Content(In("a/m.pth")), Content(In("b/m.pth")));
  const Ran again = Vlaq({"synth", "checkpoint", "-o", In("a/m.pth")});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("already exists"));
}

TEST_F(Chain, InspectKnowsTheCheckpoint) {
  const Ran text = Vlaq({"inspect", Checkpoint()});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("kosmos2_lstm"), HasSubstr("909 tensors"), HasSubstr("val_mae"),
                              HasSubstr("args.window_size"), HasSubstr("hidden 32 (gate stack 4 x 32 = 128 rows)")));
  const Json json = Vlaq({"inspect", Checkpoint(), "--json", "--tensors", "--hash"}).json();
  EXPECT_EQ(json["schema"], "vlaq.inspect/1");
  EXPECT_EQ(json["kind"], "checkpoint");
  EXPECT_EQ(json["architecture"], "kosmos2_lstm");
  EXPECT_EQ(json["tensors"], 909);
  EXPECT_EQ(json["lstm"], Json::parse(R"({"layers": 4, "input": 64, "hidden": 32})"));
  EXPECT_EQ(json["mlp"], Json::parse("[32, 24, 16]"));
  EXPECT_EQ(json["tensor_list"].size(), 909U);
  EXPECT_EQ(json["files"][0]["sha256"].get<std::string>().size(), 64U);
  int64_t parameters = 0;
  int64_t tensors = 0;
  for (const Json& part : json["parts"]) {
    parameters += part["parameters"].get<int64_t>();
    tensors += part["tensors"].get<int64_t>();
  }
  EXPECT_EQ(parameters, json["parameters"].get<int64_t>());
  EXPECT_EQ(tensors, 909);
}

TEST_F(Chain, InspectKnowsBundlesAndModels) {
  const Json bundle = Vlaq({"inspect", Bundle(), "--json", "--hash"}).json();
  EXPECT_EQ(bundle["kind"], "bundle");
  EXPECT_EQ(bundle["graphs"].size(), 3U);
  EXPECT_TRUE(bundle["hash_mismatches"].empty());
  const Json model = Vlaq({"inspect", Bundle() + "/encoder.onnx", "--json"}).json();
  EXPECT_EQ(model["kind"], "onnx");
  EXPECT_EQ(model["ir_version"], 8);
  EXPECT_EQ(model["opsets"]["ai.onnx"], 17);
  EXPECT_EQ(model["inputs"][0]["shape"], Json::parse(R"(["batch", 3, 224, 224])"));
  EXPECT_FALSE(model["operators"].contains("NonZero"));
  EXPECT_FALSE(model["operators"].contains("Shape"));
  EXPECT_EQ(Vlaq({"inspect", Bundle()}).exit_code, 0);
  EXPECT_EQ(Vlaq({"inspect", Bundle() + "/head.onnx", "--tensors"}).exit_code, 0);
}

TEST_F(Chain, InspectDescribesWhatItDoesNotKnow) {
  const Ran ran = Vlaq({"inspect", VLAQ_TESTDATA "/golden/mean_hidden/golden.safetensors", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json()["architecture"], "unknown");
  EXPECT_THAT(ran.json()["reason"].get<std::string>(), HasSubstr("embed_tokens"));
}

TEST_F(Chain, ExportIsDeterministicAndSaysWhatItAssumed) {
  Overwrite(In("empty.json"), "{}");  // in place of the policy.json beside the checkpoint
  const std::vector<std::string> guessing{"--policy", In("empty.json"), "--prompt-ids", Ids()};
  std::vector<std::string> twin{"export", Checkpoint(), "-o", In("twin"), "--json"};
  twin.insert(twin.end(), guessing.begin(), guessing.end());
  const Ran ran = Vlaq(twin);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::vector<std::string> assumed;
  const Json assumptions = ran.json()["assumptions"];
  for (const Json& assumption : assumptions) assumed.push_back(assumption["setting"]);
  EXPECT_THAT(assumed, ::testing::UnorderedElementsAre(
                           "feature_source", "prompt_layout", "action_scale", "control_period_s", "preprocess.resize",
                           "preprocess.normalise", "preprocess.channel_order", "preprocess.pass_order", "action_dim"));
  const Ran again = Export(In("again"));
  ASSERT_EQ(again.exit_code, 0);
  std::vector<std::string> third{"export", Checkpoint(), "-o", In("third")};
  third.insert(third.end(), guessing.begin(), guessing.end());
  const Ran text = Vlaq(third);
  for (const Json& assumption : assumptions) {
    const std::string mark = assumption["can_hurt"] == true ? "!" : "-";
    EXPECT_THAT(text.out, HasSubstr("  " + mark + " " + assumption["text"].get<std::string>() + "\n"));
  }
  for (const auto& entry : fs::directory_iterator(Bundle())) {
    EXPECT_EQ(Content(entry.path()), Content(fs::path(In("again")) / entry.path().filename())) << entry.path();
  }
}

TEST_F(Chain, ExportWarnsOfAPolicyThatCannotSee) {
  const Ran ran = Export(In("blind"), {"--feature-source", "first_token"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("warning:"), HasSubstr("first_token"), HasSubstr("cannot see")));
}

TEST_F(Chain, ExportRefusesWhatItCannotKnow) {
  fs::create_directories(In("lonely"));
  fs::copy_file(Checkpoint(), In("lonely/micro.pth"), fs::copy_options::overwrite_existing);
  const Ran all = Vlaq({"export", In("lonely"), "-o", In("no")});
  EXPECT_EQ(all.exit_code, 2);
  EXPECT_THAT(all.err, AllOf(HasSubstr("text_config.attention_heads"), HasSubstr("vision_config.num_attention_heads"),
                             HasSubstr("--prompt-ids")));
  const Ran tokenizer = Export(In("no"), {"--instruction", "go"});
  EXPECT_EQ(tokenizer.exit_code, 2);
  EXPECT_THAT(tokenizer.err, HasSubstr("--tokenizer"));
  EXPECT_EQ(Export(In("no"), {"--prompt-ids", "0,1,2"}).exit_code, 2);
  const Ran unknown_id = Export(In("no"), {"--prompt-ids", IdsEndingWith("600")});
  EXPECT_EQ(unknown_id.exit_code, 2);
  EXPECT_THAT(unknown_id.err, HasSubstr("600"));
  Json policy = Json::parse(Content(In("policy.json")));
  policy["lstm_hidden"] = 31;
  Overwrite(In("wrong.json"), policy.dump());
  const Ran wrong =
      Vlaq({"export", Checkpoint(), "-o", In("no"), "--config", In("config.json"), "--policy", In("wrong.json")});
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("lstm_hidden"), HasSubstr("31"), HasSubstr("32")));
  EXPECT_FALSE(fs::exists(In("no")));
}

TEST_F(Chain, ExportNeverLosesWhatIsThere) {
  const Ran again = Export(Bundle());
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("--force"));
  fs::create_directory(In("precious"));
  Overwrite(In("precious/data"), "x");
  EXPECT_EQ(Export(In("precious"), {"--force"}).exit_code, 2);
  EXPECT_EQ(Content(In("precious/data")), "x");
  const std::string copy = Copy("replaced");
  EXPECT_EQ(Export(copy, {"--force"}).exit_code, 0);
  for (const auto& entry : fs::directory_iterator(Folder())) {
    EXPECT_EQ(entry.path().string().find(".part-"), std::string::npos) << entry.path();
  }
}

TEST_F(Chain, AnInstructionGoesThroughTheTokenizer) {
  const std::string small = VLAQ_TESTDATA "/tokenizer/small.model";
  // 150 pieces and the added tokens need 1187 rows; the micro checkpoint has 600.
  const Ran export_ran = Export(In("no"), {"--instruction", "go left", "--tokenizer", small});
  EXPECT_EQ(export_ran.exit_code, 3);
  EXPECT_THAT(export_ran.err, HasSubstr("embeds only 600"));
  const Ran run_ran = Vlaq({"run", Bundle(), "--frames", Frames(), "--instruction", "go left", "--tokenizer", small});
  EXPECT_EQ(run_ran.exit_code, 3);
  EXPECT_THAT(run_ran.err, HasSubstr("embeds only 600"));
  EXPECT_THAT(Vlaq({"run", Bundle(), "--frames", Frames(), "--instruction", "go left"}).err, HasSubstr("--tokenizer"));
}

TEST_F(Chain, StreamingAndWholeGraphAgreeAndPromptsMatter) {
  const Ran text = Vlaq({"run", Bundle(), "--frames", Frames()});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("linear_y m/s"), HasSubstr("ONNX Runtime")));
  const Json streaming = Vlaq({"run", Bundle(), "--frames", Frames(), "--json"}).json();
  const Json whole =
      Vlaq({"run", Bundle(), "--frames", Frames(), "--schedule", "whole", "--json", "--threads", "1"}).json();
  EXPECT_EQ(streaming["schema"], "vlaq.run/2");
  ASSERT_GT(streaming["steps"].size(), 8U) << "past the window";
  EXPECT_EQ(streaming["mode"], "streaming");
  EXPECT_EQ(whole["mode"], "whole");
  EXPECT_THAT(streaming["runs_on"].get<std::string>(), HasSubstr("ONNX Runtime"));
  EXPECT_EQ(streaming["task"]["task.input_ids"], Json::parse(Content(In("policy.json")))["prompt_ids"]);
  EXPECT_EQ(streaming["axes"][0], Json({{"name", "linear_x"}, {"unit", "m/s"}}));
  ASSERT_EQ(streaming["steps"].size(), whole["steps"].size());
  const Json other =
      Vlaq({"run", Bundle(), "--frames", Frames(), "--prompt-ids", IdsEndingWith("77"), "--json"}).json();
  double moved = 0;
  for (size_t t = 0; t < streaming["steps"].size(); ++t) {
    const Json& step = streaming["steps"][t];
    EXPECT_EQ(step["t"], t);
    EXPECT_GT(step["latency_ms"].get<double>(), 0);
    for (size_t i = 0; i < 2; ++i) {
      const double action = step["action"][0][i].get<double>();
      EXPECT_LE(std::abs(action), 1);
      EXPECT_NEAR(whole["steps"][t]["action"][0][i].get<double>(), action, 1e-6);
      EXPECT_NEAR(step["velocity"][i].get<double>(), 2 * action, 1e-6);
      moved = std::max(moved, std::abs(other["steps"][t]["action"][0][i].get<double>() - action));
    }
  }
  EXPECT_GT(moved, 1e-5);
}

TEST_F(Chain, ABackEndThatIsAbsentIsAnError) {
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"run", Bundle(), "--frames", Frames()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  };
  for (const char* name : {"cuda", "tensorrt"}) {
    const Ran provider = run({"--provider", name});
    EXPECT_EQ(provider.exit_code, 4);
    EXPECT_THAT(provider.err, AllOf(HasSubstr(name), HasSubstr("it has "), HasSubstr("cpu")));
  }
  const Ran library = run({"--ort", "/nowhere/libonnxruntime.so"});
  EXPECT_EQ(library.exit_code, 4);
  EXPECT_THAT(library.err, HasSubstr("/nowhere/libonnxruntime.so"));
  EXPECT_EQ(run({"--backend", "nonsense"}).exit_code, 2);
  EXPECT_EQ(run({"--schedule", "whole", "--prompt-ids", "0,2"}).exit_code, 2);
  EXPECT_EQ(run({"--prompt-ids", "0,2"}).exit_code, 2);
  const Ran unknown_id = run({"--prompt-ids", IdsEndingWith("600")});
  EXPECT_EQ(unknown_id.exit_code, 2);
  EXPECT_THAT(unknown_id.err, HasSubstr("600"));
}

// Pictures one by one, their folder in natural order (frame10 last), and the same pixels as a tensor.
TEST_F(Chain, FramesComeFromFilesFoldersAndTensors) {
  std::vector<std::filesystem::path> pictures;
  for (int i = 1; i <= 10; ++i) {
    for (const char* type : {"png", "jpg"}) {
      const fs::path path = fs::path(Frames()) / ("frame" + std::to_string(i) + "." + type);
      if (fs::exists(path)) pictures.push_back(path);
    }
  }
  ASSERT_EQ(pictures.size(), 10U);
  const auto source = image::OpenPictures(pictures);
  ASSERT_TRUE(source.ok());
  std::vector<uint8_t> pixels;
  Shape shape;
  std::vector<std::string> files{"run", Bundle(), "--json", "--frames"};
  for (size_t i = 0; i < 10; ++i) {
    files.push_back(pictures[i].string());
    const auto frame = (*source)->Read(i);
    ASSERT_TRUE(frame.ok());
    shape = {10, frame->pixels.height, frame->pixels.width, 3};
    pixels.insert(pixels.end(), frame->pixels.rgb.begin(), frame->pixels.rgb.end());
  }
  kosmos2_lstm::testing::WriteSafetensors(In("frames.safetensors"), {{"u8", Tensor::From<uint8_t>(shape, pixels)}});
  const auto actions = [](const Ran& ran) {
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json document = ran.json();
    EXPECT_EQ(document["steps"].size(), 10U);
    std::string text;
    for (const Json& step : document["steps"]) text += step["action"].dump();
    return text;
  };
  const std::string from_files = actions(Vlaq(files));
  EXPECT_EQ(actions(Vlaq({"run", Bundle(), "--json", "--frames", Frames()})), from_files);
  EXPECT_EQ(actions(Vlaq({"run", Bundle(), "--json", "--frames", In("frames.safetensors:u8")})), from_files);
  std::swap(files[4], files[9]);
  EXPECT_NE(actions(Vlaq(files)), from_files);
}

TEST_F(Chain, FramesThatCannotBeReadAreNamed) {
  const auto run = [&](std::vector<std::string> frames) {
    frames.insert(frames.begin(), {"run", Bundle(), "--frames"});
    return Vlaq(frames);
  };
  const std::string golden = VLAQ_TESTDATA "/golden/mean_hidden/golden.safetensors";
  const Ran tensor = run({golden + ":frames"});
  EXPECT_EQ(tensor.exit_code, 3);
  EXPECT_THAT(tensor.err, AllOf(HasSubstr("no tensor 'frames'"), HasSubstr("frames.u8")));
  EXPECT_EQ(run({golden + ":actions"}).exit_code, 3);  // no pictures
  EXPECT_EQ(run({golden + ":frames.u8", Frames()}).exit_code, 2);
  const Ran missing = run({"/nowhere/frame.png"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/frame.png"));
  EXPECT_EQ(run({Checkpoint()}).exit_code, 3);  // no picture
  EXPECT_EQ(run({Bundle()}).exit_code, 3);      // a folder without any
}

TEST_F(Chain, WhatIsNoCheckpointIsBadInput) {
  Overwrite(In("notes.pth"), "val_mae 0.222, keep this one");
  for (const char* command : {"inspect", "export"}) {
    std::vector<std::string> arguments{command, In("notes.pth")};
    if (std::string(command) == "export") arguments.insert(arguments.end(), {"-o", In("no")});
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 3) << command;
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("notes.pth"), HasSubstr("is text, not a checkpoint"), HasSubstr("vlaq reads .pth")))
        << command;
    EXPECT_EQ(ran.out, "") << command;
  }
  EXPECT_EQ(Vlaq({"export", Bundle(), "-o", In("no")}).exit_code, 3);
  const Ran run = Vlaq({"run", Checkpoint(), "--frames", Frames()});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("`vlaq export` makes one"));
  EXPECT_FALSE(fs::exists(In("no")));
}

}  // namespace
}  // namespace vlaq
