#include "runtime/executor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "runtime/executor_program.h"
#include "runtime/executor_tensors.h"
#include "runtime/executor_window.h"
#include "runtime/noise.h"
#include "tensor/convert.h"
#include "tensor/non_finite.h"

namespace vlaq::runtime {
namespace {

using policy::StepKind;

// A robot must not get such a value. Some kernels swallow NaN (ONNX Runtime's LSTM and clamps do), so that of an
// intermediate value with NaN the actions would be finite, plausible and blind. Errors: without a place.
Status RequireFinite(const Tensor& value) {
  const NonFinite found = FindNonFinite(value.dtype(), value.bytes());
  if (!found.any()) return {};
  return Error{ErrorCode::kBackend, "is not finite: " + found.Describe(value.size()), "",
               "`vlaq inspect --hash` says whether weights of the bundle are not finite; else the model overflows"};
}

}  // namespace

// A step asks for no memory once one like it has been done: tensors are assigned to places that stay, and what the
// executor makes itself it makes in memory that it has (executor_allocation_test.cc).
struct Executor::State {
  // The values of `when` at the last run of a hold's steps, and what a failed step puts back.
  struct Hold {
    bool ran = false, ran_before = false, replaced = false;
    std::vector<Tensor> when, when_before, made_before;
  };
  struct GivenCarry {
    bool given = false;  // for this step
    Tensor value;
  };

  // Values' places are their indices in the program. Between control steps only those of holds stand in `values`.
  policy::Policy policy;
  std::string schedule;
  Program program;
  uint64_t seed = 0;
  Probe* probe = nullptr;
  uint64_t steps = 0;  // done since the episode began
  std::vector<Tensor> values;
  std::vector<SlidingWindow> windows;
  std::vector<Tensor> carried;
  std::vector<GivenCarry> given_carries;
  std::vector<Hold> holds;
  std::vector<const ProgramStep*> replaced;     // holds, in the order in which they ran anew
  std::vector<MadeTensor> own;                  // by select or concat
  std::vector<DrawnNoise> drawn;                // by input
  std::vector<std::vector<Tensor>> next_round;  // by repeat
  Tensor with_axis;                             // an input with its batch axis
  Shape shape;                                  // room for one
  const Tensor nothing = {};

  void Begin(uint64_t step) {
    steps = step;
    for (Tensor& value : values) value = nothing;
    for (SlidingWindow& window : windows) window.Clear();
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = program.carries[i].zeros;
    for (Hold& hold : holds) {
      hold.ran = false;
      for (Tensor& value : hold.when) value = nothing;
    }
  }

  void Show(size_t value) const {
    if (probe != nullptr) probe->See(program.values[value].name, values[value]);
  }
  void Set(size_t value, const Tensor& tensor) {
    values[value] = tensor;
    Show(value);
  }
  const std::string& NameOf(size_t value) const { return program.values[value].name; }

  Status Perform(const NamedTensors& inputs, NamedTensors& outputs) {
    for (auto& output : outputs) output.second = nothing;  // their memory may be what this step needs
    VLAQ_RETURN_IF_ERROR(TakeInputs(inputs));
    VLAQ_RETURN_IF_ERROR(RunSteps(program.steps));
    return GiveOutputs(outputs);
  }
  Status PerformLasting(const NamedTensors& inputs) {
    VLAQ_RETURN_IF_ERROR(TakeInputs(inputs));
    for (const ProgramStep& step : program.steps) {
      if (step.lasting) VLAQ_RETURN_IF_ERROR(RunStep(step));
    }
    return {};
  }

