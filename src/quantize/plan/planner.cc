#include "quantize/plan/planner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/machine.h"
#include "quantize/numerics/ranges.h"
#include "quantize/plan/operators.h"
#include "quantize/plan/smoothing.h"

namespace vlaq::plan {
namespace {

using numerics::ActivationStatistics;
using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::ValueStatistics;
using numerics::WeightChoice;
using target::RuleId;
using target::Target;

// Beyond it float16 loses whole numbers soon; the limit of ModelOpt's AutoCast (FP-03).
constexpr double kLargestInHalf = 512;
// What a mask adds to keep positions out is no activation: float16 graphs have -10000 in its place (FP-06).
constexpr double kMask = -1e30;
// Below this share of a step's work, what gives one row is left alone: integer kernels would gain nothing.
constexpr double kLittleWork = 0.01;
// Channels that an integer kernel takes at once, and how many a convolution needs at both ends (QP-07).
constexpr int64_t kPack = 8, kEnoughChannels = 16;
// QuantizeLinear and DequantizeLinear by channel came with it.
constexpr int64_t kOpsetOfChannels = 13;
constexpr size_t kShownParts = 12;

double LargestOf(const ValueStatistics& seen) {
  return std::max(seen.minimum <= kMask ? 0 : std::fabs(seen.minimum), std::fabs(seen.maximum));
}

class Planner {
 public:
  Planner(const bundle::Bundle& bundle, const Target& target, const ActivationStatistics* statistics,
          const PlanOptions& options, const PolicyOperators& operators)
      : bundle_(bundle), target_(target), statistics_(statistics), options_(options), operators_(operators) {}

  Result<Planned> Run() {
    Plan& plan = planned_.plan;
    plan.target = target_.name;
    plan.precision = PrecisionName(options_.precision);
    plan.source.weights_sha256 = bundle_.weights.sha256;
    for (const auto& [role, file] : bundle_.graphs) plan.source.graphs.emplace(role, file.sha256);
    VLAQ_RETURN_IF_ERROR(CheckOptions());
    // Graphs stay of their opset where the target takes it.
    int64_t newest = target_.opset;
    for (const WeightedOperator& op : operators_.operators) newest = std::max(newest, op.opset);
    plan.opset = std::min(newest, target_.newest_opset);
    if (options_.precision == Precision::kInt4 && !target_.contrib_operators) plan.opset = target_.newest_opset;
    plan.bias_correction = options_.bias_correction;
    if (HalfElsewhere()) plan.rest = NumericType::kFloat16;
    for (const WeightedOperator& op : operators_.operators) {
      VLAQ_ASSIGN_OR_RETURN(OperatorChoice choice, Choose(op));
      plan.operators.push_back(OneFormatForEach(op, std::move(choice)));
    }
    if (plan.rest == NumericType::kFloat16) VLAQ_RETURN_IF_ERROR(KeepFloatWhereNeeded());
    if (Smooths()) {
      const std::optional<double> alpha = options_.smooth_by_estimate ? std::nullopt : options_.smooth_alpha;
      VLAQ_RETURN_IF_ERROR(AddSmoothing(bundle_, operators_, *statistics_, alpha, plan));
    }
    if (plan.bias_correction) AddMeans();
    if (statistics_ != nullptr) {
      plan.statistics_sha256 = options_.statistics_sha256;
      for (const auto& episode : statistics_->episodes)
        plan.used.push_back({"calibration", episode.name, episode.hash});
    }
    const bool products = std::any_of(plan.operators.begin(), plan.operators.end(),
                                      [](const OperatorChoice& c) { return c.form == Form::kDynamicInt8; });
    if (products) WarnOfMachine();
    WarnOfTheRest();
    return std::move(planned_);
  }

 private:
  bool HalfElsewhere() const {
    return target_.float16_compute &&
           (options_.precision == Precision::kFp16 || options_.precision == Precision::kMixed);
  }

  bool Static() const {
    const bool integers = options_.precision == Precision::kInt8 || options_.precision == Precision::kMixed;
    return integers && !options_.weight_only && !target_.dynamic_int8;
  }

