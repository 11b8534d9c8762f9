// Random small networks, quantized in every format of every target, stay within what their formats lose at most.
//
// The bound of an operator's result, from the steps of its formats: with weights W off by at most dW, activations x off
// by e already and by dx more when they are quantized, and all of it without signs,
//
//     |y' - y| <= |x| dW + (e + dx) (|W| + dW)
//
// dW is half a step of the weight's scale (max|w| of what shares the scale / 127, or / 7 for four bits), 2^-11 |w| for
// float16; dx half a step of a fixed range, one step of a range found at run time (its zero point is rounded, too),
// 2^-11
// (|x| + e) for float16. Bounds go on through operators whose results change no more than their inputs, and through an
// LSTM by the slopes of its gates (at most 1/4 of a sigmoid, 1 of a tanh).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "onnx/graph_index.h"
#include "onnx/random_network_for_test.h"
#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::WeightChoice;
using testing::NamedTensors;
using testing::SmallBundle;

constexpr double kHalfRounding = 1.0 / 2048;    // of float16, relative
constexpr double kHalfTiny = 1.0 / (1 << 24U);  // and below its normal numbers
constexpr double kFloatRounding = 1e-5;         // of sums in float32, relative to the sum without signs

template <typename Function>
Tensor Map(const Tensor& tensor, Function function) {
  Tensor result = Tensor::Make(DType::kF32, tensor.shape());
  const auto from = tensor.data<float>();
  const auto to = result.mutable_data<float>();
  for (size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>(function(static_cast<double>(from[i])));
  return result;
}
template <typename Function>
Tensor Map(const Tensor& a, const Tensor& b, Function function) {
  Tensor result = Tensor::Make(DType::kF32, a.shape());
  const auto left = a.data<float>(), right = b.data<float>();
  const auto to = result.mutable_data<float>();
  for (size_t i = 0; i < left.size(); ++i) {
    to[i] = static_cast<float>(function(static_cast<double>(left[i]), static_cast<double>(right[i])));
  }
  return result;
}
Tensor Sum(const Tensor& a, const Tensor& b) {
  return Map(a, b, [](double x, double y) { return x + y; });
}
Tensor WithoutSigns(const Tensor& tensor) {
  return Map(tensor, [](double x) { return std::fabs(x); });
}
// What is lost when a value that is off by `error` is rounded to float16, added to that error.
Tensor Halved(const Tensor& value, const Tensor& error) {
  return Map(value, error, [](double v, double e) { return e + (std::fabs(v) + e) * kHalfRounding + kHalfTiny; });
}

// The most that each element of a stored weight is off.
Tensor WeightLoss(const Tensor& weight, const WeightChoice& choice) {
  if (choice.number == NumericType::kFloat32) return Map(weight, [](double) { return 0.0; });
  if (choice.number == NumericType::kFloat16) return Halved(weight, Map(weight, [](double) { return 0.0; }));
  const double levels = choice.number == NumericType::kInt4 ? 7 : 127;
  // Which scale an element has: all of a tensor one, or by index along the axis, or by block and the other indices.
  const Shape& shape = weight.shape();
  const auto axis = static_cast<size_t>(choice.axis);
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const auto scale_of = [&](int64_t at) -> std::pair<int64_t, int64_t> {
    const int64_t along = at / inner % shape[axis];
    if (choice.granularity == Granularity::kTensor) return {0, 0};
    if (choice.granularity == Granularity::kChannel) return {along, 0};
    return {along / choice.block, at % inner};
  };
  std::map<std::pair<int64_t, int64_t>, double> largest;
  const auto values = weight.data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    double& most = largest[scale_of(static_cast<int64_t>(i))];
    most = std::max(most, std::fabs(static_cast<double>(values[i])));
  }
  Tensor loss = Tensor::Make(DType::kF32, shape);
  const auto to = loss.mutable_data<float>();
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<float>(largest[scale_of(static_cast<int64_t>(i))] / levels / 2 * (1 + kFloatRounding));
  }
  return loss;
}

