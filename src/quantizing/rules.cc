#include "quantizing/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace vlaq::quantizing {
namespace {

using quantization::Form;
using quantization::Granularity;
using quantization::Number;
using quantization::OperatorChoice;
using quantization::WeightChoice;
using target::Target;

bool AnyWeight(const OperatorChoice& choice, bool (*test)(const WeightChoice&)) {
  return std::any_of(choice.weights.begin(), choice.weights.end(), test);
}

struct Prohibition {
  std::string_view id;  // of quantisation.md's rule
  bool (*broken)(const OperatorChoice& choice, const Target& target);
  std::string_view what;
  std::string_view cure;
};

constexpr std::array kProhibitions = {
    Prohibition{"TRT-G09",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kDynamicInt8 && c.op_type != "LSTM" && !t.dynamic_int8;
                },
                "has no DynamicQuantizeLinear and MatMulInteger", "use static_int8 with statistics"},
    Prohibition{"TRT-G08",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kDynamicInt8 && c.op_type == "LSTM" && !t.contrib_operators;
                },
                "has no LSTM with int8 weights", "use float, or weight_only with float16 weights"},
    Prohibition{"TRT-Q02",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kStaticInt8 && c.activation && c.activation->number != Number::kInt8 &&
                         !t.asymmetric_activations;
                },
                "takes symmetric activations only", "use int8"},
    Prohibition{"TRT-Q09",
                [](const OperatorChoice& c, const Target&) {
                  return c.form == Form::kStaticInt8 &&
                         AnyWeight(c, [](const WeightChoice& w) { return w.granularity == Granularity::kBlock; });
                },
                "takes static int8 weights by tensor or by channel", "use granularity channel"},
    Prohibition{"TRT-Q15",
                [](const OperatorChoice& c, const Target& t) {
                  return AnyWeight(c, [](const WeightChoice& w) { return w.number == Number::kInt4; }) && !t.int4;
                },
                "has no int4", "use int8"},
    Prohibition{"TRT-Q13",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kWeightOnly && t.float_weights_before_quantize &&
                         AnyWeight(c, [](const WeightChoice& w) { return BitsOf(w.number) <= 8; });
                },
                "takes no int8 constants as weights", "use float, or float16 weights"},
    Prohibition{"FP-04",
                [](const OperatorChoice& c, const Target& t) { return c.form == Form::kHalf && !t.float16_compute; },
                "does not compute in float16", "use weight_only with float16 weights"},
};

}  // namespace

Status CheckRules(const quantization::Plan& plan, const Target& target) {
  if (plan.opset > target.newest_opset || plan.opset < target.opset) {
    return InputError("plan",
                      fmt::format("opset {}: {} takes {} to {} (rule {})", plan.opset, target.name, target.opset,
                                  target.newest_opset, target.name == "tensorrt-10" ? "TRT-G02" : "TRT-G01"));
  }
  if (plan.rest == Number::kFloat16 && !target.float16_compute) {
    return InputError("plan", fmt::format("rest float16: {} does not compute in float16 (rule FP-04)", target.name),
                      "store weights in float16 instead: form weight_only");
  }
  for (const OperatorChoice& choice : plan.operators) {
    for (const Prohibition& rule : kProhibitions) {
      if (!rule.broken(choice, target)) continue;
      return InputError(fmt::format("plan: operator '{}'", choice.node),
                        fmt::format("{} {} (rule {})", target.name, rule.what, rule.id), std::string(rule.cure));
    }
  }
  return {};
}

}  // namespace vlaq::quantizing
