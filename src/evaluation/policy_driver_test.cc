// What is known of a policy before it drives. That it drives is tested with real bundles (tests/cli, tests/driving).
#include "evaluation/policy_driver.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/hash.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/testing.h"

namespace vlaq::evaluation {
namespace {

// A back end that is named and never used.
class NamedBackend : public backend::Backend {
 public:
  std::string_view name() const override { return "named"; }
  std::string_view description() const override { return "for tests"; }
  Status Available() const override { return {}; }
  std::string Version() const override { return "0"; }
  Result<std::unique_ptr<backend::OpenedModel>> Open(const backend::ModelSource&,
                                                     const backend::OpenOptions&) const override {
    return Error{ErrorCode::kBackend, "never opened", "", ""};
  }
};

TEST(PolicyDriverFactory, SaysWhoDrives) {
  const TemporaryFolder folder;
  const std::string manifest = "{\"policy\": 1}";
  const auto path = folder.path() / "policy.json";
  ASSERT_TRUE(WriteFile(path, manifest, Existing::kRefuse).ok());
  bundle::Bundle bundle;
  bundle.path = folder.path();
  bundle.policy.inputs.resize(1);
  bundle.policy.inputs[0].name = "camera";
  bundle.policy.inputs[0].type = policy::InputType::kImage;
  bundle.policy.outputs.resize(1);
  bundle.policy.outputs[0].shape = {1, 2};
  const NamedBackend backend;
  const auto factory = PolicyDriverFactory::Open(bundle, backend, {.threads = 1, .provider = "abacus"});
  ASSERT_TRUE(factory.ok()) << factory.error().ToString();
  EXPECT_FALSE((*factory)->follows_instructions());
  const auto subject = (*factory)->Describe("bundle", "mini");
  ASSERT_TRUE(subject.ok()) << subject.error().ToString();
  EXPECT_EQ(*subject, (Subject{"bundle", "mini", Sha256Hex(AsBytes(manifest)), "", "named, abacus"}));
  std::filesystem::remove(path);
  EXPECT_EQ((*factory)->Describe("bundle", "mini").error().code, ErrorCode::kInput);
}

TEST(PolicyDriverFactory, RefusesWhatHasNoCameraOrNoVelocities) {
  const NamedBackend backend;
  const auto error = [&](policy::InputType type, const Shape& action) {
    bundle::Bundle bundle;
    bundle.policy.inputs.resize(2);
    bundle.policy.inputs[0].name = "camera";
    bundle.policy.inputs[0].type = policy::InputType::kImage;
    bundle.policy.inputs[1].name = "joints";
    bundle.policy.inputs[1].type = type;
    bundle.policy.outputs.resize(1);
    bundle.policy.outputs[0].shape = action;
    const auto factory = PolicyDriverFactory::Open(bundle, backend, {});
    return factory.ok() ? std::string("drives") : factory.error().ToString();
  };
  EXPECT_EQ(error(policy::InputType::kNoise, {1, 2}), "drives");
  EXPECT_NE(error(policy::InputType::kState, {1, 2}).find("also observes joints"), std::string::npos);
  EXPECT_NE(error(policy::InputType::kNoise, {50, 7}).find("gives '' [50, 7]"), std::string::npos);
  EXPECT_NE(error(policy::InputType::kNoise, {2}).find("[2]"), std::string::npos);
}

TEST(DriversThatFit, IsBoundByMemoryAndByWhatIsWanted) {
  constexpr uint64_t kGb = 1'000'000'000;
  bundle::Bundle bundle;
  bundle.weights.bytes = 7 * kGb;
  EXPECT_EQ(DriversThatFit(bundle, 4, 16 * kGb), 2);
  EXPECT_EQ(DriversThatFit(bundle, 4, 80 * kGb), 4);
  EXPECT_EQ(DriversThatFit(bundle, 4, kGb), 1) << "one must do";
  EXPECT_EQ(DriversThatFit(bundle, 0, 80 * kGb), 1);
  bundle.weights.bytes = 4'000'000;
  EXPECT_EQ(DriversThatFit(bundle, 64, 64 * kGb), 64);
  EXPECT_EQ(DriversThatFit(bundle, 4, std::numeric_limits<uint64_t>::max()), 4);
}

class Notes : public Log {
 public:
  void Warning(std::string_view /*text*/) override {}
  void Note(std::string_view text) override { notes.emplace_back(text); }
  void Progress(std::string_view /*what*/, uint64_t /*done*/, uint64_t /*total*/) override {}
  std::vector<std::string> notes;
};

TEST(SideBySide, DoesWhatIsAskedAndSaysWhenMemoryIsShort) {
  Notes log;
  bundle::Bundle bundle;
  EXPECT_EQ(SideBySide(bundle, 7, log), 7);
  EXPECT_TRUE(log.notes.empty());
  bundle.weights.bytes = uint64_t{1} << 60U;  // no machine holds it
  EXPECT_EQ(SideBySide(bundle, 0, log), 1);
  EXPECT_EQ(log.notes.size(), HardwareThreads() > 1 ? 1U : 0U);
}

}  // namespace
}  // namespace vlaq::evaluation