// Follows bounds through the source graph beside the numbers of a run of it.
class Bounds {
 public:
  Bounds(const onnx::Model& source, onnx::WeightFiles& files, const Plan& plan, const NamedTensors& values)
      : graph_(source.graph), index_(source.graph), files_(files), plan_(plan), values_(values) {}

  // The bound of the value at the end.
  Tensor Of(const std::string& output) {
    for (const onnx::Node& node : graph_.nodes) Follow(node);
    return errors_.at(output);
  }

 private:
  Tensor Value(const std::string& name) {
    const onnx::Initializer* initializer = index_.FindInitializer(name);
    return initializer == nullptr ? values_.at(name) : *files_.Load(*initializer);
  }
  Tensor ErrorOf(const std::string& name) {
    const auto found = errors_.find(name);
    if (found != errors_.end()) return found->second;
    return Map(Value(name), [](double) { return 0.0; });
  }
  static Tensor Run(const onnx::Node& node, const std::vector<Tensor>& inputs) {
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    const auto result = backend::EvaluateNode(node, pointers);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
    return result.ok() ? result->front() : Tensor();
  }

  // How far the activation of an operator is off once it is quantized.
  Tensor ActivationError(const std::string& name, const OperatorChoice* choice) {
    const Tensor value = Value(name);
    Tensor error = ErrorOf(name);
    if (choice == nullptr) return error;
    if (choice->form == Form::kHalf) return Halved(value, error);
    if (choice->form == Form::kStaticInt8) {
      const auto step = static_cast<double>(numerics::ScaleFor(*choice->activation->range, NumericType::kInt8).scale);
      return Map(error, [&](double e) { return e + step / 2 * (1 + kFloatRounding); });
    }
    if (choice->form != Form::kDynamicInt8) return error;
    double low = 0, high = 0;
    for (size_t i = 0; i < value.data<float>().size(); ++i) {
      const double v = static_cast<double>(value.data<float>()[i]), e = static_cast<double>(error.data<float>()[i]);
      low = std::min(low, v - e);
      high = std::max(high, v + e);
    }
    const double step = (high - low) / 255;
    return Map(error, [&](double e) { return e + step; });
  }

  void Follow(const onnx::Node& node) {
    const OperatorChoice* choice = plan_.Find(node.name);
    Tensor error;
    if (node.op_type == "LSTM") {
      error = OfLoop(node, choice);
    } else if (node.op_type == "Gather") {
      error = Run(node, {WeightLoss(Value(node.inputs[0]), choice->weights[0]), Value(node.inputs[1])});
    } else if (choice != nullptr) {
      error = OfProduct(node, *choice);
    } else if (node.op_type == "Reshape") {
      error = Run(node, {ErrorOf(node.inputs[0]), Value(node.inputs[1])});
    } else if (node.op_type == "Add") {
      error = Run(node, {Rounded(node.inputs[0]), Rounded(node.inputs[1])});
    } else {
      error = Rounded(node.inputs[0]);  // Relu and Tanh change no more than what they read
    }
    const bool half = plan_.rest == NumericType::kFloat16 || (choice != nullptr && choice->form == Form::kHalf);
    const Tensor value = Value(node.outputs[0]);
    errors_[node.outputs[0]] = half ? Halved(value, error) : error;
  }

  // As operators without weights read it.
  Tensor Rounded(const std::string& name) {
    return plan_.rest == NumericType::kFloat16 ? Halved(Value(name), ErrorOf(name)) : ErrorOf(name);
  }

  // The formula above; a bias in float16 is off by its own rounding.
  Tensor OfProduct(onnx::Node node, const OperatorChoice& choice) {
    const Tensor weight = Value(node.inputs[1]);
    const Tensor loss = WeightLoss(weight, choice.weights[0]);
    const Tensor x = WithoutSigns(Value(node.inputs[0]));
    const std::string bias = node.inputs.size() > 2 ? node.inputs[2] : "";
    const Tensor error = ActivationError(node.inputs[0], &choice);
    const Tensor reached = Sum(WithoutSigns(weight), loss);
    node.inputs.resize(2);
    const auto without_bias = [&](const Tensor& a, const Tensor& b) { return Run(node, {a, b}); };
    Tensor bound = Sum(without_bias(x, loss), without_bias(error, reached));
    bound = Map(bound, without_bias(x, reached), [](double e, double all) { return e + all * kFloatRounding; });
    if (bias.empty()) return bound;
    double largest = 0;
    for (const float b : Value(bias).data<float>()) largest = std::max(largest, std::fabs(static_cast<double>(b)));
    return Map(bound, [&](double e) { return e + largest * kHalfRounding + kHalfTiny; });
  }

