#include "quantize/apply/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "target/precision.h"

namespace vlaq::apply {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::WeightChoice;
using target::RuleId;
using target::Target;

bool AnyWeight(const OperatorChoice& choice, bool (*test)(const WeightChoice&)) {
  return std::any_of(choice.weights.begin(), choice.weights.end(), test);
}

// What a plan may not ask of a target, the rule that says so where it is a TensorRT, and what to write instead.
struct Prohibition {
  RuleId rule;
  bool (*broken)(const OperatorChoice& choice, const Target& target);
  std::string_view what;
  std::string_view instead;
  bool everywhere = false;  // the rule speaks of all targets; else others have one of their own
};

constexpr std::array kProhibitions = {
    Prohibition{"TRT-G09",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kDynamicInt8 && c.op_type != "LSTM" && !t.dynamic_int8;
                },
                "dynamic_int8", "use static_int8 with statistics"},
    Prohibition{"TRT-G08",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kDynamicInt8 && c.op_type == "LSTM" && !t.contrib_operators;
                },
                "an LSTM in dynamic_int8 (com.microsoft.DynamicQuantizeLSTM)",
                "use float, or weight_only with float16 weights"},
    Prohibition{"TRT-Q02",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kStaticInt8 && c.activation && c.activation->number != NumericType::kInt8 &&
                         !t.asymmetric_activations;
                },
                "static_int8 with an asymmetric activation", "use int8"},
    Prohibition{"FORM-02",
                [](const OperatorChoice& c, const Target&) {
                  return c.form == Form::kStaticInt8 &&
                         AnyWeight(c, [](const WeightChoice& w) { return w.granularity == Granularity::kBlock; });
                },
                "static_int8 with weights by blocks", "use granularity channel", true},
    Prohibition{"TRT-Q15a",
                [](const OperatorChoice& c, const Target& t) {
                  return AnyWeight(c, [](const WeightChoice& w) { return w.number == NumericType::kInt4; }) && !t.int4;
                },
                "a weight in int4", "use int8"},
    Prohibition{"TRT-Q13",
                [](const OperatorChoice& c, const Target& t) {
                  return c.form == Form::kWeightOnly && t.float_weights_before_quantize &&
                         AnyWeight(c, [](const WeightChoice& w) { return BitsOf(w.number) <= 8; });
                },
                "weight_only with integers", "use float, or float16 weights"},
    Prohibition{"FP16-01",
                [](const OperatorChoice& c, const Target& t) { return c.form == Form::kHalf && !t.float16_compute; },
                "computing in float16", "use weight_only with float16 weights", true},
};

Error Forbidden(const std::string& where, const Target& target, std::string_view what, RuleId rule,
                std::string_view instead) {
  return InputError(where, fmt::format("{} is not for {}: {} (rule {})", what, target.name, rule->meaning, rule.id()),
                    std::string(instead));
}

}  // namespace

Status CheckRules(const numerics::Plan& plan, const Target& target) {
  VLAQ_RETURN_IF_ERROR(target::CheckPrecision(plan.precision, "plan"));
  if (plan.opset > target.newest_opset || plan.opset < target.opset) {
    return Forbidden("plan", target, fmt::format("opset {}", plan.opset), target.rule,
                     fmt::format("use opset {} to {}", target.opset, target.newest_opset));
  }
  if (plan.rest == NumericType::kFloat16 && !target.float16_compute) {
    return Forbidden("plan", target, "rest float16", "FP16-01", "store weights in float16 instead: form weight_only");
  }
  for (const OperatorChoice& choice : plan.operators) {
    for (const Prohibition& row : kProhibitions) {
      if (!row.broken(choice, target)) continue;
      const RuleId rule = row.everywhere || target.IsTensorRt() ? row.rule : target.rule;
      return Forbidden(fmt::format("plan: operator '{}'", choice.node), target, row.what, rule, row.instead);
    }
  }
  return {};
}

}  // namespace vlaq::apply
