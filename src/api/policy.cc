#include "vlaq/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/assemble.h"
#include "api/backends.h"
#include "bundle/bundle.h"
#include "image/decode.h"
#include "runtime/action_queue.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"
#include "tensor/convert.h"

namespace vlaq {
namespace {

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

// Zeros as the graph takes them.
Tensor BlankOf(const policy::Input& input) {
  Shape shape = input.shape;
  const size_t rows = input.layout == policy::ImageLayout::kChw ? 1 : 0;
  if (input.type == policy::InputType::kImage && shape.size() == 3) {
    if (shape[rows] < 0) shape[rows] = input.preprocess.height();
    if (shape[rows + 1] < 0) shape[rows + 1] = input.preprocess.width();
  }
  for (int64_t& extent : shape) extent = extent < 0 ? 1 : extent;
  return Tensor::Make(input.dtype, std::move(shape));
}

}  // namespace

Result<PolicyFeatures> ReadFeatures(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  return FeaturesOf(bundle.policy);
}

Result<Tensor> ReadImage(const std::filesystem::path& file) {
  VLAQ_ASSIGN_OR_RETURN(const image::Image image, image::ReadImage(file));
  return Tensor::From<uint8_t>({image.height, image.width, 3}, image.rgb);
}

std::string_view Name(FeatureType type) {
  constexpr std::array<std::string_view, 6> kNames{"image", "state", "text", "noise", "memory", "action"};
  return kNames[static_cast<size_t>(type)];
}

std::string Feature::NameOf(size_t i) const { return i < names.size() ? names[i] : fmt::format("{}[{}]", name, i); }
std::string Feature::UnitOf(size_t i) const { return i < units.size() ? units[i] : ""; }

std::string Feature::Describe() const {
  std::string text = fmt::format("{}, {}", name, Name(type));
  if (type != FeatureType::kText) text += fmt::format(" {} {}", DTypeName(dtype), ShapeText(shape));
  for (size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? ": " : ", ", names[i]);
    if (!UnitOf(i).empty()) text += fmt::format(" ({})", units[i]);
  }
  return text;
}

struct Policy::State {
  State(runtime::Executor runs, runtime::FeatureReader reads, std::shared_ptr<const runtime::TextEncoder> encodes)
      : executor(std::move(runs)),
        features(std::move(reads)),
        text(std::move(encodes)),
        queue(executor.policy().control),
        has(FeaturesOf(executor.policy())),
        reads_task(api::ReadsTask(executor.policy(), executor.schedule())) {}

  runtime::Executor executor;
  runtime::FeatureReader features;
  std::shared_ptr<const runtime::TextEncoder> text;  // null: the policy reads no instruction
  runtime::ActionQueue queue;
  PolicyFeatures has;
  bool reads_task;  // the schedule's graphs do; else what they are told is baked in
  Task task;

  void Forget() {
    executor.Reset();
    queue.Reset();
  }

  Status CheckFollows() const {
    if (text == nullptr || !reads_task) {
      return UsageError(text == nullptr ? "the policy reads no instruction, or it is baked into its graphs"
                                        : fmt::format("the instruction is baked into the graphs of the schedule '{}'",
                                                      executor.schedule()),
                        "take another schedule, or export again with this instruction");
    }
    return {};
  }

  void Take(EncodedTask encoded) {
    task = {std::move(encoded.text), std::move(encoded.values), std::move(encoded.complaint)};
    Forget();
  }
};

namespace api {

bool ReadsTask(const policy::Policy& policy, std::string_view schedule) {
  const auto steps = policy.schedules.find(schedule.empty() ? policy.default_schedule : schedule);
  const policy::Input* text = policy::TextInput(policy);
  return text != nullptr && steps != policy.schedules.end() && Reads(steps->second, policy, text->name);
}

Result<Policy> Assemble(policy::Policy policy, const runtime::GraphOpener& open, AssembleOptions options) {
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor,
                        runtime::Executor::Open(std::move(policy), options.schedule, open, options.noise_seed));
  auto state = std::make_unique<Policy::State>(std::move(executor), std::move(features), std::move(options.text));
  if (state->text != nullptr) state->Take(state->text->Exported());
  return Policy(std::move(state));
}

