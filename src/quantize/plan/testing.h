// Small graphs as bundles, and the statistics of running them, for tests of this module and of what it stands on.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "backend/reference/reference.h"
#include "base/random.h"
#include "base/testing.h"
#include "families/onnx/import.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "quantize/apply/quantize.h"
#include "quantize/calibrate/calibrate.h"
#include "quantize/calibrate/observed.h"
#include "quantize/plan/planner.h"
#include "runtime/open_policy.h"

namespace vlaq::plan::testing {

using backend::NamedTensors;

// Normal numbers times `scale`, a pure function of the seed.
inline Tensor RandomFloats(Shape shape, uint64_t seed, double scale = 1) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  Random random(seed);
  for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(scale * random.Normal());
  return tensor;
}

// x [1, 4, 8] -> norm -> q and k -> attention over four rows -> the sum with x -> a Gemm -> Relu -> the actions [1, 2].
inline onnx::Model SmallPolicy() {
  onnx::GraphBuilder b("g");
  const auto weight = [&](const std::string& name, Shape shape) {
    return b.Constant(name, RandomFloats(std::move(shape), name.size() * 31 + static_cast<uint64_t>(name.front())));
  };
  const auto x = b.Input("x", DType::kF32, {onnx::Dim::Fixed(1), onnx::Dim::Fixed(4), onnx::Dim::Fixed(8)});
  const auto norm = b.Op("LayerNormalization", {x, weight("gamma", {8}), weight("beta", {8})}, {}, "block/norm");
  const auto q = b.Op("MatMul", {norm, weight("wq", {8, 8})}, {}, "block/q/MatMul");
  const auto k = b.Op("MatMul", {norm, weight("wkey", {8, 8})}, {}, "block/k/MatMul");
  const auto turned = b.Op("Transpose", {k}, {{"perm", onnx::Ints{0, 2, 1}}}, "block/turned");
  const auto soft = b.Op("Softmax", {b.Op("MatMul", {q, turned}, {}, "block/scores")}, {}, "block/soft");
  const auto sum = b.Op("Add", {b.Op("MatMul", {soft, q}, {}, "block/mixed"), x}, {}, "block/sum");
  const auto rows = b.Op("Reshape", {sum, b.Constant(onnx::Ints{4, 8})}, {}, "rows");
  const auto fc = b.Op("Gemm", {rows, weight("wfc", {16, 8}), weight("bias", {16})}, {{"transB", 1}}, "fc/Gemm");
  const auto flat = b.Op("Reshape", {b.Op("Relu", {fc}, {}, "relu"), b.Constant(onnx::Ints{1, 64})}, {}, "flat");
  b.Output(b.Op("MatMul", {flat, weight("wactions", {64, 2})}, {}, "head/MatMul"), "action", DType::kF32,
           {onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)});
  auto graph = b.Finish();
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().ToString());
  return onnx::MakeModel(graph.ok() ? *std::move(graph) : onnx::Graph(), "test");
}

// Graphs imported as one bundle in a folder that lives as long as this.
class SmallBundle {
 public:
  using Models = std::vector<std::pair<std::string, onnx::Model>>;  // by the names of the graphs
  explicit SmallBundle(const onnx::Model& model) : SmallBundle(Models{{"policy", model}}) {}
  explicit SmallBundle(const Models& models) {
    importing::ImportOptions options;
    for (const auto& [name, model] : models) {
      options.files.push_back(folder_.path() / (name + ".onnx"));
      const auto bytes = onnx::Serialize(model);
      EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().ToString());
      if (!bytes.ok()) continue;
      EXPECT_TRUE(WriteFile(options.files.back(), *bytes, Existing::kRefuse).ok());
    }
    options.output = folder_.path() / "bundle";
    const auto report = importing::Import(options, SilentLog());
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().ToString());
    auto opened = bundle::Open(options.output);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().ToString());
    if (opened.ok()) bundle_ = *std::move(opened);
  }

  const bundle::Bundle& bundle() const { return bundle_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

  // The bundle that the plan makes of this one, in this folder. A failed test and an empty bundle if it does not.
  bundle::Bundle Quantized(const numerics::Plan& plan, const numerics::ActivationStatistics* statistics,
                           const std::string& name = "quantized") const {
    apply::QuantizeOptions options;
    options.bundle = bundle_.path;
    options.plan = plan;
    options.statistics = statistics;
    options.output = folder_.path() / name;
    options.threads = 1;
    auto report = apply::Quantize(options, SilentLog());
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().ToString());
    return report.ok() ? std::move(report->bundle) : bundle::Bundle();
  }

 private:
  TemporaryFolder folder_;
  bundle::Bundle bundle_;
};

// The outputs, and the `extra` values, of a bundle's only graph by the reference back end.
inline NamedTensors RunOnReference(const bundle::Bundle& bundle, const NamedTensors& inputs,
                                   const std::vector<std::string>& extra = {}) {
  const auto backend = backend::MakeReferenceBackend();
  auto model = runtime::OpenGraph(bundle, bundle.graphs.begin()->first, *backend, {}, extra);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().ToString());
  if (!model.ok()) return {};
  auto outputs = (*model)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << (outputs.ok() ? "" : outputs.error().ToString());
  return outputs.ok() ? *std::move(outputs) : NamedTensors();
}

// What a calibration with these inputs as its only sample would see of a bundle's only graph.
inline numerics::ActivationStatistics StatisticsOf(const bundle::Bundle& bundle, const NamedTensors& inputs) {
  numerics::ActivationStatistics statistics;
  statistics.source = calibrate::IdentityOf(bundle);
  statistics.samples = 1;
  const auto model = onnx::ReadModel(bundle.GraphPath(bundle.graphs.begin()->first));
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().ToString());
  if (!model.ok()) return statistics;
  const auto observed = calibrate::ObservedValues(model->graph);
  EXPECT_TRUE(observed.ok());
  std::vector<std::string> made;
  for (const calibrate::ObservedValue& value : *observed) {
    if (!value.is_input) made.push_back(value.name);
  }
  NamedTensors seen = RunOnReference(bundle, inputs, made);
  seen.insert(inputs.begin(), inputs.end());
  for (const calibrate::ObservedValue& value : *observed) {
    const Tensor& tensor = seen.at(value.name);
    std::array<calibrate::RunningStats, 2> halves;
    const size_t channels = tensor.shape().empty() ? 1 : static_cast<size_t>(tensor.shape().back());
    for (calibrate::RunningStats& half : halves) half.Add(tensor.data<float>(), value.detail, channels);
    statistics.values.emplace(value.name, calibrate::Finish(halves));
  }
  return statistics;
}

}  // namespace vlaq::plan::testing
