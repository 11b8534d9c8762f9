#include "verify/golden_places.h"

#include <algorithm>

#include "onnx/model_file.h"
#include "verify/schedules.h"

namespace vlaq::verify {

using policy::Policy;
using Ports = std::map<std::string, std::string>;

Result<GoldenPlaces> GoldenPlaces::Make(const bundle::Bundle& bundle) {
  GoldenPlaces places(bundle);
  places.graphs_ = GraphsInOrder(bundle.policy);
  const std::vector<std::string> of_schedule = GraphsOf(places.Steps());
  places.of_schedule_ = of_schedule.size();
  for (const std::string& graph : of_schedule) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle.GraphPath(graph)));
    auto& makers = places.makers_[graph];
    for (size_t i = 0; i < model.graph.nodes.size(); ++i) {
      for (const std::string& output : model.graph.nodes[i].outputs) makers.emplace(output, i);
    }
  }
  return places;
}

const std::vector<policy::Step>& GoldenPlaces::Steps() const {
  static const std::vector<policy::Step> none;
  const auto found = bundle_->policy.schedules.find(bundle_->policy.default_schedule);
  return found == bundle_->policy.schedules.end() ? none : found->second;
}

std::optional<GoldenPlace> GoldenPlaces::Find(std::string_view name) const {
  const Policy& policy = bundle_->policy;
  for (const policy::Input& input : policy.inputs) {
    for (const std::string& value : policy::ValuesOf(input)) {
      if (value == name) return Bound(value);
    }
  }
  if (policy.FindOutput(name) != nullptr) return Bound(std::string(name));
  for (const std::string& graph : graphs_) {
    const auto bindings = policy.graphs.find(graph);
    if (bindings == policy.graphs.end()) continue;
    for (const Ports* ports : {&bindings->second.inputs, &bindings->second.outputs}) {
      const auto port = ports->find(std::string(name));
      if (port != ports->end()) return Bound(port->second);
    }
  }
  const auto stage = bundle_->stages.find(std::string(name));
  return stage == bundle_->stages.end() ? std::nullopt : Within(stage->second);
}

// A value of the schedules; of a window the one that goes into it.
std::optional<GoldenPlace> GoldenPlaces::Bound(std::string value) const {
  const Policy& policy = bundle_->policy;
  for (const auto& [name, steps] : policy.schedules) {
    while (const policy::Step* window = WindowThatMakes(steps, value)) value = window->value;
  }
  GoldenPlace place{value, "", "", false, policy.FindOutput(value) != nullptr, {}};
  for (const policy::Input& input : policy.inputs) {
    const auto values = policy::ValuesOf(input);
    if (std::ranges::find(values, value) == values.end()) continue;
    place.is_input = true;
    return place;
  }
  for (size_t i = 0; i < of_schedule_; ++i) {
    for (const auto& [port, made] : policy.graphs.at(graphs_[i]).outputs) {
      if (made != value) continue;
      const auto& makers = makers_.at(graphs_[i]);
      const auto node = makers.find(port);
      place.order = {i + 1, node == makers.end() ? makers.size() : node->second};
      return place;
    }
  }
  place.order = {of_schedule_ + 1, 0};  // of a step that runs no graph, or of another schedule
  return place;
}

std::optional<GoldenPlace> GoldenPlaces::Within(const std::string& value) const {
  for (size_t i = 0; i < of_schedule_; ++i) {
    const std::string& graph = graphs_[i];
    const Ports& outputs = bundle_->policy.graphs.at(graph).outputs;
    if (const auto port = outputs.find(value); port != outputs.end()) return Bound(port->second);
    const auto& makers = makers_.at(graph);
    const auto node = makers.find(value);
    if (node == makers.end()) continue;
    return GoldenPlace{graph + "." + value, graph, value, false, false, {i + 1, node->second}};
  }
  return std::nullopt;
}

std::string GoldenPlaces::NameOf(const std::string& value) const {
  const Policy& policy = bundle_->policy;
  std::string made;
  for (const std::string& graph : graphs_) {
    const auto bindings = policy.graphs.find(graph);
    if (bindings == policy.graphs.end()) continue;
    for (const auto& [port, read] : bindings->second.inputs) {
      const policy::Step* window = WindowThatMakes(Steps(), read);
      if (read == value || (window != nullptr && window->value == value)) return port;
    }
    for (const auto& [port, given] : bindings->second.outputs) {
      if (given == value && made.empty()) made = port;
    }
  }
  return made.empty() ? value : made;
}

}  // namespace vlaq::verify
