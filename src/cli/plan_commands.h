// The commands below `vlaq plan`, one file each.
#pragma once

#include "cli/command.h"

namespace vlaq::cli {

Action AddPlanQuantize(CLI::App& app, Context& context);
Action AddPlanCost(CLI::App& app, Context& context);
Action AddPlanDevice(CLI::App& app, Context& context);

}  // namespace vlaq::cli
