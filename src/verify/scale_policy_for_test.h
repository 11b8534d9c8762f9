// Policies of one small graph as a bundle in a folder, for tests that play them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "policy/testing.h"

namespace vlaq::verify {

// y = x * scale, both [1, 2].
inline void WriteScaleGraph(const std::filesystem::path& file, float scale) {
  onnx::GraphBuilder b("g");
  const std::vector<onnx::Dim> dims{onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)};
  const std::string x = b.Input("x", DType::kF32, dims);
  const Tensor factor = Tensor::From<float>({1, 2}, std::vector<float>{scale, scale});
  b.Output(b.Op("Mul", {x, b.Constant("scale", factor)}), "y", DType::kF32, dims);
  std::ofstream(file, std::ios::binary) << *onnx::Serialize(onnx::MakeModel(*b.Finish(), "test"));
}

// Makes `bundle` in `folder` one of a schedule `name`, which runs a graph of that name, action = state * scale, or adds
// it. "state" and "action" are [2]; the first schedule is the default one.
inline void AddScale(const std::filesystem::path& folder, const std::string& name, float scale,
                     bundle::Bundle& bundle) {
  policy::Policy& policy = bundle.policy;
  bundle.path = folder;
  bundle.graphs[name].file = name + ".onnx";
  WriteScaleGraph(folder / bundle.graphs[name].file, scale);
  policy.graphs[name] = {bundle.graphs[name].file, {{"x", "state"}}, {{"y", "action"}}};
  policy.schedules[name] = {policy::testing::RunStep(name)};
  if (!policy.inputs.empty()) return;
  policy.family = "onnx";
  policy.inputs.resize(1);
  policy.inputs[0].name = "state";
  policy.inputs[0].shape = {2};
  policy.outputs.resize(1);
  policy.outputs[0].name = "action";
  policy.outputs[0].shape = {2};
  policy.default_schedule = name;
}

}  // namespace vlaq::verify
