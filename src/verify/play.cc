#include "verify/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"

namespace vlaq::verify {
namespace {

using backend::NamedTensors;
using bundle::Bundle;
using runtime::Executor;

// Keeps what is watched of a step, the last of each where it is bound several times.
class Recorder : public runtime::Probe {
 public:
  explicit Recorder(const std::vector<WatchedValue>& watched) {
    for (const WatchedValue& value : watched) left_.emplace(value.seen_as, value.most_steps);
  }
  void See(std::string_view name, const Tensor& value) override {
    const auto found = left_.find(name);
    if (found != left_.end() && found->second > 0) step_.insert_or_assign(found->first, value);
  }
  // The values of the step that ended.
  NamedTensors Take() {
    for (const auto& [name, value] : step_) --left_.find(name)->second;
    return std::exchange(step_, {});
  }

 private:
  std::map<std::string, size_t, std::less<>> left_;  // steps that are still kept
  NamedTensors step_;
};

Result<Executor> Open(const Bundle& bundle, const PlayOptions& options) {
  if (options.graphs) return Executor::Open(bundle.policy, options.schedule, options.graphs);
  runtime::ExtraOutputs extra;
  for (const WatchedValue& watched : options.watched) {
    if (!watched.graph.empty()) extra[watched.graph].push_back(watched.value);
  }
  return runtime::OpenExecutor(bundle, options.schedule, *options.backend, options.open, extra);
}

Result<NamedTensors> TaskOf(const Bundle& bundle, const StepInputs& inputs) {
  if (inputs.task) return *inputs.task;
  VLAQ_ASSIGN_OR_RETURN(const auto text, runtime::OpenTextEncoder(bundle, {}));
  return text == nullptr ? NamedTensors() : text->Exported().values;
}

}  // namespace

Result<Played> Play(const Bundle& bundle, const StepInputs& inputs, const PlayOptions& options, Log& log) {
  Played played;
  auto executor = Open(bundle, options);
  if (!executor.ok()) {
    played.stopped = executor.error();
    played.opened = false;
    return played;
  }
  VLAQ_ASSIGN_OR_RETURN(const NamedTensors task, TaskOf(bundle, inputs));
  Recorder recorder(options.watched);
  executor->SetProbe(&recorder);
  for (size_t t = 0; t < inputs.steps && !played.stopped; ++t) {
    if (inputs.begins.contains(t)) executor->Reset();
    VLAQ_ASSIGN_OR_RETURN(NamedTensors values, inputs.read(t));
    values.insert(task.begin(), task.end());
    const bool wanted = options.only.empty() || options.only.contains(t);
    NamedTensors outputs;
    const Status status = wanted ? executor->StepInto(values, outputs) : executor->Advance(values);
    NamedTensors seen = recorder.Take();
    if (wanted) played.seen.push_back(std::move(seen));
    if (!status.ok()) {
      played.stopped = Within(fmt::format("step {}", t), status.error());
    } else if (wanted) {
      played.outputs.push_back(std::move(outputs));
    }
    log.Progress("steps", t + 1, inputs.steps);
  }
  executor->SetProbe(nullptr);
  return played;
}

Result<GraphInputs> ReadByGraphs(const Bundle& bundle, const StepInputs& inputs, PlayOptions options, Log& log) {
  StepInputs first = inputs;
  first.steps = std::min<size_t>(1, inputs.steps);
  for (const auto& [name, graph] : bundle.policy.graphs) {
    for (const auto& [port, value] : graph.inputs) options.watched.push_back({value});
  }
  VLAQ_ASSIGN_OR_RETURN(const Played played, Play(bundle, first, options, log));
  if (played.stopped) return *played.stopped;
  GraphInputs all;
  if (played.seen.empty()) return all;
  for (const auto& [name, graph] : bundle.policy.graphs) {
    NamedTensors ports;
    for (const auto& [port, value] : graph.inputs) {
      const auto seen = played.seen.front().find(value);
      if (seen != played.seen.front().end()) ports.emplace(port, seen->second);
    }
    if (ports.size() == graph.inputs.size()) all.emplace(name, std::move(ports));
  }
  return all;
}

}  // namespace vlaq::verify