  bool Smooths() const { return options_.smooth_by_estimate || options_.smooth_alpha; }

  Status CheckOptions() const {
    const bool needed = Static() || Smooths() || options_.bias_correction;
    if (needed && statistics_ == nullptr) {
      return UsageError(
          fmt::format("{} for {} needs activation statistics", PrecisionName(options_.precision), target_.name),
          "make them with vlaq calibrate, and give --stats stats.json");
    }
    if (options_.precision == Precision::kMixed && !target_.float16_compute) {
      return UsageError(fmt::format("{} has no mixed: nothing computes in float16 there", target_.name), "use int8");
    }
    if (options_.precision == Precision::kInt4 && !target_.int4) {
      return UsageError(fmt::format("{} has no int4", target_.name), "use int8, or the target cpu or tensorrt-10");
    }
    if (options_.weight_only && target_.float_weights_before_quantize) {
      return UsageError(
          fmt::format("{} takes no int8 constants as weights (rule {})", target_.name, RuleId("TRT-Q13").id()),
          "leave --weight-only out, or use fp16");
    }
    if (statistics_ != nullptr) VLAQ_RETURN_IF_ERROR(CheckBelongsTo(*statistics_, planned_.plan.source));
    for (const std::string& name : options_.keep_float) {
      const bool known = std::any_of(operators_.operators.begin(), operators_.operators.end(),
                                     [&](const auto& op) { return Names(name, op); });
      if (!known) {
        return InputError(
            "--keep-float", fmt::format("there is no operator or group '{}'", name),
            fmt::format("there are {}, and what is in them; * stands for any part of a name", FirstParts()));
      }
    }
    return {};
  }

  // ---- one operator ----

  OperatorChoice Base(const WeightedOperator& op, Form form, RuleId rule) const {
    OperatorChoice choice;
    choice.node = op.node;
    choice.op_type = op.op_type;
    choice.group = op.group;
    choice.form = form;
    choice.rule = rule.id();
    choice.reason = rule->meaning;
    choice.macs = op.macs;
    return choice;
  }

  OperatorChoice Float(const WeightedOperator& op, RuleId rule) const {
    OperatorChoice choice = Base(op, Form::kFloat, rule);
    for (const std::string& weight : op.weights)
      choice.weights.push_back({weight, NumericType::kFloat32, {}, 0, 0, {}});
    return choice;
  }

  // Weights in float16: computed with where the target can, widened where it cannot.
  OperatorChoice Half(const WeightedOperator& op, RuleId rule) const {
    const bool compute = HalfElsewhere();
    const ValueStatistics* seen = compute && statistics_ != nullptr ? statistics_->Find(op.seen_as) : nullptr;
    if (seen != nullptr && LargestOf(*seen) > kLargestInHalf) {
      OperatorChoice choice = Float(op, "FP-03");
      choice.reason = fmt::format("its input reaches {:.4g}", LargestOf(*seen));
      return choice;
    }
    OperatorChoice choice = Base(op, compute ? Form::kHalf : Form::kWeightOnly, compute ? RuleId("FP16-02") : rule);
    for (const std::string& weight : op.weights)
      choice.weights.push_back({weight, NumericType::kFloat16, {}, 0, 0, {}});
    return choice;
  }

  WeightChoice ByChannel(const std::string& weight, int64_t axis) const {
    return {weight, NumericType::kInt8, Granularity::kChannel, axis, 0, options_.weight_range};
  }

  // A group or node, all that lies in it ("vision" has "vision/layer.0/fc1"), or a pattern with *.
  static bool Names(const std::string& pattern, const WeightedOperator& op) {
    const auto is_it = [&](const std::string& name) {
      return name == pattern || name.starts_with(pattern + "/") || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    };
    return is_it(op.group) || is_it(op.node);
  }

  bool KeptByUser(const WeightedOperator& op) const {
    return std::any_of(options_.keep_float.begin(), options_.keep_float.end(),
                       [&](const std::string& pattern) { return Names(pattern, op); });
  }

