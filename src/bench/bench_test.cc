// A benchmark without a command line and without other processes.
#include "bench/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/testing.h"
#include "tensor/tensor.h"

namespace vlaq::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BenchCallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = exporting::testing::ExportTiny(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    bundle_ = std::move(*opened);
  }

  BenchRequest Request() const {
    BenchRequest request;
    request.settings.protocol = harness::Protocol::kPublished;
    request.settings.settle_ns = 0;
    request.inputs.steps = 3;
    for (const auto& [name, schedule] : {std::pair("usual", ""), std::pair("anew", "whole")}) {
      auto subject = BundleSubject(name, bundle_, schedule, *backend_, {});
      EXPECT_TRUE(subject.ok());
      if (subject.ok()) request.subjects.push_back(std::move(*subject));
    }
    return request;
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
  std::unique_ptr<backend::Backend> backend_ = backend::MakeReferenceBackend();
};

TEST_F(BenchCallTest, MeasuresSchedulesOfABundle) {
  const auto results = Bench(Request(), SilentLog());
  ASSERT_TRUE(results.ok()) << results.error().ToString();
  ASSERT_EQ(results->subjects.size(), 2U);
  const auto& usual = results->subjects[0];
  const auto& anew = results->subjects[1];
  EXPECT_EQ(usual.mode, bundle_.policy.default_schedule);
  EXPECT_EQ(anew.mode, "whole");
  EXPECT_EQ(usual.kind, "bundle");
  for (const auto* subject : {&usual, &anew}) {
    EXPECT_EQ(subject->summary.n, 20U);
    EXPECT_GT(subject->summary.median_ns, 0);
    EXPECT_GT(subject->ready.parameters.value_or(0), 1000);
    EXPECT_FALSE(subject->files.empty());
  }
  ASSERT_TRUE(anew.outputs);
  EXPECT_LT(anew.outputs->largest, 1e-4) << "both make the same actions";
  ASSERT_EQ(results->comparisons.size(), 1U);
  EXPECT_EQ(results->settings.frames, 3);
  EXPECT_THAT(results->settings.inputs, HasSubstr("3 frames of seeded noise"));
  EXPECT_EQ(results->settings.period_ns, static_cast<int64_t>(1e9 * bundle_.policy.control.period_s));
}

TEST_F(BenchCallTest, SweepsOverBatchesOfWhatKeepsNothing) {
  BenchRequest request = Request();
  request.sweep_batches = {1, 2};
  auto refused = Bench(request, SilentLog());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("'usual' streams"));
  request.subjects.erase(request.subjects.begin());
  const auto results = Bench(request, SilentLog());
  ASSERT_TRUE(results.ok()) << results.error().ToString();
  ASSERT_EQ(results->sweeps.size(), 1U);
  EXPECT_EQ(results->sweeps[0].axis, "batch");
  EXPECT_EQ(results->sweeps[0].points.size(), 2U);
}

class ZeroFrames : public GivenInputs {
 public:
  explicit ZeroFrames(const policy::Input& input) : input_(input) {}
  bool Gives(const std::string& input) const override { return input == input_.name; }
  size_t size() const override { return 2; }
  Result<backend::NamedTensors> Read(size_t /*index*/) const override {
    return backend::NamedTensors{{input_.name, Tensor::Make(input_.dtype, input_.shape)}};
  }
  std::string From() const override { return "a test"; }

 private:
  policy::Input input_;
};

TEST_F(BenchCallTest, TakesWhatIsGiven) {
  BenchRequest request = Request();
  request.inputs.open_given = [](const std::vector<policy::Input>& inputs) -> Result<std::unique_ptr<GivenInputs>> {
    return std::unique_ptr<GivenInputs>(std::make_unique<ZeroFrames>(inputs.at(0)));
  };
  const auto results = Bench(request, SilentLog());
  ASSERT_TRUE(results.ok()) << results.error().ToString();
  EXPECT_EQ(results->settings.frames, 2);
  EXPECT_EQ(results->settings.inputs, "2 frames of a test");
}

TEST_F(BenchCallTest, RefusesWhatCannotBeCompared) {
  EXPECT_THAT(BundleSubject("x", bundle_, "no_such", *backend_, {}).error().ToString(),
              ::testing::AllOf(HasSubstr("no schedule 'no_such'"), HasSubstr("streaming, whole")));
  BenchRequest request = Request();
  request.subjects[1].name = "usual";
  EXPECT_THAT(Bench(request, SilentLog()).error().ToString(), HasSubstr("two subjects are called 'usual'"));
  request.subjects.clear();
  EXPECT_FALSE(Bench(request, SilentLog()).ok());
}

}  // namespace
}  // namespace vlaq::bench
