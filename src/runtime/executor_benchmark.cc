// What the executor costs above its graphs: a streaming step with graphs that return at once, and these graphs alone.
//   ninja -C build/ci executor_benchmark && build/ci/src/runtime/executor_benchmark
#include <benchmark/benchmark.h>

#include "runtime/executor.h"
#include "runtime/executor_testing.h"

namespace vlaq::runtime {
namespace {

constexpr int64_t kWindowLength = 8, kFeatureWidth = 2048;

void StreamingStep(benchmark::State& state) {
  testing::FakeGraphs graphs;
  const policy::Policy policy = testing::StreamingOfNothing(graphs, kWindowLength, kFeatureWidth);
  auto executor = Executor::Open(policy, "", testing::OpenerOf(graphs));
  const NamedTensors inputs = testing::StreamingInputs();
  for (auto _ : state) {
    const auto outputs = executor->Step(inputs);
    if (!outputs.ok()) return state.SkipWithError(outputs.error().ToString().c_str());
    benchmark::DoNotOptimize(outputs->begin()->second.bytes().data());
  }
}
BENCHMARK(StreamingStep);

// The same into outputs that are used again.
void StreamingStepInto(benchmark::State& state) {
  testing::FakeGraphs graphs;
  const policy::Policy policy = testing::StreamingOfNothing(graphs, kWindowLength, kFeatureWidth);
  auto executor = Executor::Open(policy, "", testing::OpenerOf(graphs));
  const NamedTensors inputs = testing::StreamingInputs();
  NamedTensors outputs;
  for (auto _ : state) {
    const Status done = executor->StepInto(inputs, outputs);
    if (!done.ok()) return state.SkipWithError(done.error().ToString().c_str());
    benchmark::DoNotOptimize(outputs.begin()->second.bytes().data());
  }
}
BENCHMARK(StreamingStepInto);

// The same graphs with inputs that are ready.
void GraphsAlone(benchmark::State& state) {
  testing::FakeGraphs graphs;
  testing::StreamingOfNothing(graphs, kWindowLength, kFeatureWidth);
  testing::FakeModel encoder(graphs[testing::kSees]);
  testing::FakeModel head(graphs[testing::kActs]);
  const NamedTensors of_encoder{{testing::kPicturePort, Tensor::Make(DType::kF32, {1, 3, 224, 224})},
                                {"input_ids", Tensor::Make(DType::kI64, {1, 77})}};
  const NamedTensors of_head{{testing::kWindowPort, Tensor::Make(DType::kF32, {1, kWindowLength, kFeatureWidth})}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(encoder.Run(of_encoder));
    benchmark::DoNotOptimize(head.Run(of_head));
  }
}
BENCHMARK(GraphsAlone);

// A window of pixels, 8 times 600 kB, as the whole graph takes it.
void WindowOfPixels(benchmark::State& state) {
  testing::FakeGraphs graphs;
  policy::Policy policy = testing::StreamingOfNothing(graphs, kWindowLength, kFeatureWidth);
  graphs[testing::kActs].inputs = {testing::F32(testing::kWindowPort, {-1, -1, 3, 224, 224})};
  policy.schedules["streaming"] = {testing::Window("observation.images.front", kWindowLength, testing::kWindowPort),
                                   testing::RunOf(testing::kActs)};
  auto executor = Executor::Open(policy, "", testing::OpenerOf(graphs));
  const NamedTensors inputs = testing::StreamingInputs();
  for (auto _ : state) {
    const auto outputs = executor->Step(inputs);
    if (!outputs.ok()) return state.SkipWithError(outputs.error().ToString().c_str());
  }
}
BENCHMARK(WindowOfPixels);

}  // namespace
}  // namespace vlaq::runtime

BENCHMARK_MAIN();
