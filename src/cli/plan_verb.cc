#include "cli/plan_verbs.h"
#include "cli/verbs.h"

namespace vlaq::cli {

Action AddPlan(CLI::App& app, Context& context) {
  CLI::App* quantize = app.add_subcommand("quantize", "Which operator gets which format, and why: data for quantize");
  const Action run_quantize = AddPlanQuantize(*quantize, context);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  vlaq plan quantize mae0222 --target cpu --precision int8 -o plan.json");
  return [=]() -> Status { return run_quantize(); };
}

}  // namespace vlaq::cli
