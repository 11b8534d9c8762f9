#include "vlaq/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "api/backends.h"
#include "bundle/bundle.h"
#include "runtime/action_queue.h"
#include "runtime/executor.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"
#include "tensor/convert.h"

namespace vlaq {
namespace {

using api::MakeBackend;
using api::OpenOptionsOf;
using runtime::EncodedTask;

FeatureType TypeOf(policy::InputType type) {
  switch (type) {
    case policy::InputType::kImage:
      return FeatureType::kImage;
    case policy::InputType::kState:
      return FeatureType::kState;
    case policy::InputType::kText:
      return FeatureType::kText;
    case policy::InputType::kNoise:
      return FeatureType::kNoise;
  }
  return FeatureType::kState;
}

// Whether graphs that `steps` run read a value of the text input `name`.
bool Reads(const std::vector<policy::Step>& steps, const policy::Policy& policy, const std::string& name) {
  return std::any_of(steps.begin(), steps.end(), [&](const policy::Step& step) {
    if (Reads(step.steps, policy, name)) return true;
    const auto graph = policy.graphs.find(step.graph);
    if (step.kind != policy::StepKind::kRun || graph == policy.graphs.end()) return false;
    return std::any_of(graph->second.inputs.begin(), graph->second.inputs.end(),
                       [&](const auto& binding) { return binding.second.starts_with(name + "."); });
  });
}

PolicyFeatures FeaturesOf(const policy::Policy& policy) {
  PolicyFeatures features;
  for (const policy::Input& input : policy.inputs) {
    features.inputs.push_back({input.name, TypeOf(input.type), input.dtype, input.shape, input.names, input.units});
  }
  for (const auto& [name, steps] : policy.schedules) {
    for (const policy::Step& step : steps) {
      const bool known = std::any_of(features.inputs.begin(), features.inputs.end(),
                                     [&](const Feature& feature) { return feature.name == step.as; });
      if (step.kind != policy::StepKind::kCarry || known) continue;
      features.inputs.push_back({step.as, FeatureType::kMemory, step.dtype, step.shape, {}, {}});
    }
  }
  for (const policy::Output& output : policy.outputs) {
    features.outputs.push_back(
        {output.name, FeatureType::kAction, output.dtype, output.shape, output.names, output.units});
  }
  for (const auto& [name, steps] : policy.schedules) features.schedules.push_back(name);
  features.default_schedule = policy.default_schedule;
  features.control_period_s = policy.control.period_s;
  return features;
}

// Whether what an instruction becomes is read by the schedule's graphs; else it is baked into them.
bool ReadsTask(const policy::Policy& policy, const std::string& schedule) {
  const auto& steps = policy.schedules.find(schedule)->second;
  return std::any_of(policy.inputs.begin(), policy.inputs.end(), [&](const policy::Input& input) {
    return input.type == policy::InputType::kText && Reads(steps, policy, input.name);
  });
}

}  // namespace

Result<PolicyFeatures> ReadFeatures(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  return FeaturesOf(bundle.policy);
}

std::string_view Name(FeatureType type) {
  constexpr std::array<std::string_view, 6> kNames{"image", "state", "text", "noise", "memory", "action"};
  return kNames[static_cast<size_t>(type)];
}

struct Policy::State {
  State(bundle::Bundle opened, std::unique_ptr<backend::Backend> runs)
      : bundle(std::move(opened)), backend(std::move(runs)), queue(bundle.policy.control) {}

  bundle::Bundle bundle;
  std::unique_ptr<backend::Backend> backend;
  std::optional<runtime::Executor> executor;
  std::optional<runtime::FeatureReader> features;
  std::unique_ptr<runtime::TextEncoder> text;  // null: the policy reads no instruction
  runtime::ActionQueue queue;
  bool reads_task = false;  // the schedule's graphs do; else what they are told is baked in
  Task task;
  PolicyFeatures has;

  void Forget() {
    executor->Reset();
    queue.Reset();
  }

  Status CheckFollows() const {
    if (text == nullptr || !reads_task) {
      return UsageError(text == nullptr ? "the policy reads no instruction, or it is baked into its graphs"
                                        : fmt::format("the instruction is baked into the graphs of the schedule '{}'",
                                                      executor->schedule()),
                        "take another schedule, or export again with this instruction");
    }
    return {};
  }

