// Scripts that were written for an earlier vlaq go on working, and are told what to write instead.
#include "cli/old_spellings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "program.h"

namespace vlaq::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

Words Today(const Words& arguments) { return WithoutOldSpellings(arguments).arguments; }

TEST(OldSpellings, AreTheWordsOfToday) {
  const std::vector<std::pair<Words, Words>> cases{
      {{"preflight", "x.onnx", "--tensorrt", "8.6"}, {"check", "x.onnx", "--tensorrt", "8.6"}},
      {{"episodes", "split", "d", "-o", "s.json"}, {"data", "split", "d", "-o", "s.json"}},
      {{"help", "preflight"}, {"help", "check"}},
      {{"eval", "b", "--sim", "--episodes", "100"}, {"eval", "b", "--rollouts", "100"}},
      {{"eval", "b", "--episodes=9", "--sim"}, {"eval", "b", "--rollouts=9"}},
      {{"eval", "b", "--episodes", "held_out", "--against", "c"},
       {"eval", "b", "--episodes", "held_out", "--reference", "c"}},
      {{"eval", "--against=c", "--against-driver", "p"}, {"eval", "--reference=c", "--reference-program", "p"}},
      {{"eval", "b", "--condition", "normal", "swapped", "--json"},
       {"eval", "b", "--ablation", "none", "swapped_instruction", "--json"}},
      {{"eval", "b", "--condition=blank", "--condition", "all"},
       {"eval", "b", "--ablation=gray_image", "--ablation", "all"}},
      {{"eval", "b", "--ablation", "one-frame"}, {"eval", "b", "--ablation", "one_frame"}},
      {{"verify", "b", "--against", "c", "--sim", "20", "--receipt", "r", "--not-in", "s.json:train"},
       {"verify", "b", "--against", "c", "--rollouts", "20", "--output", "r", "--exclude", "s.json:train"}},
      {{"run", "b", "--whole-graph"}, {"run", "b", "--schedule", "whole"}},
      {{"run", "b", "--also", "cuda"}, {"run", "b", "--fallback-provider", "cuda"}},
      {{"inspect", "d", "--bgr"}, {"inspect", "d", "--channel-order", "bgr"}},
      {{"bench", "b", "--against-last", "r.json"}, {"bench", "b", "--baseline", "r.json"}},
      {{"build", "b", "--least-gain", "0.1"}, {"build", "b", "--min-gain", "0.1"}},
      {{"sim", "record", "--episodes", "3", "--policy-spec", "p.json"},
       {"sim", "record", "--rollouts", "3", "--policy", "p.json"}},
      {{"sim", "render", "--policy", "/"}, {"sim", "render", "--bundle", "/"}},
  };
  for (const auto& [was, is] : cases) {
    const Respelled respelled = WithoutOldSpellings(was);
    EXPECT_THAT(respelled.arguments, ElementsAreArray(is));
    EXPECT_THAT(respelled.notes, Not(IsEmpty())) << ::testing::PrintToString(was);
    EXPECT_THAT(WithoutOldSpellings(is).arguments, ElementsAreArray(is)) << "what is new is left alone";
    EXPECT_THAT(WithoutOldSpellings(is).notes, IsEmpty());
  }
}

TEST(OldSpellings, OtherWordsAreLeftAlone) {
  for (const Words& words : std::vector<Words>{{},
                                               {"--version"},
                                               {"help"},
                                               {"verify", "b", "--against", "c"},
                                               {"run", "preflight"},
                                               {"run", "--", "--also"},
                                               {"sim", "render", "--policy", "/nowhere/policy.json"},
                                               {"sim", "render", "--policy"},
                                               {"plan", "quantize", "--condition", "blank"}}) {
    EXPECT_EQ(Today(words), words);
  }
  EXPECT_THAT(Today({"eval", "--condition"}), ElementsAre("eval", "--ablation"));
}

using OldSpellingsTest = CliTest;

TEST_F(OldSpellingsTest, WorkAndSayWhatToWrite) {
  const Ran ran = Vlaq({"preflight", "--list-rules"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("`vlaq preflight` is now `vlaq check`"));
  EXPECT_EQ(ran.out, Vlaq({"check", "--list-rules"}).out);
  EXPECT_EQ(Vlaq({"preflight", "--list-rules", "--quiet"}).err, "");
  const auto run = [&](const Words& more) {
    Words words{"run", Bundle(), "--frames", Frames(), "--json", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return Vlaq(words).json()["actions"];
  };
  EXPECT_EQ(run({"--whole-graph"}), run({"--schedule", "whole"}));
  EXPECT_THAT(Vlaq({"eval", "--help"}).out, Not(HasSubstr("--against"))) << "no help shows them";
}

}  // namespace
}  // namespace vlaq::cli
