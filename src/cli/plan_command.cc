#include "cli/commands.h"
#include "cli/plan_commands.h"

namespace vlaq::cli {

Action AddPlan(CLI::App& app, Context& context) {
  CLI::App* quantize = app.add_subcommand("quantize", "Which operator gets which format, and why: data for quantize");
  const Action run_quantize = AddPlanQuantize(*quantize, context);
  CLI::App* cost =
      app.add_subcommand("cost", "What a model costs by arithmetic, and whether a claim about it can hold");
  const Action run_cost = AddPlanCost(*cost, context);
  CLI::App* device =
      app.add_subcommand("device", "Estimate whether a policy fits on a board, and how fast it could be");
  const Action run_device = AddPlanDevice(*device, context);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  vlaq plan quantize policy --target cpu --precision int8 -o plan.json\n"
      "  vlaq plan cost policy --device orin-nx-16 --claim-size 44MB --claim-fps 700\n"
      "  vlaq plan device policy --device orin-nx-16");
  return [=]() -> Status {
    if (quantize->parsed()) return run_quantize();
    return cost->parsed() ? run_cost() : run_device();
  };
}

}  // namespace vlaq::cli
