#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/plan_accuracy.h"
#include "cli/plan_arguments.h"
#include "cli/plan_commands.h"
#include "quantize/numerics/plan_file.h"
#include "quantize/plan/remembered.h"
#include "quantize/plan/size.h"

namespace vlaq::cli {
namespace {

using numerics::OperatorChoice;
using numerics::Plan;
using plan::PlannedSize;

struct PlanQuantizeArguments {
  std::filesystem::path bundle, output;
  PlanArguments planning;
  PlanAccuracyArguments accuracy;
  bool force = false;
  bool json = false;
};

struct PlanQuantizeOutcome {
  Plan plan;
  PlannedSize size;
  PlanAccuracy accuracy;  // if actions were looked at
  bool looked = false;
};

// Operators that were decided alike, for people.
struct FormatRow {
  std::string form, number, rule, reason;
  int64_t operators = 0, macs = 0;
  plan::ByteChange bytes = {};
};

std::string NumberOf(const OperatorChoice& choice) {
  return choice.weights.empty() ? "" : std::string(NumericTypeName(choice.weights.front().number));
}

std::vector<FormatRow> FormatRows(const PlanQuantizeOutcome& outcome) {
  std::vector<FormatRow> rows;
  for (size_t i = 0; i < outcome.plan.operators.size(); ++i) {
    const OperatorChoice& choice = outcome.plan.operators[i];
    const std::string form(FormName(choice.form));
    const std::string number = NumberOf(choice);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const FormatRow& r) {
      return r.form == form && r.number == number && r.rule == choice.rule && r.reason == choice.reason;
    });
    if (row == rows.end()) row = rows.insert(rows.end(), {form, number, choice.rule, choice.reason});
    ++row->operators;
    row->macs += choice.macs;
    row->bytes.before += outcome.size.operators[i].before;
    row->bytes.after += outcome.size.operators[i].after;
  }
  return rows;
}

int64_t MacsOf(const Plan& plan) {
  int64_t macs = 0;
  for (const OperatorChoice& choice : plan.operators) macs += choice.macs;
  return macs;
}

double Percent(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }

void Print(const PlanQuantizeOutcome& outcome, const PlanQuantizeArguments& a, std::ostream& out) {
  const Plan& plan = outcome.plan;
  const plan::ByteChange& total = outcome.size.total;
  const auto macs = static_cast<double>(MacsOf(plan));
  out << fmt::format(
      "{}: {} for {}, {} operators with weights, {:.3g} GMAC a frame; weights {} -> about {} ({:.1f} %)\n\n",
      a.output.string(), plan.precision, plan.target, plan.operators.size(), macs / 1e9, HumanBytes(total.before),
      HumanBytes(total.after), Percent(static_cast<double>(total.after), static_cast<double>(total.before)));
  TextTable table({"form", "weights", "operators", "MACs %", "bytes before", "after", "rule", "because"});
  for (const FormatRow& row : FormatRows(outcome)) {
    table.AddRow({row.form, row.number, std::to_string(row.operators),
                  fmt::format("{:.1f}", Percent(static_cast<double>(row.macs), macs)), HumanBytes(row.bytes.before),
                  HumanBytes(row.bytes.after), row.rule, row.reason});
  }
  table.AddRow({"rest", std::string(NumericTypeName(plan.rest)), "", "", HumanBytes(outcome.size.rest.before),
                HumanBytes(outcome.size.rest.after), "", "norms, biases, positions"});
  out << table.ToString();
  if (!plan.smooth.empty()) out << fmt::format("\nsmoothed: {} values\n", plan.smooth.size());
  if (plan.bias_correction) out << "\nbiases are corrected\n";
  for (const numerics::FloatNode& node : plan.keep_float) {
    out << fmt::format("stays float32: {} ({}: {})\n", Printable(node.node), Printable(node.rule),
                       Printable(node.reason));
  }
  out << Text(outcome.accuracy);
  out << fmt::format("\nEdit it if you know better, then:  vlaq quantize {} --plan {} -o OUT\n", a.bundle.string(),
                     a.output.string());
}

Json AsJson(const PlanQuantizeOutcome& outcome, const PlanQuantizeArguments& a, const std::string& text) {
  Json rows = Json::array();
  for (const FormatRow& row : FormatRows(outcome)) {
    rows.push_back({{"form", row.form},
                    {"number", row.number},
                    {"operators", row.operators},
                    {"macs", row.macs},
                    {"bytes_before", row.bytes.before},
                    {"bytes_after", row.bytes.after},
                    {"rule", row.rule},
                    {"reason", row.reason}});
  }
  Json json{{"schema", "vlaq.plan_quantize/1"},
            {"bundle", a.bundle.string()},
            {"output", a.output.string()},
            {"bytes_before", outcome.size.total.before},
            {"bytes_after_about", outcome.size.total.after},
            {"macs", MacsOf(outcome.plan)},
            {"summary", std::move(rows)}};
  if (outcome.looked) json["accuracy"] = ToJson(outcome.accuracy);
  json["plan"] = Json::parse(text);
  return json;
}

}  // namespace

Action AddPlanQuantize(CLI::App& app, Context& context) {
  auto a = std::make_shared<PlanQuantizeArguments>();
  app.add_option("bundle", a->bundle, "The bundle that vlaq export wrote (fp32)")->required();
  app.add_option("-o,--output", a->output, "The plan to write")->type_name("plan.json")->required();
  a->planning.AddTo(app);
  a->accuracy.AddTo(app);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "When interrupted, or when no plan holds the limits, plan.json.part keeps what was measured of every plan; the "
      "same command, or one with other limits, goes on from it.\n\n"
      "Examples:\n"
      "  vlaq plan quantize policy --target cpu --precision int8 -o plan.json\n"
      "  vlaq plan quantize policy --target tensorrt-8.6 --precision int8 --stats stats.json -o plan.json\n"
      "  vlaq plan quantize policy --precision int4 --episodes validation --sensitivity -o plan.json\n"
      "  vlaq plan quantize policy --episodes validation --max-mae-increase 0.002 -o plan.json");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a->bundle));
    VLAQ_ASSIGN_OR_RETURN(const auto statistics, a->planning.ReadStats());
    const auto* seen = statistics ? &*statistics : nullptr;
    PlanQuantizeOutcome outcome;
    VLAQ_ASSIGN_OR_RETURN(std::vector<Plan> plans, a->planning.MakePlans(bundle, seen, context.log));
    outcome.looked = a->accuracy.any() || (plans.size() > 1 && a->accuracy.episodes.given());
    if (outcome.looked) {
      VLAQ_ASSIGN_OR_RETURN(outcome.accuracy,
                            LookAtActions(a->accuracy, bundle, seen, a->output, std::move(plans), context.log));
      outcome.plan = outcome.accuracy.plan;
    } else {
      outcome.plan = std::move(plans.front());
    }
    VLAQ_ASSIGN_OR_RETURN(const target::Target* target, target::Find(outcome.plan.target));
    VLAQ_ASSIGN_OR_RETURN(outcome.size, plan::SizeOf(outcome.plan, bundle, *target));
    const std::string text = PlanText(outcome.plan);
    VLAQ_RETURN_IF_ERROR(WriteFile(a->output, text, WhenExisting(a->force)));
    if (outcome.looked) RemoveResumeFile(plan::MeasurementsBeside(a->output));
    if (a->json) {
      PrintJson(AsJson(outcome, *a, text), context.out);
    } else {
      Print(outcome, *a, context.out);
    }
    return {};
  };
}

}  // namespace vlaq::cli
