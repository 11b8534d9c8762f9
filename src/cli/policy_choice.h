// A bundle that shall drive, as the verbs that drive in the simulator open it.
#pragma once

#include "cli/verb.h"
#include "evaluation/policy_driver.h"

namespace vlaq::cli {

// Episodes run side by side, so each session gets one thread. `tokenizer`: empty for the bundle's own. Errors: kUsage
// if the bundle cannot be told where to go.
Result<std::unique_ptr<evaluation::PolicyDriverFactory>> OpenPolicy(const std::filesystem::path& bundle,
                                                                    const std::filesystem::path& tokenizer,
                                                                    const BackendChoice& choice,
                                                                    const backend::Backend& backend);

}  // namespace vlaq::cli
