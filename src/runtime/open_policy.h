// A bundle's graphs and schedules, ready to run on a back end: what everything that runs a policy opens.
#pragma once

#include <map>
#include <memory>
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

// What is opened for a graph of the bundle: itself, or with OpenOptions::engines the engine that was made of it.
// `extra` names values of the graph that shall come out as well; the file stays as it is. Errors: kInput; kUsage for a
// name that no node makes, and for any that an engine shall give.
Result<backend::ModelSource> SourceOf(const bundle::Bundle& bundle, std::string_view graph,
                                      const backend::OpenOptions& options, const std::vector<std::string>& extra = {});

// That, ready to run. Errors: as SourceOf, and kBackend.
Result<std::unique_ptr<backend::OpenedModel>> OpenGraph(const bundle::Bundle& bundle, std::string_view graph,
                                                        const backend::Backend& backend,
                                                        const backend::OpenOptions& options,
                                                        const std::vector<std::string>& extra = {});

// `schedule`: empty for the bundle's default. Errors: as Executor::Open and OpenGraph. `bundle` and `backend` need not
// outlive it.
Result<Executor> OpenExecutor(const bundle::Bundle& bundle, std::string_view schedule, const backend::Backend& backend,
                              const backend::OpenOptions& options, const ExtraOutputs& extra = {},
                              uint64_t noise_seed = 0);

}  // namespace vlaq::runtime