  Status PerformAllLasting(std::span<const NamedTensors> all) {
    std::vector<std::vector<Tensor>> rows(program.inputs.size());
    Probe* const looks_on = std::exchange(probe, nullptr);
    for (const NamedTensors& inputs : all) {
      Status taken = TakeInputs(inputs);
      if (!taken.ok()) {
        probe = looks_on;
        return taken;
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        if (program.inputs[i].value != kNoValue) rows[i].push_back(values[program.inputs[i].value]);
      }
      ++steps;
    }
    probe = looks_on;
    for (size_t i = 0; i < rows.size(); ++i) {
      const ProgramInput& input = program.inputs[i];
      if (rows[i].empty() || !input.batched) continue;
      auto stacked = Stacked(rows[i]);
      if (!stacked.ok()) return Within(fmt::format("the input '{}'", input.name), stacked.error());
      Set(input.value, *stacked);
    }
    for (const ProgramStep& step : program.steps) {
      if (step.lasting && step.kind == StepKind::kRun) VLAQ_RETURN_IF_ERROR(RunGraph(program.graphs[step.graph]));
      if (step.kind == StepKind::kWindow) VLAQ_RETURN_IF_ERROR(KeepRows(step, all.size()));
    }
    return {};
  }

  Status KeepRows(const ProgramStep& step, size_t count) {
    const Tensor& value = values[step.value];
    if (value.shape().empty() || value.shape()[0] != static_cast<int64_t>(count)) {
      return InputError(fmt::format("{}: '{}'", step.where, NameOf(step.value)),
                        fmt::format("is {} for {} steps", ShapeText(value.shape()), count));
    }
    for (size_t i = 0; i < count; ++i) {
      const Tensor row = value.Row(static_cast<int64_t>(i));
      shape.assign(1, 1);
      shape.insert(shape.end(), row.shape().begin(), row.shape().end());
      const Status kept = windows[step.memory].With(row.Reshaped(shape), with_axis);
      if (!kept.ok()) return Within(fmt::format("{}: '{}'", step.where, NameOf(step.value)), kept.error());
      windows[step.memory].Keep();
    }
    return {};
  }

  void Commit() {
    ++steps;
    for (SlidingWindow& window : windows) window.Keep();
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = values[program.carries[i].value];
    Finish();
  }
  void TakeBack() {
    for (SlidingWindow& window : windows) window.Discard();
    for (auto step = replaced.rbegin(); step != replaced.rend(); ++step) PutBack(**step);
    Finish();
  }
  void PutBack(const ProgramStep& step) {
    Hold& hold = holds[step.memory];
    for (size_t i = 0; i < step.makes.size(); ++i) values[step.makes[i]] = hold.made_before[i];
    hold.when.swap(hold.when_before);
    hold.ran = hold.ran_before;
  }
  // Nothing of a step is kept alive beyond it but what the schedule keeps: whoever made the tensors may use their
  // memory again, and so may the windows.
  void Finish() {
    for (const ProgramStep* step : replaced) {
      Hold& hold = holds[step->memory];
      hold.replaced = false;
      for (Tensor& value : hold.when_before) value = nothing;
      for (Tensor& value : hold.made_before) value = nothing;
    }
    replaced.clear();
    for (GivenCarry& carry : given_carries) {
      carry.given = false;
      carry.value = nothing;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (!program.values[i].held) values[i] = nothing;
    }
    with_axis = nothing;
  }

  // Both are in the order of their names.
  Status TakeInputs(const NamedTensors& inputs) {
    auto given = inputs.begin();
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      const ProgramInput& input = program.inputs[i];
      for (; given != inputs.end() && given->first < input.name; ++given) {
        VLAQ_RETURN_IF_ERROR(TakeCarried(given->first, given->second));
      }
      if (given != inputs.end() && given->first == input.name) {
        VLAQ_RETURN_IF_ERROR(TakeInput(input, given->second));
        ++given;
      } else if (input.value != kNoValue) {
        if (!input.noise) return Missing(input.name, inputs);
        VLAQ_RETURN_IF_ERROR(Draw(input, drawn[i]));
      }
    }
    for (; given != inputs.end(); ++given) VLAQ_RETURN_IF_ERROR(TakeCarried(given->first, given->second));
    return {};
  }

  // In place of what the last step left.
  Status TakeCarried(const std::string& name, const Tensor& given) {
    const auto& all = program.carries;
    const auto carry =
        std::find_if(all.begin(), all.end(), [&](const ProgramCarry& c) { return NameOf(c.as) == name; });
    if (carry == all.end()) return Unknown(name);
    const ValueType type{carry->zeros.dtype(), carry->zeros.shape()};
    if (!IsOfType(given, type)) {
      return UsageError(fmt::format("the carried value '{}' is {} {}, and the schedule takes {}", name,
                                    DTypeName(given.dtype()), ShapeText(given.shape()), TypeText(type, false)));
    }
    GivenCarry& taken = given_carries[static_cast<size_t>(carry - all.begin())];
    taken.given = true;
    taken.value = given;
    return {};
  }

