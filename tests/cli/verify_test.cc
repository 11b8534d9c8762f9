// verify can fail, and says where.
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Verify : public CliTest {
 protected:
  // Exit code 5 with the first failure on stderr; `check` is among the failed ones.
  static void ExpectCaught(const std::string& bundle, const std::string& check, const std::string& detail) {
    const Ran ran = Vlaq({"verify", bundle, "--against", Checkpoint(), "--json"});
    EXPECT_EQ(ran.exit_code, 5) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("verification failed at"));
    const Json json = ran.json();
    EXPECT_FALSE(json["passed"].get<bool>());
    bool found = false;
    for (const Json& row : json.at("checks")) {
      if (row["passed"].get<bool>() || row["name"] != check) continue;
      found = true;
      EXPECT_THAT(row["detail"].get<std::string>(), HasSubstr(detail));
    }
    EXPECT_TRUE(found) << check << " did not fail:\n" << ran.out;
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

TEST_F(Verify, AcceptsTheRealThing) {
  const Ran against = Vlaq({"verify", Bundle(), "--against", Checkpoint(), "--json"});
  EXPECT_EQ(against.exit_code, 0) << against.err;
  EXPECT_EQ(against.json()["schema"], "vlaq.verify/1");
  EXPECT_DOUBLE_EQ(against.json()["reached_fraction"].get<double>(), 1);
  const Ran alone = Vlaq({"verify", Bundle()});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_THAT(alone.out, HasSubstr("verified"));
}

TEST_F(Verify, NamesAChangedWeight) {
  const std::string bundle = Copy("changed");
  std::string weights = Content(bundle + "/weights.bin");
  weights[Range("text_model.model.layers.5.ffn.fc1.weight").first + 2] ^= 1;
  Overwrite(bundle + "/weights.bin", weights);
  ExpectCaught(bundle, "files", "weights.bin");
  ExpectCaught(bundle, "weights", "text_model.model.layers.5.ffn.fc1.weight");
  const Ran alone = Vlaq({"verify", bundle});  // without the checkpoint, too
  EXPECT_EQ(alone.exit_code, 5);
  EXPECT_THAT(alone.out, HasSubstr("text_model.model.layers.5.ffn.fc1.weight"));
}

TEST_F(Verify, NamesSwappedGates) {
  const std::string bundle = Copy("swapped");
  std::string weights = Content(bundle + "/weights.bin");
  const auto [offset, length] = Range("rnn.weight_hh_l2");
  const size_t gate = length / 4;
  const std::string first = weights.substr(offset, gate);
  weights.replace(offset, gate, weights.substr(offset + gate, gate));
  weights.replace(offset + gate, gate, first);
  Overwrite(bundle + "/weights.bin", weights);
  ExpectCaught(bundle, "weights", "rnn.weight_hh_l2");
}

TEST_F(Verify, NoticesStaleAndTruncatedWeights) {
  ASSERT_EQ(Vlaq({"synth", "checkpoint", "--seed", "2", "-o", In("other.pth")}).exit_code, 0);
  ASSERT_EQ(
      Vlaq({"export", In("other.pth"), "-o", In("other"), "--config", In("config.json"), "--policy", In("policy.json")})
          .exit_code,
      0);
  const std::string stale = Copy("stale");
  fs::copy_file(In("other/weights.bin"), stale + "/weights.bin", fs::copy_options::overwrite_existing);
  ExpectCaught(stale, "weights", "differs at byte");
  const std::string shorter = Copy("shorter");
  fs::resize_file(shorter + "/weights.bin", 1000);
  ExpectCaught(shorter, "structure", "weights.bin, which has 1000 bytes");
  fs::remove(shorter + "/weights.bin");
  ExpectCaught(shorter, "files", "weights.bin");
}

TEST_F(Verify, NoticesAStandInOfTheSameShape) {
  // Another policy's graph under the right name: same inputs and outputs, other inside.
  const std::string stand_in = Copy("stand_in");
  ASSERT_EQ(Export(In("pooled"), {"--feature-source", "mean_hidden", "--prompt-layout", "hf_processor"}).exit_code, 0);
  fs::copy_file(stand_in + "/head.onnx", stand_in + "/encoder.onnx", fs::copy_options::overwrite_existing);
  ExpectCaught(stand_in, "structure", "encoder");
  ExpectCaught(stand_in, "reach", "has no influence on the outputs");
}

TEST_F(Verify, GoldenFilesMustFit) {
  const Ran ran = Vlaq({"verify", Bundle(), "--golden", VLAQ_TESTDATA "/golden/mean_hidden/golden.safetensors"});
  EXPECT_EQ(ran.exit_code, 3) << ran.out << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("golden.safetensors"));
}

}  // namespace
}  // namespace vlaq
