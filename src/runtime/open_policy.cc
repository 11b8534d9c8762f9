#include "runtime/open_policy.h"

#include "runtime/policy_runner.h"

namespace vlaq::runtime {

Result<Executor> OpenExecutor(const bundle::Bundle& bundle, std::string_view schedule, const backend::Backend& backend,
                              const backend::OpenOptions& options, const ExtraOutputs& extra, uint64_t noise_seed) {
  const GraphOpener open = [&](const std::string& graph) {
    const auto values = extra.find(graph);
    return OpenGraph(bundle, graph, backend, options,
                     values == extra.end() ? std::vector<std::string>() : values->second);
  };
  return Executor::Open(bundle.policy, schedule, open, noise_seed);
}

}  // namespace vlaq::runtime
