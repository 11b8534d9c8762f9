#include "engine/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "target/rules.h"

namespace vlaq::engine {
namespace {

using numerics::ActivationChoice;
using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::WeightChoice;
using Times = std::map<std::string, double, std::less<>>;  // group -> ms

// By name of a node: the groups that its time belongs to, with their part of it.
class Shares {
 public:
  explicit Shares(const Plan& plan) {
    for (const OperatorChoice& op : plan.operators) {
      if (op.form != Form::kStaticInt8) continue;
      const auto macs = static_cast<double>(std::max<int64_t>(op.macs, 1));
      by_node_[op.node][op.group] += macs;
      // The layers that quantize what it reads, and widen its weight, are there for its sake.
      if (op.activation) helpers_[op.activation->value + "/int8"][op.group] += macs;
      for (const WeightChoice& weight : op.weights) helpers_[weight.name][op.group] += macs;
    }
  }

  // What a layer's nodes belong to: its products if it has any, else what it does for products elsewhere.
  Times Of(const Layer& layer) const {
    Times products, helped;
    for (const std::string& node : layer.nodes) {
      Add(by_node_, node, products);
      const size_t last = node.rfind('/');
      if (last != std::string::npos) Add(helpers_, node.substr(0, last), helped);
    }
    return products.empty() ? helped : products;
  }

 private:
  using Table = std::map<std::string, Times, std::less<>>;
  static void Add(const Table& table, const std::string& name, Times& into) {
    const auto found = table.find(name);
    if (found == table.end()) return;
    for (const auto& [group, macs] : found->second) into[group] += macs;
  }
  Table by_node_, helpers_;
};

Times TimesOf(const std::vector<Layer>& layers, const Shares& shares) {
  Times times;
  for (const Layer& layer : layers) {
    if (!layer.average_ms) continue;
    const Times parts = shares.Of(layer);
    double all = 0;
    for (const auto& [group, macs] : parts) all += macs;
    for (const auto& [group, macs] : parts) times[group] += *layer.average_ms * macs / all;
  }
  return times;
}

double TotalOf(const std::vector<Layer>& layers) {
  double total = 0;
  for (const Layer& layer : layers) total += layer.average_ms.value_or(0);
  return total;
}

size_t ReformatsOf(const std::vector<Layer>& layers) {
  return static_cast<size_t>(std::count_if(layers.begin(), layers.end(), [](const Layer& l) { return l.reformat; }));
}

void Decide(const Times& fp16, const Times& int8, const ChoiceRules& rules, GroupChoice& group) {
  const auto half = fp16.find(group.group), eighth = int8.find(group.group);
  if (half == fp16.end() || eighth == int8.end()) {
    group.reason = "its layers name no node of it, so its time is not known: left as planned";
    return;
  }
  group.fp16_ms = half->second;
  group.int8_ms = eighth->second;
  group.int8 = *group.int8_ms < *group.fp16_ms * (1 - rules.min_gain);
  group.reason = fmt::format("INT8 {} ms with its reformats, FP16 {} ms: {}", ThreeDigits(*group.int8_ms),
                             ThreeDigits(*group.fp16_ms),
                             group.int8 ? "INT8 wins" : fmt::format("no gain of {:g} %", 100 * rules.min_gain));
}

// What the plan says of what is not quantized.
void ToFloat(OperatorChoice& op, NumericType rest) {
  const bool half = rest == NumericType::kFloat16;
  op.form = half ? Form::kHalf : Form::kFloat;
  op.activation.reset();
  for (WeightChoice& weight : op.weights) {
    weight = {weight.name, half ? NumericType::kFloat16 : NumericType::kFloat32, {}, 0, 0, {}};
  }
}

}  // namespace

Result<Choice> Choose(const Plan& plan, const std::vector<Layer>& fp16, const std::vector<Layer>& int8,
                      const ChoiceRules& rules) {
  Choice choice{plan, {}, TotalOf(fp16), TotalOf(int8), ReformatsOf(fp16), ReformatsOf(int8)};
  if (choice.fp16_ms == 0 || choice.int8_ms == 0) {
    return InputError("choosing between FP16 and INT8", "the layers of an engine were not timed",
                      "build it again with --force");
  }
  const Shares shares(plan);
  const Times fp16_times = TimesOf(fp16, shares), int8_times = TimesOf(int8, shares);
  const bool too_far =
      rules.int8_difference && rules.largest_difference && *rules.int8_difference > *rules.largest_difference;
  std::map<std::string, size_t, std::less<>> places;
  for (OperatorChoice& op : choice.plan.operators) {
    if (op.form != Form::kStaticInt8) continue;
    const auto [place, fresh] = places.emplace(op.group, choice.groups.size());
    if (fresh) {
      GroupChoice group{op.group, {}, {}, true, ""};
      Decide(fp16_times, int8_times, rules, group);
      if (too_far) {
        group.int8 = false;
        group.reason = fmt::format("the INT8 engine's actions differ by {} on average, more than {}",
                                   ThreeDigits(*rules.int8_difference), ThreeDigits(*rules.largest_difference));
      }
      if (!rules.caveat.empty()) group.reason += fmt::format(" ({})", rules.caveat);
      choice.groups.push_back(std::move(group));
    }
    const GroupChoice& group = choice.groups[place->second];
    if (!group.int8) {
      ToFloat(op, plan.rest);
      op.rule = (too_far ? target::RuleId("ACC-01") : target::RuleId("TIME-01")).id();
      op.reason = group.reason;
    } else if (group.int8_ms) {
      op.reason += "; " + group.reason;
    }
  }
  if (choice.groups.empty()) return InputError("the INT8 plan", "quantizes nothing");
  return choice;
}

}  // namespace vlaq::engine