  // "head, text, vision"
  std::string FirstParts() const {
    std::set<std::string> parts;
    for (const WeightedOperator& op : operators_.operators) parts.insert(op.group.substr(0, op.group.find('/', 1)));
    const size_t all = parts.size();
    while (parts.size() > kShownParts) parts.erase(std::prev(parts.end()));
    return fmt::format("{}{}", fmt::join(parts, ", "), all > kShownParts ? fmt::format(" ({} in all)", all) : "");
  }

  Result<OperatorChoice> Choose(const WeightedOperator& op) {
    if (KeptByUser(op)) return Float(op, "USER");
    if (options_.precision == Precision::kFp16) return Half(op, "FP16-01");
    if (!op.no_integers.empty()) return Without(op, "FORM-01", op.no_integers);
    if (op.op_type == "Gather") return Table(op);
    if (op.op_type == "LSTM") return Lstm(op);
    if (const std::string few = FewChannels(op); !few.empty()) return Without(op, "QP-07", few);
    if (op.makes_actions) return Float(op, "ACT-01");
    if (GivesOneRowOfLittle(op)) return Without(op, "QP-06");
    if (ByBlocks() && op.op_type != "MatMul") {
      return Without(op, "FORM-01", fmt::format("there is no {} with weights by blocks", op.op_type));
    }
    if (Convolves(op) && !target_.int8_convolutions) return Without(op, "CONV-01");
    if (Static() && op.joins_bias && !target_.int8_gemms_with_bias) return Without(op, "GEMM-01");
    if (Static() && op.opset < kOpsetOfChannels) {
      return Without(op, "FORM-01", fmt::format("its graph is of opset {}, which has no scales by channel", op.opset));
    }
    return Linear(op);
  }

  static bool Convolves(const WeightedOperator& op) { return op.op_type == "Conv" || op.op_type == "ConvTranspose"; }

  // QP-07: integer kernels take channels in packs. Empty: there are enough of them for one.
  static std::string FewChannels(const WeightedOperator& op) {
    if (!Convolves(op) || op.shape.size() < 3) return "";
    int64_t in = op.shape[1] * op.channel_groups, out = op.shape[0];
    if (op.op_type == "ConvTranspose") std::swap(in, out);
    const std::string text = fmt::format("a convolution of {} channels to {}", in, out);
    const bool in_packs = op.channel_groups == 1 && in % kPack == 0 && out % kPack == 0;
    if (std::min(in, out) < kEnoughChannels && !in_packs) return text + ": too few for integer kernels";
    const bool wide = std::all_of(op.shape.begin() + 2, op.shape.end(), [](int64_t side) { return side >= 3; });
    if (op.channel_groups > 1 && out % kPack != 0 && wide) {
      return fmt::format("{} in {} groups, not in packs of {}", text, op.channel_groups, kPack);
    }
    return "";
  }

  bool ByBlocks() const { return options_.precision == Precision::kInt4 || options_.weight_only; }

  // In float, or in float16 where the plan has that. `reason`: in place of the rule's.
  OperatorChoice Without(const WeightedOperator& op, RuleId rule, const std::string& reason = "") const {
    const bool four_bits = options_.precision == Precision::kInt4;
    OperatorChoice choice = four_bits ? Half(op, "SIZE-01") : HalfElsewhere() ? Half(op, rule) : Float(op, rule);
    if (!four_bits && !reason.empty() && choice.rule == rule.id()) choice.reason = reason;
    return choice;
  }

  bool GivesOneRowOfLittle(const WeightedOperator& op) const {
    const auto all = static_cast<double>(operators_.macs());
    return !Convolves(op) && op.rows == 1 && static_cast<double>(op.macs) < kLittleWork * all;
  }

