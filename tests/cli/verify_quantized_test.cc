// verify of quantized bundles as users call it: what is right, seeded faults, labels that are not true.
#include <algorithm>
#include <cstring>

#include "bundle/bundle.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class VerifyQuantized : public CliTest {
 protected:
  void SetUp() override {
    if (fs::exists(In("int8"))) return;
    const Ran made = Vlaq({"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", In("int8")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  // A copy of the int8 bundle.
  static std::string CopyOf(const std::string& name) {
    fs::remove_all(In(name));
    fs::copy(In("int8"), In(name));
    return In(name);
  }

  // Makes policy.json believe in the weights as they are now.
  static void AcceptWeights(const std::string& bundle) {
    Json policy = Json::parse(Content(bundle + "/policy.json"));
    policy["weights"]["sha256"] = bundle::Describe(bundle + "/weights.bin")->sha256;
    Overwrite(bundle + "/policy.json", policy.dump());
  }

  static Ran Against(const std::string& bundle) {
    return Vlaq({"verify", bundle, "--reference", Bundle(), "--threads", "1", "--json"});
  }

  static std::vector<std::string> Failed(const Ran& ran) {
    std::vector<std::string> names;
    const Json document = ran.json();
    for (const Json& check : document["checks"]) {
      if (!check["passed"].get<bool>()) names.push_back(check["name"]);
    }
    return names;
  }
  static std::string Detail(const Ran& ran, const std::string& name) {
    const Json document = ran.json();
    for (const Json& check : document["checks"]) {
      if (check["name"] == name) return check["detail"];
    }
    return "no such check";
  }
};

TEST_F(VerifyQuantized, AcceptsWhatVlaqMade) {
  const std::string receipt = In("receipt.json");
  const Ran ran = Vlaq({"verify", In("int8"), "--reference", Bundle(), "--threads", "1", "-o", receipt});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  for (const char* check :
       {"operators", "accounted", "quantized weights", "actions against the source", "kernels", "bytes"}) {
    EXPECT_THAT(ran.out, HasSubstr(check));
  }
  const Json evidence = Json::parse(Content(receipt))["evidence"];
  EXPECT_EQ(evidence["bundle"]["precision"], "int8");
  EXPECT_EQ(evidence["bundle"]["plan"]["sha256"], bundle::Describe(In("int8") + "/plan.json")->sha256);
  EXPECT_EQ(evidence["reference_bundle"]["weights"]["sha256"], bundle::Describe(Bundle() + "/weights.bin")->sha256);
}

TEST_F(VerifyQuantized, WithoutItsSourceSaysWhatItCannotTell) {
  const Ran ran = Vlaq({"verify", In("int8"), "--threads", "1"});
  EXPECT_EQ(ran.exit_code, 7) << ran.out << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("NOT TESTABLE"), HasSubstr("give --reference SOURCE")));
  const Ran against = Vlaq({"verify", In("int8"), "--against", Checkpoint()});
  EXPECT_EQ(against.exit_code, 2);
  EXPECT_THAT(against.err, HasSubstr("--reference"));
}

TEST_F(VerifyQuantized, CatchesAScaleTimesFour) {
  const std::string bundle = CopyOf("scaled");
  std::string bytes = Content(bundle + "/weights.bin");
  std::string weight;
  const Json manifest = Json::parse(Content(bundle + "/weights.json"));
  for (const Json& record : manifest["weights"]) {
    const auto name = record["name"].get<std::string>();
    if (name.find("fc1") == std::string::npos || !name.ends_with("/scale")) continue;
    weight = name.substr(0, name.rfind('/'));
    float scale = 0;
    std::memcpy(&scale, bytes.data() + record["offset"].get<size_t>(), sizeof(scale));
    scale *= 4;
    std::memcpy(bytes.data() + record["offset"].get<size_t>(), &scale, sizeof(scale));
    break;
  }
  ASSERT_FALSE(weight.empty());
  Overwrite(bundle + "/weights.bin", bytes);
  AcceptWeights(bundle);
  const Ran ran = Against(bundle);
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(Failed(ran), ::testing::IsSupersetOf({"weights", "quantized weights"}));
  EXPECT_THAT(Detail(ran, "quantized weights"), AllOf(HasSubstr(weight), HasSubstr("channel 0")));
}

TEST_F(VerifyQuantized, CatchesALabelThatIsNotTrue) {
  fs::copy(Bundle(), In("label"));
  Json policy = Json::parse(Content(In("label/policy.json")));
  policy["precision"] = "int8";
  Overwrite(In("label/policy.json"), policy.dump());
  const Ran ran = Against(In("label"));
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(Failed(ran), ::testing::ElementsAre("bytes", "kernels", "kernels, whole graph"));
  EXPECT_THAT(Detail(ran, "kernels"), HasSubstr("not in int8"));
}

TEST_F(VerifyQuantized, CatchesAPlanThatCannotBeRead) {
  const std::string bundle = CopyOf("planless");
  Overwrite(bundle + "/plan.json", "{}");
  const Ran ran = Against(bundle);
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(Failed(ran), ::testing::IsSupersetOf({"files", "plan"}));
}

}  // namespace
}  // namespace vlaq
