// Bundles of the schema before policies were data: what users have keeps running, and means what an export means today.
#include "bundle/testing.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kOld = VLAQ_TESTDATA "/bundles/schema1";

class Schema1 : public ::testing::Test {
 protected:
  // The checkpoint that the bundles were made of, exported by this program.
  std::string ExportAnew(const std::string& checkpoint, const std::vector<std::string>& more = {}) {
    const std::string output = (folder_.path() / "anew").string();
    const fs::path from = kOld / checkpoint;
    std::vector<std::string> arguments{
        "export",   (from / "model.safetensors").string(), "--config", (from / "config.json").string(),
        "--policy", (from / "policy.json").string(),       "-o",       output,
        "--force"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return output;
  }
  static Json Actions(const std::string& bundle, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"run", bundle, "--frames", std::string(VLAQ_TESTDATA) + "/image/cli_frames",
                                       "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    Json actions = Json::array();
    if (ran.exit_code != 0) return actions;
    const Json document = Json::parse(ran.out);
    for (const Json& step : document["steps"]) actions.push_back(step["action"]);
    EXPECT_FALSE(actions.empty());
    return actions;
  }
  TemporaryFolder folder_;
};

double Largest(const Json& a, const Json& b) {  // NOLINT(misc-no-recursion)
  EXPECT_EQ(a.size(), b.size());
  if (!a.is_array()) return std::abs(a.get<double>() - b.get<double>());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, Largest(a[i], b[i]));
  return largest;
}

TEST_F(Schema1, EachBundleRuns) {
  const Json exact = Actions((kOld / "fp32").string());
  ASSERT_EQ(exact.size(), 10U);
  size_t ran = 0;
  for (const auto& entry : fs::directory_iterator(kOld)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("checkpoint")) continue;
    SCOPED_TRACE(name);
    ++ran;
    const Json streaming = Actions(entry.path().string());
    ASSERT_EQ(streaming.size(), 10U);
    EXPECT_LT(Largest(streaming, Actions(entry.path().string(), {"--schedule", "whole"})), 1e-2)
        << "two ways, one policy";
    if (!name.starts_with("text")) {
      EXPECT_LT(Largest(streaming, exact), 0.5) << "of the same checkpoint";
    }
    const Ran looked = Vlaq({"inspect", entry.path().string()});
    EXPECT_EQ(looked.exit_code, 0) << looked.err;
  }
  EXPECT_EQ(ran, 12U);
}

TEST_F(Schema1, MeansWhatExportWritesToday) {
  struct Case {
    std::string old, checkpoint;
    std::vector<std::string> more;
  };
  for (const Case& c : {Case{"fp32", "checkpoint", {}},
                        {"fp16", "checkpoint", {"--precision", "fp16"}},
                        {"bf16-as-stored", "checkpoint", {"--precision", "bf16-as-stored"}},
                        {"text", "checkpoint_text", {}},
                        {"text_baked", "checkpoint_text", {"--bake-prompt"}}}) {
    SCOPED_TRACE(c.old);
    const std::string anew = ExportAnew(c.checkpoint, c.more);
    EXPECT_EQ(Json::parse(Content(anew + "/policy.json"))["schema"], "vlaq.policy/2");
    const auto old = bundle::Open(kOld / c.old), written = bundle::Open(anew);
    ASSERT_TRUE(old.ok() && written.ok());
    EXPECT_EQ(policy::PolicyToJson(old->policy).dump(1), policy::PolicyToJson(written->policy).dump(1));
    EXPECT_EQ(Json::parse(old->policy.settings), Json::parse(written->policy.settings));
    EXPECT_EQ(Actions((kOld / c.old).string()), Actions(anew));
  }
}

// --policy takes settings as users write them, and the policy.json of bundles of either schema.
TEST_F(Schema1, ABundlesOwnPolicyFileServesAsSettings) {
  const std::string anew = ExportAnew("checkpoint");
  for (const std::string& policy : {(kOld / "fp32/policy.json").string(), anew + "/policy.json"}) {
    const std::string output = (folder_.path() / "from_bundle").string();
    const Ran ran = Vlaq({"export", (kOld / "checkpoint/model.safetensors").string(), "--config",
                          (kOld / "checkpoint/config.json").string(), "--policy", policy, "-o", output, "--force"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(policy::PolicyToJson(bundle::Open(output)->policy), policy::PolicyToJson(bundle::Open(anew)->policy));
  }
  // Of another family there are no settings to take.
  bundle::testing::EditManifest(anew, [](Json& json) { json["family"] = "onnx"; });
  const Ran other = Vlaq({"export", (kOld / "checkpoint/model.safetensors").string(), "--config",
                          (kOld / "checkpoint/config.json").string(), "--policy", anew + "/policy.json", "-o",
                          (folder_.path() / "never").string()});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("is a policy of the family onnx"));
}

TEST_F(Schema1, VerifiesAgainstTheSameInTheNewSchema) {
  const std::string anew = ExportAnew("checkpoint");
  const Ran ran = Vlaq({"verify", (kOld / "fp32").string(), "--reference", anew});
  EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 7)) << ran.out << ran.err;  // 7: nothing outside a bundle was given
}

}  // namespace
}  // namespace vlaq