  static Status Missing(const std::string& name, const NamedTensors& inputs) {
    std::vector<std::string> names;
    for (const auto& input : inputs) names.push_back(input.first);
    const std::string nearest = NearestWord(name, names);
    return UsageError(fmt::format("the input '{}' is missing", name),
                      nearest.empty() ? "" : fmt::format("is '{}' meant to be it?", nearest));
  }

  Status Unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const ProgramInput& input : program.inputs) names.push_back(input.name);
    const std::string nearest = NearestWord(name, names);
    return UsageError(fmt::format("there is no input '{}'", name),
                      nearest.empty() ? fmt::format("there are: {}", fmt::join(names, ", "))
                                      : fmt::format("did you mean '{}'?", nearest));
  }

  Status TakeInput(const ProgramInput& input, const Tensor& given) {
    shape.assign(input.batched ? 1 : 0, 1);
    shape.insert(shape.end(), given.shape().begin(), given.shape().end());
    with_axis.Assign(given.dtype(), shape, given.bytes(), given.owner());
    if (!IsOfType(with_axis, input.type)) {
      return UsageError(fmt::format("the input '{}' is {} {}, and the policy takes {}", input.name,
                                    DTypeName(given.dtype()), ShapeText(given.shape()),
                                    TypeText(input.type, input.batched)));
    }
    if (input.value != kNoValue) Set(input.value, with_axis);
    return {};
  }

  // A pure function of the seed, the step and the input, so that a step done again gets the same noise, and one input
  // does not move another's.
  Status Draw(const ProgramInput& input, DrawnNoise& room) {
    if (!ElementCount(*input.type.shape)) {
      return UsageError(
          fmt::format("the input '{}' is missing", input.name),
          fmt::format("noise of the shape {} cannot be drawn: give it", TypeText(input.type, input.batched)));
    }
    const Random random(seed, (steps << 16U) + input.stream);
    DrawNoise(*input.noise, *input.type.dtype, *input.type.shape, random, room).ShareAs(values[input.value]);
    Show(input.value);
    return {};
  }

  Status RunSteps(const std::vector<ProgramStep>& all) {
    for (const ProgramStep& step : all) VLAQ_RETURN_IF_ERROR(RunStep(step));
    return {};
  }

  Status RunStep(const ProgramStep& step) {
    switch (step.kind) {
      case StepKind::kRun:
        return RunGraph(program.graphs[step.graph]);
      case StepKind::kWindow:
        return Bind(step, windows[step.memory].With(values[step.value], values[step.as]));
      case StepKind::kHold:
        return RunHold(step);
      case StepKind::kCarry:
        Set(step.as, given_carries[step.memory].given ? given_carries[step.memory].value : carried[step.memory]);
        return {};
      case StepKind::kRepeat:
        return RunRepeat(step);
      case StepKind::kSelect:
        return Bind(step, SelectAlong(values[step.value], step.axis, step.index, own[step.memory]),
                    own[step.memory].tensor);
      case StepKind::kConcat:
        return Bind(step, ConcatAlong(values, step.values, step.axis, own[step.memory]), own[step.memory].tensor);
    }
    return InternalError(step.where, "is a step of no known kind");
  }

  // What values[step.as] has become.
  Status Bind(const ProgramStep& step, const Status& status) {
    if (!status.ok()) {
      const size_t of = step.kind == StepKind::kConcat ? step.values.front() : step.value;
      return Within(fmt::format("{}: '{}'", step.where, NameOf(of)), status.error());
    }
    Show(step.as);
    return {};
  }
  // What has been made.
  Status Bind(const ProgramStep& step, const Status& status, const ReusedTensor& tensor) {
    if (status.ok()) tensor.ShareAs(values[step.as]);
    return Bind(step, status);
  }

  Status RunGraph(ProgramGraph& graph) {
    for (const ProgramGraph::Read& read : graph.reads) *read.to = values[read.value];
    const Status status = graph.model->RunInto(graph.inputs, graph.outputs);
    for (const ProgramGraph::Read& read : graph.reads) *read.to = nothing;
    if (!status.ok()) return Within(fmt::format("graph '{}'", graph.name), status.error());
    Status taken = TakeOutputs(graph);
    for (auto& output : graph.outputs) output.second = nothing;
    return taken;
  }

  // Both are in the order of their names. The probe sees all of them before any is judged.
  Status TakeOutputs(const ProgramGraph& graph) {
    auto made = graph.makes.begin();
    for (const auto& [name, tensor] : graph.outputs) {
      if (made != graph.makes.end() && made->output < name) break;
      if (made == graph.makes.end() || made->output != name) {
        if (probe != nullptr) probe->See(graph.name + "." + name, tensor);
        continue;
      }
      Set(made->value, tensor);
      ++made;
    }
    for (auto given = graph.makes.begin(); given != made; ++given) {
      if (!program.values[given->value].needed || !IsFloat(values[given->value].dtype())) continue;
      const Status finite = RequireFinite(values[given->value]);
      if (!finite.ok()) return Within(DescribeMade(graph, *given), finite.error());
    }
    if (made == graph.makes.end()) return {};
    return Error{ErrorCode::kBackend, "was not given", DescribeMade(graph, *made), ""};
  }
  std::string DescribeMade(const ProgramGraph& graph, const ProgramGraph::Made& made) const {
    return fmt::format("graph '{}': output '{}', the value '{}'", graph.name, made.output, NameOf(made.value));
  }

  Status RunHold(const ProgramStep& step) {
    Hold& hold = holds[step.memory];
    bool same = hold.ran;
    for (size_t i = 0; same && i < step.when.size(); ++i) same = SameTensor(hold.when[i], values[step.when[i]]);
    if (same) return {};
    PutAside(step, hold);
    hold.ran = true;
    for (size_t i = 0; i < step.when.size(); ++i) hold.when[i] = values[step.when[i]];
    return RunSteps(step.steps);
  }
  // What the last control step left; within a repeat a hold may run several times in one.
  void PutAside(const ProgramStep& step, Hold& hold) {
    hold.when.resize(step.when.size());
    if (std::exchange(hold.replaced, true)) return;
    replaced.push_back(&step);
    hold.ran_before = hold.ran;
    hold.when_before.resize(step.when.size());
    hold.when.swap(hold.when_before);
    hold.made_before.resize(step.makes.size());
    for (size_t i = 0; i < step.makes.size(); ++i) hold.made_before[i] = values[step.makes[i]];
  }

  Status RunRepeat(const ProgramStep& step) {
    for (const ProgramStep::Carried& carried_value : step.carry) Set(carried_value.as, values[carried_value.from]);
    std::vector<Tensor>& next = next_round[step.memory];
    next.resize(step.carry.size());
    for (size_t round = 0; round < static_cast<size_t>(step.times); ++round) {
      for (const ProgramStep::Constants& constants : step.constants) Set(constants.as, constants.rounds[round]);
      VLAQ_RETURN_IF_ERROR(RunSteps(step.steps));
      // All at once: the next of one value may be another one as it was in this round.
      for (size_t i = 0; i < next.size(); ++i) next[i] = values[step.carry[i].next];
      for (size_t i = 0; i < next.size(); ++i) {
        Set(step.carry[i].as, next[i]);
        next[i] = nothing;
      }
    }
    return {};
  }

  Status GiveOutputs(NamedTensors& outputs) const {
    for (const ProgramOutput& output : program.outputs) {
      const Tensor& value = values[output.value];
      if (!IsOfType(value, output.type)) {
        return InputError(fmt::format("output '{}'", output.name),
                          fmt::format("is {} {} instead of {}, batch axis included", DTypeName(value.dtype()),
                                      ShapeText(value.shape()), TypeText(output.type, false)));
      }
      const Status finite = RequireFinite(value);
      if (!finite.ok()) return Within(fmt::format("output '{}'", output.name), finite.error());
      outputs[output.name].Assign(value.dtype(), std::span(value.shape()).subspan(output.batched ? 1 : 0),
                                  value.bytes(), value.owner());
    }
    return {};
  }
};

