#include "calibration/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "calibration/collector.h"
#include "calibration/draw.h"
#include "calibration/observed.h"
#include "onnx/model_file.h"
#include "passes/graph_names.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"

namespace vlaq::calibration {
namespace {

using backend::NamedTensors;
using quantization::ActivationStatistics;

// A value of a graph to be watched.
struct Watched {
  std::string graph, value;  // as the graph has it
  std::string seen_as;       // as the executor's probe says it
  bool is_port = false;      // bound in the schedule; else the graph must be asked for it
  ObservedValue observed;    // under its name in statistics
};

// The values of the graphs that the default schedule runs.
Result<std::vector<Watched>> WatchedIn(const bundle::Bundle& bundle) {
  passes::Graphs graphs;
  for (const auto& [name, file] : bundle.graphs) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(bundle.path / file.file));
    graphs.emplace(name, std::move(model));
  }
  const passes::GraphNames names(bundle.policy, graphs);
  std::vector<Watched> all;
  std::set<std::string> listed;
  for (const std::string& graph : passes::GraphsOf(bundle.policy.schedules.at(bundle.policy.default_schedule))) {
    auto values = ObservedValues(graphs.at(graph).graph);
    if (!values.ok()) return Within(bundle.GraphPath(graph).string(), values.error());
    const policy::Graph& ports = bundle.policy.graphs.at(graph);
    for (ObservedValue& value : *values) {
      Watched watched{graph, value.name, passes::WithGraph(graph, value.name), false, std::move(value)};
      for (const auto* bound : {&ports.inputs, &ports.outputs}) {
        const auto port = bound->find(watched.value);
        if (port == bound->end()) continue;
        watched.seen_as = port->second;
        watched.is_port = true;
      }
      watched.observed.name = names.Value(graph, watched.value);
      watched.observed.is_input = false;     // the collector gets all of them in one place
      watched.observed.has_padding = false;  // steps have no padding that could be told from the rest
      if (listed.insert(watched.observed.name).second) all.push_back(std::move(watched));
    }
  }
  return all;
}

// Keeps what it sees until the collector takes it: at the end of a step, or when a value comes again (a repeat).
class Watcher : public runtime::Probe {
 public:
  Watcher(const std::vector<Watched>& values, Collector& collector) : collector_(collector) {
    for (const Watched& value : values) by_name_.emplace(value.seen_as, &value);
  }

  void Begin(Item item) {
    item_ = std::move(item);
    status_ = {};
    seen_.clear();
    values_.clear();
  }
  void See(std::string_view name, const Tensor& value) override {
    const auto [begin, end] = by_name_.equal_range(name);
    for (auto found = begin; found != end; ++found) {
      const ObservedValue& observed = found->second->observed;
      if (seen_.contains(observed.name)) Take();
      seen_.emplace(observed.name, value);
      values_.push_back(observed);
      uint64_t& largest = bytes_[observed.name];
      largest = std::max<uint64_t>(largest, value.bytes().size());
    }
  }
  Status End() {
    Take();
    return status_;
  }
  // Bytes of each value, the most that one step had at once.
  const std::map<std::string, uint64_t>& bytes() const { return bytes_; }

 private:
  void Take() {
    if (status_.ok() && !seen_.empty()) status_ = collector_.Add(values_, {nothing_, seen_, {item_}, {}});
    seen_.clear();
    values_.clear();
  }

  Collector& collector_;
  std::multimap<std::string, const Watched*, std::less<>> by_name_;
  std::map<std::string, uint64_t> bytes_;
  Item item_;
  NamedTensors seen_;
  const NamedTensors nothing_;
  std::vector<ObservedValue> values_;
  Status status_;
};

class StepCalibration {
 public:
  StepCalibration(const bundle::Bundle& bundle, const backend::Backend& backend, StepSource& source,
                  const CalibrationOptions& options, Log& log)
      : bundle_(bundle),
        backend_(backend),
        source_(source),
        options_(options),
        log_(log),
        threads_(options.open.threads > 0 ? options.open.threads : HardwareThreads()),
        collector_(threads_, {}) {}

