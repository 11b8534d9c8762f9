#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/plan_arguments.h"
#include "quantize/apply/quantize.h"
#include "quantize/numerics/plan_file.h"

namespace vlaq::cli {
namespace {

using apply::QuantizeReport;
using apply::WeightLoss;

// The weights that lost most are shown; --json has all of them.
constexpr size_t kShownLosses = 8;

struct QuantizeArguments {
  std::filesystem::path bundle, plan, output;
  PlanArguments planning;
  int threads = 0;
  bool force = false;
  bool json = false;
};

Json AsJson(const WeightLoss& loss) {
  return {{"weight", loss.weight},
          {"number", NumericTypeName(loss.number)},
          {"dead_scales", loss.dead_scales},
          {"signal_to_noise_db", loss.distortion.signal_to_noise_db()},
          {"worst_scale_db", loss.distortion.worst_group_db()},
          {"worst_scale", loss.distortion.worst_group()},
          {"rounded_to_zero", loss.distortion.difference().rounded_to_zero()}};
}

Json AsJson(const QuantizeArguments& a, const QuantizeReport& report) {
  Json losses = Json::array();
  for (const WeightLoss& loss : report.losses) losses.push_back(AsJson(loss));
  return {{"schema", "vlaq.quantize/1"},
          {"bundle", report.bundle.path.string()},
          {"source", a.bundle.string()},
          {"target", report.bundle.target},
          {"precision", report.bundle.precision},
          {"bytes_before", report.bytes_before},
          {"bytes_after", report.bytes_after},
          {"seconds", report.seconds},
          {"notes", report.notes},
          {"weights", std::move(losses)}};
}

void Print(const QuantizeArguments& a, const QuantizeReport& report, std::ostream& out) {
  out << fmt::format(
      "{}: {} for {}, weights {} -> {} ({:.1f} %), {:.1f} s\n", report.bundle.path.string(), report.bundle.precision,
      report.bundle.target, HumanBytes(report.bytes_before), HumanBytes(report.bytes_after),
      100.0 * static_cast<double>(report.bytes_after) / static_cast<double>(report.bytes_before), report.seconds);
  if (!report.losses.empty()) {
    std::vector<const WeightLoss*> worst;
    for (const WeightLoss& loss : report.losses) worst.push_back(&loss);
    std::sort(worst.begin(), worst.end(), [](const auto* x, const auto* y) {
      return x->distortion.signal_to_noise_db() < y->distortion.signal_to_noise_db();
    });
    worst.resize(std::min(worst.size(), kShownLosses));
    out << fmt::format("\nWeights that lost most, of {} that were quantized:\n", report.losses.size());
    TextTable table({"weight", "format", "signal/noise dB", "worst channel dB", "dead"});
    for (const WeightLoss* loss : worst) {
      table.AddRow({loss->weight, std::string(NumericTypeName(loss->number)),
                    fmt::format("{:.1f}", loss->distortion.signal_to_noise_db()),
                    fmt::format("{:.1f}", loss->distortion.worst_group_db()), std::to_string(loss->dead_scales)});
    }
    out << table.ToString();
  }
  if (!report.notes.empty()) out << "\nNotes:\n";
  for (const std::string& note : report.notes) out << "  - " << Printable(note) << "\n";
  out << fmt::format(
      "\nNext: vlaq verify {} --reference {} --episodes DIR   (episodes that it was not calibrated on)\n",
      report.bundle.path.string(), a.bundle.string());
}

}  // namespace

Action AddQuantize(CLI::App& app, Context& context) {
  auto a = std::make_shared<QuantizeArguments>();
  app.add_option("bundle", a->bundle, "The bundle that vlaq export wrote (fp32)")->required();
  app.add_option("-o,--output", a->output, "The bundle to write: a folder")->type_name("DIR")->required();
  auto* plan =
      app.add_option("--plan", a->plan, "The plan to carry out, as vlaq plan quantize wrote it or as you edited it")
          ->type_name("plan.json");
  a->planning.AddTo(app, plan);
  app.add_option("--threads", a->threads, "Threads; 0: all hardware threads")->check(CLI::Range(0, 1024));
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq quantize policy --target cpu --precision int8 -o policy_int8\n"
      "  vlaq quantize policy --target tensorrt-8.6 --precision int8 --stats stats.json -o policy_trt\n"
      "  vlaq plan quantize policy --target cpu --precision int8 -o plan.json\n"
      "  vlaq quantize policy --plan plan.json -o policy_int8");
  return [a, &context]() -> Status {
    apply::QuantizeOptions options;
    options.bundle = a->bundle;
    options.output = a->output;
    options.existing = WhenExisting(a->force);
    options.threads = a->threads;
    VLAQ_ASSIGN_OR_RETURN(const auto statistics, a->planning.ReadStats());
    options.statistics = statistics ? &*statistics : nullptr;
    if (a->plan.empty()) {
      VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a->bundle));
      VLAQ_ASSIGN_OR_RETURN(options.plan, a->planning.MakePlan(bundle, options.statistics, context.log));
    } else {
      VLAQ_ASSIGN_OR_RETURN(options.plan, numerics::ReadPlan(a->plan));
    }
    VLAQ_ASSIGN_OR_RETURN(const QuantizeReport report, apply::Quantize(options, context.log));
    if (a->json) {
      PrintJson(AsJson(*a, report), context.out);
    } else {
      Print(*a, report, context.out);
    }
    return {};
  };
}

}  // namespace vlaq::cli