namespace {

// What is drawn must be of a type that numbers can be rounded to.
Status CheckNoise(const Program& program) {
  for (const ProgramInput& input : program.inputs) {
    if (!input.noise || IsConvertible(DType::kF32, *input.type.dtype)) continue;
    return InputError(fmt::format("inputs.{}", input.name),
                      fmt::format("noise cannot be {}", DTypeName(*input.type.dtype)), "float32 is usual");
  }
  return {};
}

}  // namespace

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

Result<Executor> Executor::Open(policy::Policy policy, std::string_view schedule, const GraphOpener& open,
                                uint64_t noise_seed) {
  auto state = std::make_unique<State>();
  state->policy = std::move(policy);
  state->schedule = schedule.empty() ? state->policy.default_schedule : std::string(schedule);
  state->seed = noise_seed;
  if (state->policy.schedules.count(state->schedule) == 0) {
    std::vector<std::string> names;
    for (const auto& known : state->policy.schedules) names.push_back(known.first);
    return UsageError(fmt::format("the policy has no schedule '{}'", state->schedule),
                      fmt::format("there are: {}", fmt::join(names, ", ")));
  }
  VLAQ_ASSIGN_OR_RETURN(state->program, MakeProgram(state->policy, state->schedule, open));
  VLAQ_RETURN_IF_ERROR(CheckNoise(state->program));
  state->values.resize(state->program.values.size());
  for (const int64_t length : state->program.windows) state->windows.emplace_back(length);
  state->carried.resize(state->program.carries.size());
  state->given_carries.resize(state->program.carries.size());
  state->holds.resize(state->program.holds);
  state->replaced.reserve(state->program.holds);
  state->own.resize(state->program.made);
  state->drawn.resize(state->program.inputs.size());
  state->next_round.resize(state->program.repeats);
  state->Begin(0);
  return Executor(std::move(state));
}