  // Exporters join equal weights: one that an operator before has in another format stays float here.
  OperatorChoice OneFormatForEach(const WeightedOperator& op, OperatorChoice choice) {
    for (const WeightChoice& weight : choice.weights) {
      if (BitsOf(weight.number) > 8) continue;
      const auto [first, fresh] = formats_.emplace(weight.name, std::pair(weight, op.node));
      const WeightChoice& known = first->second.first;
      const bool same = fresh || (known.number == weight.number && known.granularity == weight.granularity &&
                                  known.axis == weight.axis && known.block == weight.block);
      if (same) continue;
      return Without(op, "FORM-01", fmt::format("its weight is stored in the format of '{}'", first->second.second));
    }
    return choice;
  }

  OperatorChoice Table(const WeightedOperator& op) const {
    // A constant in int8 is gathered in ONNX Runtime only; TensorRT wants it widened first, which others would do at
    // every run. float16 suits all.
    const bool anywhere = !target_.contrib_operators && !target_.dequantize_tables_first;
    if (target_.float_weights_before_quantize || anywhere) return Half(op, "EMB-02");
    OperatorChoice choice = Base(op, Form::kWeightOnly, "EMB-01");
    choice.weights = {ByChannel(op.weights[0], 0)};
    return choice;
  }

  OperatorChoice Lstm(const WeightedOperator& op) const {
    const bool small = options_.precision == Precision::kInt8 || options_.precision == Precision::kInt4;
    if (target_.int8_lstm_weights && small) {
      OperatorChoice choice = Base(op, Form::kWeightOnly, "LSTM-03");
      for (const std::string& weight : op.weights) choice.weights.push_back(ByChannel(weight, 1));
      return choice;
    }
    if (!target_.contrib_operators) {
      return target_.float16_compute ? Half(op, "LSTM-01") : Float(op, "LSTM-02");
    }
    OperatorChoice choice = Base(op, Form::kDynamicInt8, "ORT-01");
    for (const std::string& weight : op.weights) choice.weights.push_back(ByChannel(weight, 1));
    choice.activation = {op.input, NumericType::kUint8, std::nullopt, {}};
    return choice;
  }

  Result<OperatorChoice> Linear(const WeightedOperator& op) {
    if (options_.precision == Precision::kInt4 || options_.weight_only) {
      OperatorChoice choice = Base(op, Form::kWeightOnly, "W4-01");
      const NumericType number = options_.precision == Precision::kInt4 ? NumericType::kInt4 : NumericType::kInt8;
      const bool blocks = target_.contrib_operators || number == NumericType::kInt4;
      choice.weights = {
          blocks ? WeightChoice{op.weights[0], number, Granularity::kBlock, 0, options_.block, options_.weight_range}
                 : ByChannel(op.weights[0], 1)};
      return choice;
    }
    if (target_.dynamic_int8) {
      OperatorChoice choice = Base(op, Form::kDynamicInt8, "ORT-01");
      choice.weights = {ByChannel(op.weights[0], op.channel_axis)};
      choice.activation = {op.input, NumericType::kUint8, std::nullopt, {}};
      return choice;
    }
    OperatorChoice choice = Base(op, Form::kStaticInt8, "QP-01");
    choice.weights = {ByChannel(op.weights[0], op.channel_axis)};
    VLAQ_ASSIGN_OR_RETURN(const ValueStatistics* seen, StatisticsOf(op.seen_as));
    choice.activation = {op.input, NumericType::kInt8,
                         ChooseRange(*seen, options_.activation_range, NumericType::kInt8), options_.activation_range};
    return choice;
  }

  Result<const ValueStatistics*> StatisticsOf(const std::string& value) const {
    const ValueStatistics* found = statistics_->Find(value);
    if (found == nullptr || found->count == 0) {
      return InputError(fmt::format("statistics: value '{}'", value), "was not seen in calibration",
                        "calibrate this bundle again");
    }
    if (found->not_finite > 0) {
      return InputError(fmt::format("statistics: value '{}'", value),
                        fmt::format("{} of its elements were NaN or infinite", found->not_finite));
    }
    return found;
  }

