// How fast weights become codes, in bytes of float32 weights per second. The matrix is larger than the caches, as the
// weights of a policy are.
//   ninja -C build/vlaq benchmarks && build/vlaq/benchmarks/encode_benchmark
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "quantize/numerics/encode.h"

namespace vlaq::numerics {
namespace {

constexpr int64_t kRows = 4096, kColumns = 8192;  // 128 MiB

const Tensor& Weights() {
  static const Tensor weights = [] {
    Tensor tensor = Tensor::Make(DType::kF32, {kRows, kColumns});
    Random random(1);
    for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(random.Normal());
    return tensor;
  }();
  return weights;
}

struct Case {
  const char* name;
  WeightChoice choice;
};

const std::vector<Case>& Cases() {
  using enum Granularity;
  static const std::vector<Case> cases = {
      {"int8/tensor", {"w", NumericType::kInt8, kTensor, 0, 0, RangeMethod::kMinMax}},
      {"int8/channels_last", {"w", NumericType::kInt8, kChannel, 1, 0, RangeMethod::kMinMax}},
      {"int8/channels_first", {"w", NumericType::kInt8, kChannel, 0, 0, RangeMethod::kMinMax}},
      {"int8/tensor/mse", {"w", NumericType::kInt8, kTensor, 0, 0, RangeMethod::kMse}},
      {"int8/channels_last/mse", {"w", NumericType::kInt8, kChannel, 1, 0, RangeMethod::kMse}},
      {"int8/channels_first/mse", {"w", NumericType::kInt8, kChannel, 0, 0, RangeMethod::kMse}},
      {"int4/blocks_of_32_down", {"w", NumericType::kInt4, kBlock, 0, 32, RangeMethod::kMinMax}},
      {"int4/blocks_of_128_down", {"w", NumericType::kInt4, kBlock, 0, 128, RangeMethod::kMinMax}},
      {"int4/blocks_of_32_along", {"w", NumericType::kInt4, kBlock, 1, 32, RangeMethod::kMinMax}},
      {"int4/blocks_of_32_down/mse", {"w", NumericType::kInt4, kBlock, 0, 32, RangeMethod::kMse}},
  };
  return cases;
}

void Count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(Weights().bytes().size()));
}

void EncodeCase(benchmark::State& state, const WeightChoice& choice) {
  for (auto _ : state) benchmark::DoNotOptimize(Encode(Weights(), choice, static_cast<int>(state.range(0))));
  Count(state);
}

void MeasureCase(benchmark::State& state, const WeightChoice& choice) {
  const auto encoded = Encode(Weights(), choice, 4);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        Measure(Weights(), encoded->codes, encoded->scales, choice, static_cast<int>(state.range(0))));
  }
  Count(state);
}

void PackCase(benchmark::State& state, NumericType number) {
  const auto encoded = Encode(Weights(), {"w", number, Granularity::kBlock, 0, 32, RangeMethod::kMinMax}, 4);
  for (auto _ : state) benchmark::DoNotOptimize(PackNBits(*encoded, number, 32));
  Count(state);
}

void Register() {
  Weights();  // made now, not in the first benchmark
  for (const Case& each : Cases()) {
    for (const int threads : {1, 2}) {
      benchmark::RegisterBenchmark((std::string("encode/") + each.name).c_str(), EncodeCase, each.choice)
          ->Arg(threads)
          ->ArgName("threads")
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
  for (const size_t i : {size_t{1}, size_t{2}, size_t{6}}) {
    benchmark::RegisterBenchmark((std::string("measure/") + Cases()[i].name).c_str(), MeasureCase, Cases()[i].choice)
        ->Arg(1)
        ->ArgName("threads")
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  for (const NumericType number : {NumericType::kInt4, NumericType::kInt8}) {
    benchmark::RegisterBenchmark((std::string("pack_nbits/") + std::string(NumericTypeName(number))).c_str(), PackCase,
                                 number)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

}  // namespace
}  // namespace vlaq::numerics

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  vlaq::numerics::Register();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
