#include "cli/plan_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "quantize/numerics/statistics_file.h"
#include "target/target.h"

namespace vlaq::cli {
namespace {

constexpr std::string_view kAuto = "auto";
constexpr std::array kAlphas{0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};

// nullopt: not a number from 0 to 1.
std::optional<double> ParseAlpha(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) return std::nullopt;
  return value;
}

std::string IsAlpha(const std::string& text) {
  if (text == kAuto || ParseAlpha(text)) return "";
  return "'" + text + "' is neither a number from 0 to 1 nor auto";
}

}  // namespace

void PlanArguments::AddTo(CLI::App& app, CLI::Option* instead) {
  const std::string group = instead == nullptr ? "What to plan" : "Instead of a plan";
  const auto add = [&](CLI::Option* option) {
    option->group(group);
    if (instead != nullptr) option->excludes(instead);
    return option;
  };
  add(OneOf(app.add_option("--target", target, "Target that the plan is for"), target::Names())->capture_default_str());
  add(OneOf(app.add_option("--precision", precision, "Format of what is quantized; mixed: int8, and float16 elsewhere"),
            target::PrecisionNames())
          ->capture_default_str());
  app.add_option("--stats", stats,
                 "What vlaq calibrate wrote: static ranges, smoothing, bias correction, float16 ranges")
      ->type_name("stats.json")
      ->group(group);
  const std::string how = "How";
  const auto tune = [&](CLI::Option* option) {
    option->group(how);
    if (instead != nullptr) option->excludes(instead);
    return option;
  };
  tune(OneOf(app.add_option("--activation-range", activation_range, "How static ranges are chosen from what was seen"),
             {"min_max", "percentile", "entropy", "mse"})
           ->capture_default_str());
  tune(OneOf(app.add_option("--weight-range", weight_range,
                            "How the range of a weight is chosen; mse: the one with the least squared error, slower"),
             {"min_max", "mse"})
           ->capture_default_str());
  tune(app.add_option("--block", block, "Inputs that share a scale, for int4 and --weight-only")
           ->check(CLI::IsMember({16, 32, 64, 128, 256}))
           ->capture_default_str());
  tune(app.add_flag("--weight-only", weight_only, "Quantize only weights, by blocks; activations stay float"));
  tune(
      app.add_option("--smooth", smooth,
                     "SmoothQuant with this alpha: moves what stands out in activations into weights; auto: each value "
                     "with the alpha of the least estimated error, or with --episodes what moves the actions least")
          ->check(IsAlpha)
          ->type_name("ALPHA"));
  tune(app.add_flag("--bias-correction", bias_correction,
                    "Correct biases by what rounding changes in the mean of each output"));
  tune(app.add_option("--keep-float", keep_float,
                      "Groups or operators to leave in float, with all that is in them: vision, text/layer.0, '*/fc1'")
           ->type_name("GROUP"));
}

Result<std::optional<numerics::ActivationStatistics>> PlanArguments::ReadStats() const {
  if (stats.empty()) return std::optional<numerics::ActivationStatistics>();
  VLAQ_ASSIGN_OR_RETURN(auto read, numerics::ReadStatistics(stats));
  return std::optional(std::move(read));
}

Result<plan::PlanOptions> PlanArguments::Options() const {
  plan::PlanOptions options;
  // The options take known names only.
  options.precision = plan::FindPrecision(precision).value_or(plan::Precision::kInt8);
  options.activation_range = numerics::FindRangeMethod(activation_range).value_or(numerics::RangeMethod::kMse);
  options.weight_range = numerics::FindRangeMethod(weight_range).value_or(numerics::RangeMethod::kMinMax);
  options.block = block;
  options.weight_only = weight_only;
  options.bias_correction = bias_correction;
  options.keep_float.insert(keep_float.begin(), keep_float.end());
  options.smooth_by_estimate = smooth == kAuto;
  if (!smooth.empty() && smooth != kAuto) options.smooth_alpha = ParseAlpha(smooth);
  if (!stats.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord record, bundle::Describe(stats));
    options.statistics_sha256 = record.sha256;
  }
  return options;
}

Result<numerics::Plan> PlanArguments::MakePlan(const bundle::Bundle& bundle,
                                               const numerics::ActivationStatistics* statistics, Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(const plan::PlanOptions options, Options());
  return MakeOne(bundle, statistics, options, log);
}

Result<std::vector<numerics::Plan>> PlanArguments::MakePlans(const bundle::Bundle& bundle,
                                                             const numerics::ActivationStatistics* statistics,
                                                             Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(plan::PlanOptions options, Options());
  std::vector<numerics::Plan> plans;
  VLAQ_ASSIGN_OR_RETURN(plans.emplace_back(), MakeOne(bundle, statistics, options, log));
  if (!options.smooth_by_estimate) return plans;
  options.smooth_by_estimate = false;
  std::vector<std::optional<double>> alphas{std::nullopt};
  alphas.insert(alphas.end(), kAlphas.begin(), kAlphas.end());
  for (const std::optional<double> alpha : alphas) {
    options.smooth_alpha = alpha;
    VLAQ_ASSIGN_OR_RETURN(plans.emplace_back(), MakeOne(bundle, statistics, options, SilentLog()));
  }
  return plans;
}

Result<numerics::Plan> PlanArguments::MakeOne(const bundle::Bundle& bundle,
                                              const numerics::ActivationStatistics* statistics,
                                              const plan::PlanOptions& options, Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(const target::Target* known, target::Find(target));
  VLAQ_ASSIGN_OR_RETURN(plan::Planned planned, plan::MakePlan(bundle, *known, statistics, options));
  for (const std::string& warning : planned.warnings) log.Warning(warning);
  if (!keep_float.empty()) {
    const auto& operators = planned.plan.operators;
    log.Note(fmt::format("--keep-float keeps {} of {} operators in float",
                         std::count_if(operators.begin(), operators.end(),
                                       [](const auto& o) { return o.rule == target::RuleId("USER").id(); }),
                         operators.size()));
  }
  return std::move(planned.plan);
}

}  // namespace vlaq::cli