Result<NamedTensors> Executor::Step(const NamedTensors& inputs) {
  NamedTensors outputs;
  VLAQ_RETURN_IF_ERROR(StepInto(inputs, outputs));
  return outputs;
}

Status Executor::StepInto(const NamedTensors& inputs, NamedTensors& outputs) {
  Status done = state_->Perform(inputs, outputs);
  if (done.ok()) {
    state_->Commit();
  } else {
    state_->TakeBack();
  }
  return done;
}

Status Executor::Advance(const NamedTensors& inputs) {
  Status done = state_->PerformLasting(inputs);
  if (done.ok()) {
    state_->Commit();
  } else {
    state_->TakeBack();
  }
  return done;
}

Status Executor::AdvanceAll(std::span<const NamedTensors> steps) {
  if (steps.size() == 1) return Advance(steps.front());
  if (steps.empty()) return {};
  if (!look_back().at_once) {
    return UsageError(fmt::format("the steps of schedule '{}' do not run at once", state_->schedule));
  }
  Status done = state_->PerformAllLasting(steps);
  state_->Finish();
  return done;
}

void Executor::Reset(uint64_t step) { state_->Begin(step); }
const LookBack& Executor::look_back() const { return state_->program.look_back; }
void Executor::SetProbe(Probe* probe) { state_->probe = probe; }
const policy::Policy& Executor::policy() const { return state_->policy; }
const std::string& Executor::schedule() const { return state_->schedule; }

std::string Executor::Description() const {
  std::vector<std::string> graphs;
  std::vector<std::string> words;  // a back end says the same of all graphs as a rule
  for (const ProgramGraph& graph : state_->program.graphs) {
    graphs.push_back(graph.name);
    const std::string text = graph.model->Description();
    if (std::find(words.begin(), words.end(), text) == words.end()) words.push_back(text);
  }
  return fmt::format("{} ({}): {}", state_->schedule, fmt::join(graphs, " + "), fmt::join(words, "; "));
}

}  // namespace vlaq::runtime
