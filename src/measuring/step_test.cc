// What a step computes, and what it finds ready.
#include "measuring/step.h"

#include <gtest/gtest.h>

#include "architecture/testing.h"
#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/export.h"
#include "measuring/inputs.h"

namespace vlaq::measuring {
namespace {

// Counts the runs of every graph that it opens.
class CountingBackend : public backend::Backend {
 public:
  explicit CountingBackend(const backend::Backend& below) : below_(below) {}
  std::string_view name() const override { return below_.name(); }
  std::string_view description() const override { return below_.description(); }
  Status Available() const override { return below_.Available(); }
  std::string Version() const override { return below_.Version(); }
  Result<std::unique_ptr<backend::OpenedModel>> Open(const backend::ModelSource& source,
                                                     const backend::OpenOptions& options) const override {
    VLAQ_ASSIGN_OR_RETURN(auto model, below_.Open(source, options));
    return std::unique_ptr<backend::OpenedModel>(std::make_unique<Counted>(std::move(model), runs));
  }

  mutable int runs = 0;

 private:
  class Counted : public backend::OpenedModel {
   public:
    Counted(std::unique_ptr<backend::OpenedModel> model, int& runs) : model_(std::move(model)), runs_(runs) {}
    const std::vector<backend::Port>& inputs() const override { return model_->inputs(); }
    const std::vector<backend::Port>& outputs() const override { return model_->outputs(); }
    Result<backend::NamedTensors> Run(const backend::NamedTensors& inputs) override {
      ++runs_;
      return model_->Run(inputs);
    }
    std::string Description() const override { return model_->Description(); }

   private:
    std::unique_ptr<backend::OpenedModel> model_;
    int& runs_;
  };

  const backend::Backend& below_;
};

TEST(StreamingStep, TheNewestFrameIsEncodedOnceAndWithinTheStep) {
  const TemporaryFolder folder;
  const architecture::testing::TinyPolicy policy;
  exporting::ExportOptions options;
  options.checkpoint = policy.Save(folder.path());
  options.output = folder.path() / "bundle";
  options.settings.config = folder.path() / "config.json";
  options.settings.policy = folder.path() / "policy.json";
  const auto report = exporting::Export(options, SilentLog());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  const auto window = static_cast<int>(report->bundle.spec.window);
  const auto reference = backend::MakeReferenceBackend();
  const CountingBackend backend(*reference);
  auto step = OpenStreamingStep(report->bundle, backend, {}, NoiseFrames(8, window + 4, 3));
  ASSERT_TRUE(step.ok()) << step.error().ToString();

  ASSERT_TRUE((*step)->Prepare(window).ok());
  EXPECT_EQ(backend.runs, window - 1) << "the other frames of the window, and not the newest";
  ASSERT_TRUE((*step)->Act(window).ok());
  EXPECT_EQ(backend.runs, window + 1) << "the newest frame, and the head";
  ASSERT_TRUE((*step)->Prepare(window + 1).ok());
  EXPECT_EQ(backend.runs, window + 1) << "nothing is left to prepare";
  ASSERT_TRUE((*step)->Act(window + 1).ok());
  EXPECT_EQ(backend.runs, window + 3);
}

}  // namespace
}  // namespace vlaq::measuring