  // X [T, 1, I] through W and R; ONNX's order of gates is i o f c.
  Tensor OfLoop(const onnx::Node& node, const OperatorChoice* choice) {
    const Tensor x = Value(node.inputs[0]), w = Value(node.inputs[1]), r = Value(node.inputs[2]);
    const Tensor dw = WeightLoss(w, choice->weights[0]), dr = WeightLoss(r, choice->weights[1]);
    const Tensor ex = ActivationError(node.inputs[0], choice);
    const auto steps = static_cast<size_t>(x.shape()[0]), inputs = static_cast<size_t>(x.shape()[2]);
    const auto width = static_cast<size_t>(r.shape()[2]);
    // The state lies between -1 and 1 and has a range found at run time, or float16.
    const double dh = choice->form == Form::kDynamicInt8 ? 2.0 / 255 : choice->form == Form::kHalf ? kHalfRounding : 0;
    const auto at = [](const Tensor& t, size_t i) { return static_cast<double>(t.data<float>()[i]); };
    std::vector<double> h(width), c(width), eh(width), ec(width);
    Tensor errors = Tensor::Make(DType::kF32, Value(node.outputs[0]).shape());
    for (size_t t = 0; t < steps; ++t) {
      std::vector<double> a(4 * width), ea(4 * width);
      for (size_t g = 0; g < 4 * width; ++g) {
        for (size_t i = 0; i < inputs; ++i) {
          const double value = at(x, t * inputs + i), weight = at(w, g * inputs + i), loss = at(dw, g * inputs + i);
          a[g] += value * weight;
          ea[g] += std::fabs(value) * loss + at(ex, t * inputs + i) * (std::fabs(weight) + loss);
        }
        for (size_t i = 0; i < width; ++i) {
          const double weight = at(r, g * width + i), loss = at(dr, g * width + i);
          a[g] += h[i] * weight;
          ea[g] += std::fabs(h[i]) * loss + (eh[i] + dh) * (std::fabs(weight) + loss);
        }
        ea[g] = ea[g] * (1 + kFloatRounding) + kFloatRounding;
        if (choice->form == Form::kHalf) ea[g] += (std::fabs(a[g]) + ea[g]) * 4 * kHalfRounding;
      }
      for (size_t k = 0; k < width; ++k) {
        const auto gate = [&](size_t number) { return 1 / (1 + std::exp(-a[number * width + k])); };
        const auto gate_error = [&](size_t number) { return std::min(1.0, ea[number * width + k] / 4); };
        const double i = gate(0), o = gate(1), f = gate(2), n = std::tanh(a[3 * width + k]);
        const double ei = gate_error(0), eo = gate_error(1), ef = gate_error(2);
        const double en = std::min(2.0, ea[3 * width + k]);
        ec[k] = f * ec[k] + std::fabs(c[k]) * ef + ef * ec[k] + i * en + std::fabs(n) * ei + ei * en;
        c[k] = f * c[k] + i * n;
        eh[k] = o * ec[k] + std::fabs(std::tanh(c[k])) * eo + eo * ec[k];
        h[k] = o * std::tanh(c[k]);
        errors.mutable_data<float>()[t * width + k] = static_cast<float>(eh[k] + kFloatRounding);
      }
    }
    return errors;
  }

  const onnx::Graph& graph_;
  onnx::GraphIndex index_;
  onnx::WeightFiles& files_;
  const Plan& plan_;
  const NamedTensors& values_;
  std::map<std::string, Tensor> errors_;
};

