// A bundle's schedule, ready to run on a back end: what everything that runs a policy opens.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "runtime/executor.h"

namespace vlaq::runtime {

// Values of graphs that shall come out as well, by graph: the executor's probe sees them as "GRAPH.VALUE".
using ExtraOutputs = std::map<std::string, std::vector<std::string>, std::less<>>;

// `schedule`: empty for the bundle's default. Errors: as Executor::Open and OpenGraph. `bundle` and `backend` need not
// outlive it.
Result<Executor> OpenExecutor(const bundle::Bundle& bundle, std::string_view schedule, const backend::Backend& backend,
                              const backend::OpenOptions& options, const ExtraOutputs& extra = {},
                              uint64_t noise_seed = 0);

}  // namespace vlaq::runtime