Result<Policy> Assemble(const bundle::Bundle& bundle, const backend::Backend& backend, const backend::OpenOptions& open,
                        AssembleOptions options) {
  if (options.text == nullptr) {
    VLAQ_ASSIGN_OR_RETURN(options.text, runtime::OpenTextEncoder(bundle, {}));
  }
  const runtime::GraphOpener open_graph = [&](const std::string& graph) {
    return runtime::OpenGraph(bundle, graph, backend, open);
  };
  return Assemble(bundle.policy, open_graph, std::move(options));
}

}  // namespace api

Policy::Policy(std::unique_ptr<State> state) : state_(std::move(state)) {}
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;
Policy::~Policy() = default;

Result<Policy> Policy::Open(const std::filesystem::path& path, const PolicyOptions& options) {
  if (!options.engines.empty() && options.provider != "tensorrt") {
    return UsageError(fmt::format("engines do not run on the provider {}", options.provider),
                      "take the provider tensorrt");
  }
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  VLAQ_ASSIGN_OR_RETURN(const auto backend, api::MakeBackend(options));
  VLAQ_ASSIGN_OR_RETURN(auto text, runtime::OpenTextEncoder(bundle, options.tokenizer));
  return api::Assemble(bundle, *backend, api::OpenOptionsOf(options),
                       {options.schedule, std::move(text), options.noise_seed});
}

void Policy::Reset() { state_->Forget(); }

Status Policy::Reset(std::string_view task) {
  VLAQ_RETURN_IF_ERROR(state_->CheckFollows());
  VLAQ_ASSIGN_OR_RETURN(EncodedTask encoded, state_->text->Encode(task));
  state_->Take(std::move(encoded));
  return {};
}

Status Policy::ResetTokens(Values values) {
  VLAQ_RETURN_IF_ERROR(state_->CheckFollows());
  VLAQ_ASSIGN_OR_RETURN(EncodedTask encoded, state_->text->Complete(values));
  state_->Take(std::move(encoded));
  return {};
}

const Policy::Task& Policy::task() const { return state_->task; }

bool Policy::follows_instructions() const { return state_->CheckFollows().ok() && state_->text->can_encode(); }

Result<Values> Policy::Prepare(const Observation& observation) {
  Values all = observation;
  for (const auto& [name, value] : state_->task.values) {
    if (!all.emplace(name, value).second) {
      return UsageError(fmt::format("the observation has '{}', which the instruction makes", name),
                        "give it to ResetTokens()");
    }
  }
  return state_->features.Read(all);
}

Result<Values> Policy::Run(const Values& prepared) { return state_->executor.Step(prepared); }

Result<Outputs> Policy::Step(const Observation& observation) {
  VLAQ_ASSIGN_OR_RETURN(const Values prepared, Prepare(observation));
  Outputs outputs;
  VLAQ_ASSIGN_OR_RETURN(outputs.raw, Run(prepared));
  for (const auto& [name, raw] : outputs.raw) {
    VLAQ_ASSIGN_OR_RETURN(const Tensor value, state_->features.Unnormalize(name, raw));
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

Observation Policy::Blank() const {
  Observation blank;
  for (const policy::Input& input : state_->executor.policy().inputs) {
    const bool observed = input.type == policy::InputType::kImage || input.type == policy::InputType::kState;
    if (observed) blank.emplace(input.name, BlankOf(input));
  }
  return blank;
}

const std::vector<Feature>& Policy::inputs() const { return state_->has.inputs; }
const std::vector<Feature>& Policy::outputs() const { return state_->has.outputs; }
const std::string& Policy::schedule() const { return state_->executor.schedule(); }
double Policy::control_period_s() const { return state_->has.control_period_s; }
std::string Policy::Describe() const { return state_->executor.Description(); }

}  // namespace vlaq
