// The commands below `vlaq sim`, one file each.
#pragma once

#include "cli/command.h"

namespace vlaq::cli {

Action AddSimRecord(CLI::App& app, Context& context);
Action AddSimRender(CLI::App& app, Context& context);

}  // namespace vlaq::cli
