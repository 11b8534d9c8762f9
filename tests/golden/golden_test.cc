// Every golden case through the command line: export, verify against checkpoint and reference, run both ways.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/json.h"
#include "base/testing.h"
#include "cli/app.h"

namespace vlaq {
namespace {
namespace fs = std::filesystem;

// Of this repository, and of the project's shared folder where that lies beside it. By name: other files may lie there,
// too.
constexpr std::array kOwnCases = {"action_token", "bare",        "bfloat16", "fork_fallback",
                                  "last_token",   "mean_hidden", "pooler"};
constexpr std::array kSharedCases = {"micro909", "micro909_last_token", "micro911_action_token"};

std::vector<fs::path> Cases() {
  std::vector<fs::path> cases;
  for (const char* name : kOwnCases) cases.push_back(fs::path(VLAQ_TESTDATA) / "golden" / name);
  for (const char* name : kSharedCases) cases.push_back(fs::path(VLAQ_SHARED_GOLDEN) / name);
  return cases;
}

struct Ran {
  int exit_code = 0;
  std::string out, err;
  Json json() const { return Json::parse(out); }
};

Ran Vlaq(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = cli::Run(arguments, out, err);
  return {exit_code, out.str(), err.str()};
}

Ran Export(const fs::path& folder, const std::string& checkpoint, const fs::path& bundle,
           const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"export",   folder / checkpoint,    "-o",       bundle,
                                     "--config", folder / "config.json", "--policy", folder / "policy.json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Vlaq(arguments);
}

Ran Verify(const fs::path& folder, const std::string& checkpoint, const fs::path& bundle) {
  return Vlaq(
      {"verify", bundle, "--against", folder / checkpoint, "--golden", folder / "golden.safetensors", "--json"});
}

// Largest difference between two runs' actions; infinite if they do not have the same number of steps and values.
double Distance(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return std::abs(a.get<double>() - b.get<double>());
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = a[i].is_object() ? Distance(a[i]["action"], b[i]["action"]) : Distance(a[i], b[i]);
    most = std::max(most, d);
  }
  return most;
}

class GoldenCase : public ::testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    const bool shared = GetParam().parent_path() == fs::path(VLAQ_SHARED_GOLDEN);
    if (shared && !fs::exists(GetParam())) GTEST_SKIP() << "no " << GetParam();
  }
};

TEST_P(GoldenCase, ReproducesThroughTheCommandLine) {
  const fs::path& folder = GetParam();
  const TemporaryFolder temporary;
  for (const std::string checkpoint : {"checkpoint.pth", "model.safetensors"}) {
    if (!fs::exists(folder / checkpoint)) continue;
    const fs::path bundle = temporary.path() / checkpoint;
    const Ran exported = Export(folder, checkpoint, bundle);
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const Ran verified = Verify(folder, checkpoint, bundle);
    ASSERT_EQ(verified.exit_code, 0) << verified.out << verified.err;

    const Json report = verified.json();
    std::set<std::string> checks;
    for (const Json& check : report["checks"]) checks.insert(check["name"].get<std::string>());
    for (const char* name : {"files", "references", "structure", "weights", "reach", "pixels", "vision_last_hidden",
                             "features", "actions", "window actions", "streaming"}) {
      EXPECT_TRUE(checks.contains(name)) << name;
    }
    const bool has_text = report["reached_fraction"].get<double>() > 0.99;
    EXPECT_EQ(checks.contains("text_last_hidden"), has_text);
    EXPECT_EQ(checks.contains("image_embeds"), has_text);
  }
}

TEST_P(GoldenCase, StreamingAndWholeGraphAgreeAtEveryStep) {
  const fs::path& folder = GetParam();
  const TemporaryFolder temporary;
  const fs::path bundle = temporary.path() / "bundle";
  ASSERT_EQ(Export(folder, "checkpoint.pth", bundle).exit_code, 0);
  const std::string frames = (folder / "golden.safetensors:frames.u8").string();
  const Ran streaming = Vlaq({"run", bundle, "--frames", frames, "--json"});
  const Ran whole = Vlaq({"run", bundle, "--frames", frames, "--json", "--schedule", "whole"});
  ASSERT_EQ(streaming.exit_code, 0) << streaming.err;
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const Json steps = streaming.json()["steps"];
  EXPECT_GT(steps.size(), 2U);
  EXPECT_LE(Distance(steps, whole.json()["steps"]), 1e-6);
}

std::string CaseName(const ::testing::TestParamInfo<fs::path>& info) { return info.param.filename().string(); }
INSTANTIATE_TEST_SUITE_P(All, GoldenCase, ::testing::ValuesIn(Cases()), CaseName);

