// Graphs that are functions, so that every number can be told beforehand, and what runs them. For tests of the
// executor.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/executor_testing.h"

namespace vlaq::runtime::testing {

inline Tensor Floats(std::vector<float> values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  return Tensor::From<float>(std::move(shape), std::span<const float>(values));
}

inline std::vector<float> ValuesOf(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

// h = h / 2 + x over the rows' first numbers: order, length and starting state all show.
inline float Recurrence(std::span<const float> firsts) {
  return std::accumulate(firsts.begin(), firsts.end(), 0.0F, [](float h, float x) { return h / 2 + x; });
}

// y = f(x), elementwise.
inline FakeGraph Elementwise(const Shape& dims, const std::function<float(float)>& f) {
  FakeGraph graph;
  graph.inputs = {F32("x", dims)};
  graph.outputs = {F32("y", dims)};
  graph.run = [f](const NamedTensors& inputs) -> Result<NamedTensors> {
    Tensor y = Tensor::From<float>(inputs.at("x").shape(), inputs.at("x").data<float>());
    for (float& v : y.mutable_data<float>()) v = f(v);
    return NamedTensors{{"y", y}};
  };
  return graph;
}

// y = x.
inline FakeGraph Identity(const Shape& dims) {
  return Elementwise(dims, [](float x) { return x; });
}

// y = a + 10 b, elementwise; shapes are a's.
inline FakeGraph Sum(const Shape& dims) {
  FakeGraph graph;
  graph.inputs = {F32("a", dims), F32("b", dims)};
  graph.outputs = {F32("y", dims)};
  graph.run = [](const NamedTensors& inputs) -> Result<NamedTensors> {
    Tensor y = Tensor::From<float>(inputs.at("a").shape(), inputs.at("a").data<float>());
    const auto b = inputs.at("b").data<float>();
    for (size_t i = 0; i < b.size(); ++i) y.mutable_data<float>()[i] += 10 * b[i];
    return NamedTensors{{"y", y}};
  };
  return graph;
}

// Keeps what it saw.
class Recorder : public Probe {
 public:
  void See(std::string_view name, const Tensor& value) override { seen.emplace_back(name, value); }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& one : seen) names.push_back(one.first);
    return names;
  }
  std::vector<std::pair<std::string, Tensor>> seen;
};

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() { policy_.default_schedule = "only"; }

  // Input x of `shape` -> `steps` -> output y.
  void Use(Shape shape, std::vector<policy::Step> steps) {
    policy_.inputs = {StateInput("x", std::move(shape))};
    policy_.outputs = {ActionOutput("y", {-1})};
    policy_.schedules["only"] = std::move(steps);
  }
  void Add(const std::string& name, FakeGraph graph, std::map<std::string, std::string> inputs,
           std::map<std::string, std::string> outputs) {
    graphs_[name] = std::move(graph);
    policy_.graphs[name] = {name + ".onnx", std::move(inputs), std::move(outputs)};
  }
  // A frame x [2] is encoded to its double; the action [2] is the recurrence over the last `length` features.
  void UseStreaming(int64_t length) {
    Use({2}, {RunOf("encoder"), Window("feature", length, "features"), RunOf("head")});
    Add("encoder", Elementwise({-1, 2}, [](float x) { return 2 * x; }), {{"x", "x"}}, {{"y", "feature"}});
    FakeGraph head;
    head.inputs = {F32("features", {-1, -1, 2})};
    head.outputs = {F32("actions", {-1, 2})};
    head.run = [](const NamedTensors& inputs) -> Result<NamedTensors> {
      const auto features = inputs.at("features").data<float>();
      std::vector<float> firsts;
      for (size_t i = 0; i < features.size(); i += 2) firsts.push_back(features[i]);
      return NamedTensors{{"actions", Floats({Recurrence(firsts), features.back()}, {1, 2})}};
    };
    Add("head", std::move(head), {{"features", "features"}}, {{"actions", "y"}});
  }

  Executor Open(uint64_t seed = 0) {
    auto executor = Executor::Open(policy_, "", OpenerOf(graphs_), seed);
    EXPECT_TRUE(executor.ok()) << executor.error().ToString();
    return std::move(*executor);
  }
  std::string OpenError(ErrorCode code = ErrorCode::kInput) {
    const auto executor = Executor::Open(policy_, "", OpenerOf(graphs_));
    EXPECT_FALSE(executor.ok());
    if (executor.ok()) return "";
    EXPECT_EQ(executor.error().code, code);
    return executor.error().ToString();
  }
  static std::vector<float> Step(Executor& executor, std::vector<float> x) {
    const auto outputs = executor.Step({{"x", Floats(std::move(x))}});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return outputs.ok() ? ValuesOf(outputs->at("y")) : std::vector<float>();
  }
  static std::string StepError(Executor& executor, const NamedTensors& inputs, ErrorCode code) {
    const auto outputs = executor.Step(inputs);
    EXPECT_FALSE(outputs.ok());
    if (outputs.ok()) return "";
    EXPECT_EQ(outputs.error().code, code) << outputs.error().ToString();
    return outputs.error().ToString();
  }

  policy::Policy policy_;
  FakeGraphs graphs_;
};

}  // namespace vlaq::runtime::testing