  Result<ActivationStatistics> Run() {
    if (bundle_.plan) {
      return InputError(bundle_.path.string(), "is quantised already", "calibrate the bundle that it was made from");
    }
    if (source_.size() == 0) return UsageError(fmt::format("{} holds no step", source_.name()));
    if (static_cast<int64_t>(source_.size()) < kSensibleSamples) {
      log_.Warning(fmt::format("{} are few: {} or more give ranges that hold", Counted(source_.size(), "step"),
                               kSensibleSamples));
    }
    VLAQ_RETURN_IF_ERROR(DrawHalves());
    VLAQ_ASSIGN_OR_RETURN(features_, runtime::FeatureReader::Make(bundle_.policy));
    VLAQ_ASSIGN_OR_RETURN(text_, runtime::OpenTextEncoder(bundle_, {}));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<Watched> values, WatchedIn(bundle_));
    VLAQ_ASSIGN_OR_RETURN(const auto parts, Parts(values));
    for (size_t pass = 0; pass < parts.size(); ++pass) VLAQ_RETURN_IF_ERROR(Pass(parts[pass], pass, parts.size()));
    return Finished();
  }

 private:
  // Each half of the steps has some of any phase; a single step is in the first, and the drift says so.
  Status DrawHalves() {
    halves_.assign(source_.size(), 0);
    if (source_.size() < static_cast<size_t>(kLeastSamples)) return {};
    const std::array lengths{static_cast<int64_t>(source_.size())};
    VLAQ_ASSIGN_OR_RETURN(const std::vector<Sample> samples, DrawSamples(lengths, lengths[0], options_.seed));
    for (const Sample& sample : samples) halves_[static_cast<size_t>(sample.t)] = sample.half;
    return {};
  }

  Result<runtime::Executor> OpenFor(const std::vector<Watched>& values) const {
    runtime::ExtraOutputs extra;
    for (const Watched& value : values) {
      if (!value.is_port) extra[value.graph].push_back(value.value);
    }
    return runtime::OpenExecutor(bundle_, "", backend_, options_.open, extra);
  }

  Status Step(runtime::Executor& executor, size_t index, Watcher& watcher) {
    VLAQ_ASSIGN_OR_RETURN(StepSource::Step step, source_.Read(index));
    if (step.begins) executor.Reset();
    if (text_ != nullptr) step.observation.insert(text_->Exported().values.begin(), text_->Exported().values.end());
    auto values = features_->Read(step.observation);
    if (!values.ok()) return Within(step.name, values.error());
    watcher.Begin({halves_[index], fmt::format("{} of {}", step.name, source_.name())});
    executor.SetProbe(&watcher);
    const auto outputs = executor.Step(*values);
    executor.SetProbe(nullptr);
    // What was seen says more of a failure than the failure does: the first value that is no number.
    VLAQ_RETURN_IF_ERROR(watcher.End());
    return outputs.ok() ? Status() : Within(step.name, outputs.error());
  }

  // Values that are taken in one pass, in order. A first step takes them all, to see how large they are.
  Result<std::vector<std::vector<Watched>>> Parts(const std::vector<Watched>& values) {
    std::vector<std::vector<Watched>> parts(1);
    VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor, OpenFor(values));
    Collector thrown_away(threads_, {});
    Watcher watcher(values, thrown_away);
    VLAQ_RETURN_IF_ERROR(Step(executor, 0, watcher));
    uint64_t used = 0;
    for (const Watched& value : values) {
      const auto found = watcher.bytes().find(value.observed.name);
      const uint64_t bytes = found == watcher.bytes().end() ? 0 : found->second;
      if (used > 0 && used + bytes > options_.memory_bytes) {
        parts.emplace_back();
        used = 0;
      }
      parts.back().push_back(value);
      used += bytes;
    }
    if (parts.size() > 1) {
      log_.Note(fmt::format("the values of a step do not fit into {}: {} passes over the steps",
                            HumanBytes(options_.memory_bytes), parts.size()));
    }
    return parts;
  }

  Status Pass(const std::vector<Watched>& values, size_t pass, size_t passes) {
    VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor, OpenFor(values));
    Watcher watcher(values, collector_);
    for (size_t i = 0; i < source_.size(); ++i) {
      VLAQ_RETURN_IF_ERROR(Step(executor, i, watcher));
      log_.Progress("steps", pass * source_.size() + i + 1, passes * source_.size());
    }
    return {};
  }

  // What was seen, whatever file it came from.
  Result<std::string> Hash() {
    Sha256 hash;
    for (size_t i = 0; i < source_.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(const StepSource::Step step, source_.Read(i));
      for (const auto& [name, tensor] : step.observation) {
        hash.Update(AsBytes(fmt::format("{} {} {}\n", name, DTypeName(tensor.dtype()), ShapeText(tensor.shape()))));
        hash.Update(tensor.bytes());
      }
    }
    return hash.FinishHex();
  }

  Result<ActivationStatistics> Finished() {
    ActivationStatistics statistics;
    statistics.source = IdentityOf(bundle_);
    statistics.samples = static_cast<int64_t>(source_.size());
    statistics.windows = statistics.samples;  // every graph ran at every step
    statistics.seed = options_.seed;
    statistics.runs_on = fmt::format("{}, {}", backend_.name(), options_.open.provider);
    VLAQ_ASSIGN_OR_RETURN(std::string hash, Hash());
    statistics.episodes = {{source_.name(), std::move(hash)}};
    for (const auto& [name, halves] : collector_.tallies()) statistics.values[name] = Finish(halves);
    return statistics;
  }

  const bundle::Bundle& bundle_;
  const backend::Backend& backend_;
  StepSource& source_;
  const CalibrationOptions& options_;
  Log& log_;
  int threads_;
  Collector collector_;
  std::vector<int> halves_;
  std::optional<runtime::FeatureReader> features_;
  std::unique_ptr<runtime::TextEncoder> text_;  // null: the policy reads no instruction
};

}  // namespace

Result<ActivationStatistics> CalibrateOnSteps(const bundle::Bundle& bundle, const backend::Backend& backend,
                                              StepSource& source, const CalibrationOptions& options, Log& log) {
  return StepCalibration(bundle, backend, source, options, log).Run();
}

}  // namespace vlaq::calibration
