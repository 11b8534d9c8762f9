// What can be known to fail before the work of a command begins, by its options' names, the same for all commands.
#pragma once

#include "cli/command.h"

namespace vlaq::cli {

// Looks at what was given to the command that was parsed and to the command below it:
//   --output              the place can be written to, and nothing is there unless --force may replace it
//   --threads             no more than the machine has (a warning), and no absurd number
// Errors: kUsage; kInput if a place cannot be written to.
Status CheckBeforeWork(const CLI::App& program, Log& log);

}  // namespace vlaq::cli