  void Take(EncodedTask encoded) {
    task = {std::move(encoded.text), std::move(encoded.values), std::move(encoded.complaint)};
    Forget();
  }
};

Policy::Policy(std::unique_ptr<State> state) : state_(std::move(state)) {}
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;
Policy::~Policy() = default;

Result<Policy> Policy::Open(const std::filesystem::path& path, const PolicyOptions& options) {
  if (!options.engines.empty() && options.provider != "tensorrt") {
    return UsageError(fmt::format("engines do not run on the provider {}", options.provider),
                      "take the provider tensorrt");
  }
  VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(path));
  VLAQ_ASSIGN_OR_RETURN(auto backend, MakeBackend(options));
  auto state = std::make_unique<State>(std::move(bundle), std::move(backend));
  VLAQ_ASSIGN_OR_RETURN(state->executor, runtime::OpenExecutor(state->bundle, options.schedule, *state->backend,
                                                               OpenOptionsOf(options), {}, options.noise_seed));
  VLAQ_ASSIGN_OR_RETURN(state->features, runtime::FeatureReader::Make(state->bundle.policy));
  VLAQ_ASSIGN_OR_RETURN(state->text, runtime::OpenTextEncoder(state->bundle, options.tokenizer));
  state->has = FeaturesOf(state->bundle.policy);
  state->reads_task = ReadsTask(state->bundle.policy, state->executor->schedule());
  if (state->text != nullptr) state->Take(state->text->Exported());
  return Policy(std::move(state));
}

void Policy::Reset() { state_->Forget(); }

Status Policy::Reset(std::string_view task) {
  VLAQ_RETURN_IF_ERROR(state_->CheckFollows());
  VLAQ_ASSIGN_OR_RETURN(EncodedTask encoded, state_->text->Encode(task));
  state_->Take(std::move(encoded));
  return {};
}

Status Policy::ResetTokens(std::map<std::string, Tensor> values) {
  VLAQ_RETURN_IF_ERROR(state_->CheckFollows());
  VLAQ_ASSIGN_OR_RETURN(EncodedTask encoded, state_->text->Complete(values));
  state_->Take(std::move(encoded));
  return {};
}

const Policy::Task& Policy::task() const { return state_->task; }

bool Policy::follows_instructions() const { return state_->CheckFollows().ok() && state_->text->can_encode(); }

Result<Outputs> Policy::Step(const Observation& observation) {
  backend::NamedTensors all = observation;
  for (const auto& [name, value] : state_->task.values) {
    if (!all.emplace(name, value).second) {
      return UsageError(fmt::format("the observation has '{}', which the instruction makes", name),
                        "give it to ResetTokens()");
    }
  }
  VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors values, state_->features->Read(all));
  Outputs outputs;
  VLAQ_ASSIGN_OR_RETURN(outputs.raw, state_->executor->Step(values));
  for (const auto& [name, raw] : outputs.raw) {
    VLAQ_ASSIGN_OR_RETURN(const Tensor value, state_->features->Unnormalize(name, raw));
    VLAQ_ASSIGN_OR_RETURN(outputs.values[name], ToFloat32(value));
  }
  return outputs;
}

Result<Tensor> Policy::Act(const Observation& observation) {
  const Feature& output = state_->has.outputs.front();
  if (output.shape.size() != 1 && output.shape.size() != 2) {
    return UsageError(fmt::format("the output '{}' is {}, no action [dim] and no chunk of them [n, dim]", output.name,
                                  ShapeText(output.shape)),
                      "take Step()");
  }
  if (state_->queue.NeedsChunk()) {
    VLAQ_ASSIGN_OR_RETURN(const Outputs outputs, Step(observation));
    Tensor chunk = outputs.values.at(output.name);
    if (chunk.rank() == 1) chunk = chunk.Reshaped({1, chunk.shape()[0]});
    VLAQ_RETURN_IF_ERROR(state_->queue.Push(chunk));
  }
  return state_->queue.Pop();
}

const std::vector<Feature>& Policy::inputs() const { return state_->has.inputs; }
const std::vector<Feature>& Policy::outputs() const { return state_->has.outputs; }
const std::string& Policy::schedule() const { return state_->executor->schedule(); }
double Policy::control_period_s() const { return state_->has.control_period_s; }
std::string Policy::Describe() const { return state_->executor->Description(); }

}  // namespace vlaq