class TinyGolden : public ::testing::Test {
 protected:
  static fs::path Folder(const std::string& name) { return fs::path(VLAQ_TESTDATA) / "golden" / name; }
  fs::path Bundle(const std::string& name) const { return temporary_.path() / name; }

  // Actions of a run over the case's frames.
  Json Actions(const fs::path& folder, const fs::path& bundle, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"run", bundle, "--frames", (folder / "golden.safetensors:frames.u8").string(),
                                       "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json()["steps"] : Json::array();
  }

 private:
  TemporaryFolder temporary_;
};

TEST_F(TinyGolden, TheReferenceBackEndGivesTheSameActions) {
  const fs::path folder = Folder("action_token");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("b")).exit_code, 0);
  const Json fast = Actions(folder, Bundle("b"));
  EXPECT_LE(Distance(fast, Actions(folder, Bundle("b"), {"--backend", "reference"})), 2e-6);
  EXPECT_LE(Distance(fast, Actions(folder, Bundle("b"), {"--backend", "reference", "--schedule", "whole"})), 2e-6);
}

TEST_F(TinyGolden, StoredPrecisions) {
  const fs::path folder = Folder("mean_hidden");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("fp32")).exit_code, 0);
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("fp16"), {"--precision", "fp16"}).exit_code, 0);
  EXPECT_LT(fs::file_size(Bundle("fp16") / "weights.bin"), fs::file_size(Bundle("fp32") / "weights.bin"));
  EXPECT_EQ(Verify(folder, "checkpoint.pth", Bundle("fp16")).exit_code, 0);
  const double half = Distance(Actions(folder, Bundle("fp32")), Actions(folder, Bundle("fp16")));
  EXPECT_GT(half, 0);  // it really is rounded
  EXPECT_LT(half, 1e-2);
}

TEST_F(TinyGolden, Bfloat16StaysAndGivesTheSameActions) {
  const fs::path folder = Folder("bfloat16");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("wide")).exit_code, 0);
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("stored"), {"--precision", "bf16-as-stored"}).exit_code, 0);
  EXPECT_LT(fs::file_size(Bundle("stored") / "weights.bin"), fs::file_size(Bundle("wide") / "weights.bin"));
  EXPECT_EQ(Verify(folder, "checkpoint.pth", Bundle("stored")).exit_code, 0);
  EXPECT_EQ(Distance(Actions(folder, Bundle("wide")), Actions(folder, Bundle("stored"))), 0);
}

TEST_F(TinyGolden, ABakedEncoderIsTheSameEncoder) {
  const fs::path folder = Folder("fork_fallback");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("asks")).exit_code, 0);
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("baked"), {"--bake-prompt"}).exit_code, 0);
  EXPECT_EQ(Verify(folder, "checkpoint.pth", Bundle("baked")).exit_code, 0);
  EXPECT_LE(Distance(Actions(folder, Bundle("asks")), Actions(folder, Bundle("baked"))), 1e-6);
}

TEST_F(TinyGolden, ABakedPolicyThatLostAStageIsCaughtByItsName) {
  const fs::path folder = Folder("mean_hidden");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("baked"), {"--bake-prompt"}).exit_code, 0);
  const auto verify = [&] {
    return Vlaq({"verify", Bundle("baked"), "--golden", folder / "golden.safetensors", "--json"});
  };
  const Ran honest = verify();
  EXPECT_EQ(honest.exit_code, 7) << honest.out;  // no checkpoint was given
  const fs::path file = Bundle("baked") / "policy.json";
  Json policy = *ReadJsonFile(file);
  for (const char* stage : {"vision_last_hidden", "image_embeds", "text_last_hidden"}) {
    EXPECT_THAT(honest.out, ::testing::HasSubstr(stage));
    Json without = policy;
    ASSERT_EQ(without["stages"].erase(stage), 1U);
    std::ofstream(file, std::ios::trunc) << without.dump();
    const Ran ran = verify();
    EXPECT_EQ(ran.exit_code, 5) << ran.out;
    EXPECT_EQ(ran.json()["first_failure"], stage);
  }
}

TEST_F(TinyGolden, AnotherPromptGivesOtherActions) {
  const fs::path folder = Folder("action_token");
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("b")).exit_code, 0);
  const Json asked = Actions(folder, Bundle("b"), {"--prompt-ids", "0,5,77,9,2"});
  EXPECT_GT(Distance(Actions(folder, Bundle("b")), asked), 1e-4);
  // The same prompt, baked in at export instead.
  ASSERT_EQ(Export(folder, "checkpoint.pth", Bundle("other"), {"--prompt-ids", "0,5,77,9,2"}).exit_code, 0);
  EXPECT_LE(Distance(Actions(folder, Bundle("other"), {"--schedule", "whole"}), asked), 1e-6);
}

}  // namespace
}  // namespace vlaq