  // So that the plan alone is enough to correct biases.
  void AddMeans() {
    Plan& plan = planned_.plan;
    for (size_t i = 0; i < plan.operators.size(); ++i) {
      const std::string& value = operators_.operators[i].seen_as;
      if (!numerics::CorrectsBias(plan.operators[i]) || plan.FindMeans(value) != nullptr) continue;
      const ValueStatistics* seen = statistics_->Find(value);
      if (seen != nullptr && !seen->channel_mean.empty()) plan.means.push_back({value, seen->channel_mean});
    }
  }

  // ---- what has no weights ----

  // What goes beyond the limit, or was never looked at, stays float32.
  static std::string KeptRule() { return std::string(RuleId("FP-03").id()); }

  Status KeepFloatWhereNeeded() {
    for (const auto& node : operators_.sensitive) {
      if (statistics_ == nullptr) {
        if (node.op_type == "Add") continue;
        planned_.plan.keep_float.push_back({node.node, KeptRule(), "its range is not known without statistics"});
        continue;
      }
      const ValueStatistics* seen = statistics_->Find(node.value);
      if (seen == nullptr || seen->count == 0) continue;
      const double most = LargestOf(*seen);
      if (most <= kLargestInHalf) continue;
      planned_.plan.keep_float.push_back({node.node, KeptRule(), fmt::format("its values reach {:.4g}", most)});
    }
    if (statistics_ == nullptr) {
      planned_.warnings.emplace_back(
          "without statistics no range is known: LayerNormalization, Softmax and norms stay float32, residual sums "
          "become float16 unseen; calibrate to be sure");
    }
    return {};
  }

  // The plan stays the same: it may be for another machine than this one.
  void WarnOfMachine() {
    const std::string missing = LacksIntegerProducts(ThisMachine());
    if (!missing.empty()) planned_.warnings.push_back(missing);
  }

  // What a reader of the plan should know of what is not in it.
  void WarnOfTheRest() {
    for (const std::string& graph : operators_.not_counted) {
      planned_.warnings.push_back(fmt::format("multiply-accumulates are not known of {}", graph));
    }
    if (operators_.in_subgraphs > 0) {
      planned_.warnings.push_back(fmt::format(
          "{} operators with weights lie within If, Loop or Scan: they stay float32", operators_.in_subgraphs));
    }
    const bool integers = options_.precision == Precision::kInt8 || options_.precision == Precision::kInt4;
    const auto& choices = planned_.plan.operators;
    const bool any = std::any_of(choices.begin(), choices.end(), [](const OperatorChoice& c) {
      return std::any_of(c.weights.begin(), c.weights.end(), [](const auto& w) { return BitsOf(w.number) <= 8; });
    });
    if (!integers || any) return;
    planned_.warnings.push_back(fmt::format("no operator becomes {} for {}: the plan says why of each",
                                            PrecisionName(options_.precision), target_.name));
  }

  const bundle::Bundle& bundle_;
  const Target& target_;
  const ActivationStatistics* statistics_;
  const PlanOptions& options_;
  const PolicyOperators& operators_;
  Planned planned_;
  std::map<std::string, std::pair<WeightChoice, std::string>> formats_;  // of weights in integers, and whose they are
};

}  // namespace

std::string LacksIntegerProducts(const Machine& machine) {
  bool known = false;
  for (const CpuFeature& feature : machine.features) {
    if (!feature.purpose.starts_with("INT8 products")) continue;
    if (feature.present) return "";
    known = true;
  }
  if (!known) return "";
  return fmt::format(
      "this CPU ({}) has no INT8 products: there sums of 8-bit products may saturate, and are slow (rule {}); "
      "plan int8 for it with --weight-only, or fp16",
      machine.cpu, target::RuleId("ORT-03").id());
}

Result<Planned> MakePlan(const bundle::Bundle& bundle, const Target& target, const ActivationStatistics* statistics,
                         const PlanOptions& options) {
  if (bundle.plan) {
    return InputError(bundle.path.string(), "is quantized already", "give the bundle that vlaq export wrote");
  }
  VLAQ_ASSIGN_OR_RETURN(const PolicyOperators operators, ReadOperators(bundle));
  return Planner(bundle, target, statistics, options, operators).Run();
}

}  // namespace vlaq::plan