// A network with a run of it, and what becomes of it in plans.
class Network {
 public:
  explicit Network(uint64_t seed) : random_(seed), made_(random_.Make()), inputs_(random_.Inputs()) {
    auto model = onnx::ReadModel(made_.bundle().GraphPath("policy"));
    EXPECT_TRUE(model.ok());
    if (model.ok()) source_ = *std::move(model);
    std::vector<std::string> inner;
    for (const onnx::Node& node : source_.graph.nodes) {
      for (const std::string& output : node.outputs) {
        if (output != "y") inner.push_back(output);
      }
    }
    values_ = testing::RunOnReference(made_.bundle(), inputs_, inner);
    values_.insert(inputs_.begin(), inputs_.end());
    statistics_ = testing::StatisticsOf(made_.bundle(), inputs_);
  }

  // nullopt for what the target does not have.
  std::optional<Plan> PlanFor(const target::Target& target, PlanOptions options) const {
    options.activation_range = numerics::RangeMethod::kMinMax;
    options.block = 16;
    const auto planned = MakePlan(made_.bundle(), target, &statistics_, options);
    if (planned.ok()) return planned->plan;
    EXPECT_EQ(planned.error().code, ErrorCode::kUsage) << planned.error().ToString();
    return std::nullopt;
  }

  // The largest error of an output over its bound.
  double Share(const Plan& plan, const Plan& bounded_by) {
    const bundle::Bundle quantized = made_.Quantized(plan, &statistics_, fmt::format("quantized{}", count_++));
    const NamedTensors outputs = testing::RunOnReference(quantized, inputs_);
    onnx::WeightFiles files(made_.bundle().path);
    const Tensor bound = Bounds(source_, files, bounded_by, values_).Of("y");
    const auto got = outputs.at("y").data<float>(), wanted = values_.at("y").data<float>(), limit = bound.data<float>();
    double most = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double error = std::fabs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
      if (error > 0) most = std::max(most, error / static_cast<double>(limit[i]));
    }
    return most;
  }
  double Share(const Plan& plan) { return Share(plan, plan); }

 private:
  onnx::RandomNetwork random_;
  SmallBundle made_;
  NamedTensors inputs_;
  onnx::Model source_;
  NamedTensors values_;
  numerics::ActivationStatistics statistics_;
  int count_ = 0;
};

struct Format {
  Precision precision = Precision::kInt8;
  bool weight_only = false;
};

TEST(Quantized, NetworksStayWithinTheBoundsOfTheirFormats) {
  constexpr uint64_t kSeeds = 12;
  std::map<std::string, double> largest;  // share of the bound, by target and format
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Network network(seed);
    for (const target::Target& target : target::All()) {
      for (const Format& format : {Format{Precision::kFp16}, Format{Precision::kInt8}, Format{Precision::kInt8, true},
                                   Format{Precision::kInt4}, Format{Precision::kMixed}}) {
        PlanOptions options;
        options.precision = format.precision;
        options.weight_only = format.weight_only;
        const auto plan = network.PlanFor(target, options);
        if (!plan) continue;
        const std::string name = fmt::format("{} {}{}", target.name, PrecisionName(format.precision),
                                             format.weight_only ? " of weights" : "");
        const double share = network.Share(*plan);
        EXPECT_LE(share, 1) << name << ", seed " << seed;
        largest[name] = std::max(largest[name], share);
      }
    }
  }
  // Where an error is far below every bound, the bound says nothing.
  for (const auto& [name, share] : largest) {
    EXPECT_GT(share, 0.02) << name;
    RecordProperty(name, fmt::format("{:.3f}", share));
  }
}

// The test above can fail: codes of a sixteenth of the range that values have break the bound.
TEST(Quantized, AWrongScaleBreaksTheBound) {
  int broken = 0;
  constexpr uint64_t kSeeds = 12;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Network network(seed);
    const auto plan = network.PlanFor(**target::Find("tensorrt-10"), {});
    ASSERT_TRUE(plan);
    Plan wrong = *plan;
    bool changed = false;
    for (OperatorChoice& choice : wrong.operators) {
      if (!choice.activation || !choice.activation->range) continue;
      choice.activation->range->low /= 16;
      choice.activation->range->high /= 16;
      changed = true;
    }
    if (changed && network.Share(wrong, *plan) > 1) ++broken;
  }
  EXPECT_GT(broken, 0);
}

}  // namespace
}  // namespace vlaq::plan
