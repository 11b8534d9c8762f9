#include "cli/commands.h"
#include "cli/sim_commands.h"

namespace vlaq::cli {

Action AddSim(CLI::App& app, Context& context) {
  CLI::App* record = app.add_subcommand("record", "Record episodes of a scripted expert in the original's format");
  CLI::App* render =
      app.add_subcommand("render", "Drive one episode and show it: from above, and as the camera saw it");
  const Action run_record = AddSimRecord(*record, context);
  const Action run_render = AddSimRender(*render, context);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  vlaq sim record --episodes 20 --seed 1 -o episodes\n"
      "  vlaq sim render --seed 7 -o pictures");
  return [=]() -> Status { return record->parsed() ? run_record() : run_render(); };
}

}  // namespace vlaq::cli
