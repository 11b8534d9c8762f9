#include "quantize/calibrate/watched.h"

#include <algorithm>
#include <set>

#include "onnx/model_file.h"
#include "quantize/rewrite/graph_names.h"

namespace vlaq::calibrate {
namespace {

// The graph's inputs that an instruction comes in by.
std::set<std::string> TextPorts(const policy::Policy& policy, const policy::Graph& graph) {
  std::set<std::string> ports;
  for (const policy::Input& input : policy.inputs) {
    if (input.type != policy::InputType::kText) continue;
    const std::vector<std::string> values = policy::ValuesOf(input);
    for (const auto& [port, value] : graph.inputs) {
      if (std::find(values.begin(), values.end(), value) != values.end()) ports.insert(port);
    }
  }
  return ports;
}

void Bind(const policy::Graph& ports, Watched& watched) {
  for (const auto* bound : {&ports.inputs, &ports.outputs}) {
    const auto port = bound->find(watched.value);
    if (port == bound->end()) continue;
    watched.seen_as = port->second;
    watched.is_port = true;
  }
}

}  // namespace

Result<WatchedValues> WatchedIn(const bundle::Bundle& bundle) {
  rewrite::Graphs graphs;
  for (const auto& [name, file] : bundle.graphs) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(bundle.path / file.file));
    graphs.emplace(name, std::move(model));
  }
  const rewrite::GraphNames names(bundle.policy, graphs);
  WatchedValues all;
  std::set<std::string> listed;
  for (const std::string& graph : rewrite::GraphsOf(bundle.policy.schedules.at(bundle.policy.default_schedule))) {
    const onnx::Graph& nodes = graphs.at(graph).graph;
    const policy::Graph& ports = bundle.policy.graphs.at(graph);
    auto values = ObservedValues(nodes, TextPorts(bundle.policy, ports));
    if (!values.ok()) return Within(bundle.GraphPath(graph).string(), values.error());
    if (all.baked_mask.empty()) all.baked_mask = BakedMask(nodes);
    for (ObservedValue& value : *values) {
      Watched watched{graph, value.name,        rewrite::WithGraph(graph, value.name),
                      false, all.values.size(), std::move(value)};
      Bind(ports, watched);
      watched.observed.name = names.Value(graph, watched.value);
      watched.observed.is_input = false;  // the observer gets all of them in one place
      if (listed.insert(watched.observed.name).second) all.values.push_back(std::move(watched));
    }
  }
  return all;
}

runtime::ExtraOutputs ExtraOf(const std::vector<Watched>& values) {
  runtime::ExtraOutputs extra;
  for (const Watched& value : values) {
    if (!value.is_port) extra[value.graph].push_back(value.value);
  }
  return extra;
}

Watcher::Watcher(const std::vector<Watched>& values, ActivationObserver& observer) : observer_(observer) {
  for (const Watched& value : values) by_name_.emplace(value.seen_as, &value);
}

void Watcher::Begin(std::vector<BatchSample> items, std::vector<int64_t> mask) {
  items_ = std::move(items);
  mask_ = std::move(mask);
  status_ = {};
  seen_.clear();
  values_.clear();
}

void Watcher::See(std::string_view name, const Tensor& value) {
  const auto [begin, end] = by_name_.equal_range(name);
  for (auto found = begin; found != end; ++found) {
    const ObservedValue& observed = found->second->observed;
    if (seen_.contains(observed.name)) Take();
    seen_.emplace(observed.name, value);
    values_.emplace(found->second->order, observed);
    uint64_t& largest = bytes_[observed.name];
    largest = std::max<uint64_t>(largest, value.bytes().size());
  }
}

Status Watcher::End() {
  Take();
  return status_;
}

void Watcher::Take() {
  if (status_.ok() && !seen_.empty()) {
    std::vector<ObservedValue> values;  // so that the first that is no number is told
    for (const auto& [order, value] : values_) values.push_back(value);
    if (items_.size() == 1) observer_.LearnShapes(values, {nothing_, seen_, {}, {}});
    status_ = observer_.Add(values, {nothing_, seen_, items_, mask_});
  }
  seen_.clear();
  values_.clear();
}

}  // namespace vlaq::calibrate
