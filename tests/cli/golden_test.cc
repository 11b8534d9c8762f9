// PyTorch itself is not there where these run: a script stands in its place, keeps what it is given, and answers with
// the figures that belong to the checkpoint. docs/verification.md says how to run the real one.
#include "checkpoint/checkpoint.h"
#include "program.h"

namespace vlaq {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Golden : public CliTest {
 protected:
  static std::string Case(const std::string& file = "") { return VLAQ_TESTDATA "/golden/mean_hidden/" + file; }
  static std::string FakePython(const std::string& name, const std::string& body) {
    const std::string path = In(name);
    Overwrite(path, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  static Ran Make(const std::string& python, std::vector<std::string> more) {
    std::vector<std::string> arguments{"golden", Case("checkpoint.pth"), "--frames",
                                       Case("golden.safetensors:frames.u8")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Program(arguments, "VLAQ_PYTHON='" + python + "'");
  }
};

TEST_F(Golden, IsMadeFromTheCheckpointItsSettingsAndTheFrames) {
  const std::string python =
      FakePython("python", "echo \"$2\" >" + In("checkpoint") + "; cp \"$3\" " + In("policy.json") + "; cp \"$4\" " +
                               In("frames.safetensors") + "; cp " + Case("golden.safetensors") + " \"$5\"");
  const Ran ran = Make(
      python, {"-o", In("golden.safetensors"), "--frames-count", "4", "--prompt-ids", "0,80,4,5,6,7,8,81,84,78,84"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("4 frames, every stage and action as PyTorch computes them"));
  EXPECT_THAT(ran.out, HasSubstr("vlaq verify BUNDLE --against"));
  EXPECT_EQ(Content(In("golden.safetensors")), Content(Case("golden.safetensors")));
  EXPECT_EQ(Content(In("checkpoint")), Case("checkpoint.pth") + "\n");

  const Json policy = Json::parse(Content(In("policy.json")));
  EXPECT_EQ(policy["feature_source"], "mean_hidden") << "of the policy.json beside the checkpoint";
  EXPECT_EQ(policy["prompt_ids"], Json({0, 80, 4, 5, 6, 7, 8, 81, 84, 78, 84}));
  EXPECT_TRUE(policy["config"].contains("text_config"));

  const auto given = checkpoint::Checkpoint::Open(Case("golden.safetensors"));
  const auto frames = checkpoint::Checkpoint::Open(In("frames.safetensors"));
  ASSERT_TRUE(given.ok() && frames.ok());
  const Tensor all = (*given)->Read(*(*given)->Find("frames.u8")),
               taken = (*frames)->Read(*(*frames)->Find("frames.u8"));
  EXPECT_EQ(taken.shape()[0], 4);
  EXPECT_TRUE(std::ranges::equal(taken.bytes(), all.bytes().first(taken.bytes().size())));
}

TEST_F(Golden, WhatPyTorchSaysIsTheErrorAndNothingStays) {
  const Ran ran = Make(FakePython("failing", "echo 'no such head' >&2; exit 1"), {"-o", In("none.safetensors")});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("no such head"));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(In("none.safetensors")));
}

TEST_F(Golden, WithoutPyTorchItSaysHowToGetIt) {
  const Ran ran = Make("/no/python", {"-o", In("none.safetensors")});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("script/pytorch installs it"));
}

TEST_F(Golden, AskingTwiceReplacesNothing) {
  Overwrite(In("precious.safetensors"), "mine");
  const Ran ran = Make(FakePython("unused", "exit 1"), {"-o", In("precious.safetensors")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(Content(In("precious.safetensors")), "mine");
}

}  // namespace
}  // namespace vlaq
