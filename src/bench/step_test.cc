// What a step computes, and what it finds ready.
#include "bench/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "bench/inputs.h"
#include "export/testing.h"
#include "policy/value_shapes.h"
#include "runtime/executor_testing.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"

namespace vlaq::bench {
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

TEST(Step, TheNewestFrameIsEncodedOnceAndWithinTheStep) {
  const TemporaryFolder folder;
  const auto bundle = exporting::testing::ExportTiny(folder.path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  const auto window = static_cast<int>(policy::LongestWindow(bundle->policy).value_or(1));
  const auto reference = backend::MakeReferenceBackend();
  const CountingBackend backend(*reference);
  StepSource source;
  source.policy = bundle->policy;
  source.open = [&](const std::string& graph) { return runtime::OpenGraph(*bundle, graph, backend, {}); };
  source.observed["frames"] = *MakeUp(source.policy.inputs[0], window + 4, 3, kMadeUpStream);
  auto text = runtime::OpenTextEncoder(*bundle, {});
  ASSERT_TRUE(text.ok());
  source.text = std::move(*text);
  auto step = OpenStep(source, 1);
  ASSERT_TRUE(step.ok()) << step.error().ToString();

  ASSERT_TRUE((*step)->Prepare(window).ok());
  const int prepared = backend.runs;
  EXPECT_EQ(prepared, window - 1 + 1) << "the other frames of the window and not the newest, and once the head";
  ASSERT_TRUE((*step)->Act(window).ok());
  EXPECT_EQ(backend.runs, prepared + 2) << "the newest frame, and the head";
  ASSERT_TRUE((*step)->Prepare(window + 1).ok());
  EXPECT_EQ(backend.runs, prepared + 2) << "nothing is left to prepare";
  ASSERT_TRUE((*step)->Act(window + 1).ok());
  EXPECT_EQ(backend.runs, prepared + 4);
  // Back to a frame whose window has been seen: nothing is made again but what belongs to the step.
  ASSERT_TRUE((*step)->Prepare(window).ok());
  EXPECT_EQ(backend.runs, prepared + 4);
  ASSERT_TRUE((*step)->Act(window).ok());
  EXPECT_EQ(backend.runs, prepared + 6);
}

using runtime::testing::FakeGraph;
using runtime::testing::FakeGraphs;

// Gives what it is given, plus what it remembers: s' = s + x, y = s'.
FakeGraph Summing() {
  FakeGraph graph;
  graph.inputs = {runtime::testing::F32("s", {1, 1}), runtime::testing::F32("x", {1, 1})};
  graph.outputs = {runtime::testing::F32("next", {1, 1}), runtime::testing::F32("y", {1, 1})};
  graph.run = [](const backend::NamedTensors& in) -> Result<backend::NamedTensors> {
    const float sum = in.at("s").data<float>()[0] + in.at("x").data<float>()[0];
    const Tensor made = Tensor::From<float>({1, 1}, std::vector<float>{sum});
    return backend::NamedTensors{{"next", made}, {"y", made}};
  };
  return graph;
}

StepSource SummingPolicy(FakeGraphs& graphs) {
  StepSource source;
  source.name = "sums";
  policy::Policy& p = source.policy;
  policy::Input x;
  x.name = "x";
  x.shape = {1};
  p.inputs = {x};
  policy::Output y;
  y.name = "y";
  y.shape = {1};
  p.outputs = {y};
  p.graphs["sum"] = {"", {{"s", "s"}, {"x", "x"}}, {{"next", "next"}, {"y", "y"}}};
  policy::Step carry;
  carry.kind = policy::StepKind::kCarry;
  carry.value = "next";
  carry.as = "s";
  carry.shape = {1, 1};
  policy::Step run;
  run.graph = "sum";
  p.schedules["only"] = {carry, run};
  p.default_schedule = "only";
  source.open = runtime::testing::OpenerOf(graphs);
  source.observed["x"] = Tensor::From<float>({4, 1}, std::vector<float>{1, 10, 100, 1000});
  return source;
}

float Acted(Step& step, int newest) {
  EXPECT_TRUE(step.Prepare(newest).ok());
  const auto outputs = step.Act(newest);
  EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
  return outputs.ok() ? outputs->at("y").data<float>()[0] : -1;
}

TEST(Step, WhatIsCarriedBeginsAtTheFirstObservation) {
  FakeGraphs graphs{{"sum", Summing()}};
  const auto step = OpenStep(SummingPolicy(graphs), 1);
  ASSERT_TRUE(step.ok()) << step.error().ToString();
  EXPECT_EQ(Acted(**step, 2), 111) << "from the middle";
  EXPECT_EQ(Acted(**step, 3), 1111);
  EXPECT_EQ(Acted(**step, 0), 1) << "round: a new episode";
  EXPECT_EQ(Acted(**step, 1), 11);
  EXPECT_EQ(Acted(**step, 1), 11) << "again";
  const int before = graphs.at("sum").runs;
  EXPECT_EQ(Acted(**step, 3), 1111) << "one was left out";
  EXPECT_EQ(graphs.at("sum").runs, before + 1) << "what it made of that one is known";
}

TEST(Step, AFailureIsForgotten) {
  FakeGraphs graphs{{"sum", Summing()}};
  const auto step = OpenStep(SummingPolicy(graphs), 1);
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(Acted(**step, 0), 1);
  ASSERT_TRUE((*step)->Prepare(1).ok());
  graphs.at("sum").fail_after = 0;
  EXPECT_FALSE((*step)->Act(1).ok());
  EXPECT_EQ(Acted(**step, 1), 11);
}

TEST(Step, WhatItObservesMustBeThereAndFit) {
  FakeGraphs graphs{{"sum", Summing()}};
  StepSource none = SummingPolicy(graphs);
  none.observed = {{"z", Tensor::Make(DType::kF32, {4, 1})}};
  const auto missing = OpenStep(none, 1);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().ToString(), ::testing::HasSubstr("the inputs hold no 'x'"));
  StepSource other = SummingPolicy(graphs);
  other.observed["x"] = Tensor::Make(DType::kF32, {4, 2});
  const auto unfit = OpenStep(other, 1);
  ASSERT_FALSE(unfit.ok());
  EXPECT_THAT(unfit.error().ToString(), ::testing::HasSubstr("takes 'x' as float32 [1], and is given float32 [2]"));
  const auto batch = OpenStep(SummingPolicy(graphs), 2);
  ASSERT_FALSE(batch.ok());
  EXPECT_THAT(batch.error().ToString(), ::testing::HasSubstr("no batch"));
}

}  // namespace
}  // namespace vlaq::bench
