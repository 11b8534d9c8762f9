// What can be known to fail before the work of a verb begins, by its options' names, the same for all verbs.
#pragma once

#include "cli/verb.h"

namespace vlaq::cli {

// Looks at what was given to the verb that was parsed and to the verb below it:
//   --output, --receipt   the place can be written to, and nothing is there unless --force may replace it
//   --threads             no more than the machine has (a warning), and no absurd number
// Errors: kUsage; kInput if a place cannot be written to.
Status CheckBeforeWork(const CLI::App& program, Log& log);

}  // namespace vlaq::cli
