// What is known of a policy before it drives. That it drives is tested with real bundles (tests/cli, tests/driving).
#include "evaluate/bundle_policy.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/hash.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/testing.h"

namespace vlaq::evaluate {
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

TEST(BundlePolicyFactory, SaysWhoDrives) {
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
  const auto factory = BundlePolicyFactory::Open(bundle, backend, {.threads = 1, .provider = "abacus"});
  ASSERT_TRUE(factory.ok()) << factory.error().ToString();
  EXPECT_FALSE((*factory)->follows_instructions());
  const auto subject = (*factory)->Describe("bundle", "mini");
  ASSERT_TRUE(subject.ok()) << subject.error().ToString();
  EXPECT_EQ(*subject, (PolicyIdentity{"bundle", "mini", Sha256Hex(AsBytes(manifest)), "", "named, abacus"}));
  std::filesystem::remove(path);
  EXPECT_EQ((*factory)->Describe("bundle", "mini").error().code, ErrorCode::kInput);
}

TEST(BundlePolicyFactory, TakesAnyObservationsAndAnyAction) {
  const NamedBackend backend;
  const auto open = [&](policy::InputType type, const Shape& action) {
    bundle::Bundle bundle;
    bundle.policy.inputs.resize(1);
    bundle.policy.inputs[0].name = "joints";
    bundle.policy.inputs[0].type = type;
    bundle.policy.outputs.resize(1);
    bundle.policy.outputs[0].name = "y";
    bundle.policy.outputs[0].shape = action;
    return BundlePolicyFactory::Open(bundle, backend, {});
  };
  EXPECT_NE(open(policy::InputType::kNoise, {1, 2}).error().ToString().find("neither pictures nor states"),
            std::string::npos);
  EXPECT_NE(open(policy::InputType::kState, {2, 3, 4}).error().ToString().find("'y' is [2, 3, 4]"), std::string::npos);
  EXPECT_NE(open(policy::InputType::kState, {-1, 4}).error().ToString().find("'y' is [-1, 4]"), std::string::npos);
  const auto chunks = open(policy::InputType::kState, {50, 7});
  ASSERT_TRUE(chunks.ok());
  EXPECT_EQ((*chunks)->space().chunk, 50);
  EXPECT_EQ((*chunks)->space().action_dim, 7);
  EXPECT_FALSE((*chunks)->space().clipped);
  const auto one = open(policy::InputType::kImage, {7});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ((*one)->space().chunk, 1);
  EXPECT_EQ((*one)->space().action_dim, 7);
}

TEST(BundlePolicyFactory, ActionsMeanWhatTheOutputSays) {
  const NamedBackend backend;
  const auto space = [&](policy::NormalizationMode mode, std::vector<double> a, std::vector<double> b) {
    bundle::Bundle bundle;
    bundle.policy.inputs.resize(1);
    bundle.policy.inputs[0].name = "joints";
    bundle.policy.outputs.resize(1);
    bundle.policy.outputs[0].shape = {1, 2};
    bundle.policy.outputs[0].unnormalize = {mode, std::move(a), std::move(b)};
    return (*BundlePolicyFactory::Open(bundle, backend, {}))->space();
  };
  const ActionSpace scaled = space(policy::NormalizationMode::kScale, {2}, {});
  EXPECT_EQ(scaled.InUnits(1, 0.5), 1);
  EXPECT_EQ(scaled.Normalized(1, 3), 1) << "clipped";
  EXPECT_EQ(scaled.ScaleText(), "1 is 2 recorded units");
  const ActionSpace standard = space(policy::NormalizationMode::kMeanStd, {1, 10}, {2, 4});
  EXPECT_EQ(standard.InUnits(1, 0.5), 12);
  EXPECT_EQ(standard.Normalized(1, 22), 3);
  const ActionSpace ranged = space(policy::NormalizationMode::kMinMax, {0}, {2, 4});
  EXPECT_EQ(ranged.InUnits(0, -1), 0);
  EXPECT_EQ(ranged.InUnits(1, 1), 4);
  EXPECT_EQ(ranged.ScaleText(), "in the policy's normalization");
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

TEST(ChooseParallelism, DoesWhatIsAskedAndSaysWhenMemoryIsShort) {
  Notes log;
  bundle::Bundle bundle;
  EXPECT_EQ(ChooseParallelism(bundle, 7, log), 7);
  EXPECT_TRUE(log.notes.empty());
  bundle.weights.bytes = uint64_t{1} << 60U;  // no machine holds it
  EXPECT_EQ(ChooseParallelism(bundle, 0, log), 1);
  EXPECT_EQ(log.notes.size(), HardwareThreads() > 1 ? 1U : 0U);
}

}  // namespace
}  // namespace vlaq::evaluate
