#include "runtime/executor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "runtime/executor_program.h"
#include "runtime/executor_window.h"
#include "tensor/convert.h"
#include "tensor/non_finite.h"

namespace vlaq::runtime {
namespace {

using policy::NoiseKind;
using policy::StepKind;

// A robot must not get such a value. Some kernels swallow NaN (ONNX Runtime's LSTM and clamps do), so that of an
// intermediate value with NaN the actions would be finite, plausible and blind.
Status RequireFinite(const Tensor& value, const std::string& what) {
  const NonFinite found = FindNonFinite(value.dtype(), value.bytes());
  if (!found.any()) return {};
  return Error{ErrorCode::kBackend, "is not finite: " + found.Describe(value.size()), what,
               "`vlaq inspect --hash` says whether weights of the bundle are not finite; else the model overflows"};
}

Tensor AddBatchAxis(const Tensor& tensor) {
  Shape shape;
  shape.reserve(tensor.shape().size() + 1);
  shape.push_back(1);
  shape.insert(shape.end(), tensor.shape().begin(), tensor.shape().end());
  return tensor.Reshaped(std::move(shape));
}

// Along the batch axis, which is there. Errors: kUsage without a place.
Result<Tensor> Stacked(std::span<const Tensor> rows) {
  const Tensor& first = rows.front();
  Shape shape = first.shape();
  shape[0] = 0;
  for (const Tensor& row : rows) {
    Shape rest = row.shape();
    rest[0] = first.shape()[0];
    if (row.dtype() != first.dtype() || rest != first.shape()) {
      return UsageError(
          fmt::format("steps of {} and of {} do not run at once", ShapeText(first.shape()), ShapeText(row.shape())));
    }
    shape[0] += row.shape()[0];
  }
  Tensor all = Tensor::Make(first.dtype(), std::move(shape));
  std::byte* to = all.mutable_bytes().data();
  for (const Tensor& row : rows) {
    std::memcpy(to, row.bytes().data(), row.bytes().size());
    to += row.bytes().size();
  }
  return all;
}

// Row `i` of the batch axis, the axis kept.
Tensor RowOf(const Tensor& tensor, size_t i) {
  Shape shape = tensor.shape();
  const size_t bytes = tensor.bytes().size() / static_cast<size_t>(shape[0]);
  shape[0] = 1;
  return Tensor::View(tensor.dtype(), std::move(shape), tensor.bytes().subspan(i * bytes, bytes),
                      std::make_shared<const Tensor>(tensor));
}

Tensor DropBatchAxis(const Tensor& tensor) {
  return tensor.Reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end()));
}

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Bytes x = a.bytes();
  const Bytes y = b.bytes();
  return x.data() == y.data() || x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0;
}

// Numbers in [0, 1) that the type holds exactly: rounding one up would give 1.
int UniformBits(DType dtype) { return dtype == DType::kF16 ? 11 : dtype == DType::kBF16 ? 8 : 24; }

void FillNoise(NoiseKind kind, int bits, Random random, std::span<float> out) {
  if (kind == NoiseKind::kZeros) return;
  const float unit = 1.0F / static_cast<float>(1U << static_cast<unsigned>(bits));
  for (float& x : out) {
    x = kind == NoiseKind::kNormal ? static_cast<float>(random.Normal())
                                   : static_cast<float>(random.Next() >> static_cast<unsigned>(64 - bits)) * unit;
  }
}

size_t BytesAfter(const Tensor& tensor, size_t axis) {
  size_t bytes = DTypeBits(tensor.dtype()) / 8;
  for (size_t i = axis + 1; i < tensor.shape().size(); ++i) bytes *= static_cast<size_t>(tensor.shape()[i]);
  return bytes;
}

Result<Tensor> SelectAlong(const Tensor& value, size_t axis, int64_t index) {
  Shape shape = value.shape();
  const int64_t extent = axis < shape.size() ? shape[axis] : 0;
  if (index < -extent || index >= extent || DTypeBits(value.dtype()) % 8 != 0) {
    return InputError("", fmt::format("there is no index {} along axis {} of {} {}", index, axis,
                                      DTypeName(value.dtype()), ShapeText(shape)));
  }
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  Tensor selected = Tensor::Make(value.dtype(), std::move(shape));
  const size_t piece = BytesAfter(value, axis);
  const auto at = static_cast<size_t>(index < 0 ? index + extent : index);
  std::byte* to = selected.mutable_bytes().data();
  for (size_t from = at * piece; from < value.bytes().size();
       from += static_cast<size_t>(extent) * piece, to += piece) {
    std::memcpy(to, value.bytes().data() + from, piece);
  }
  return selected;
}

bool FitsAlong(const Tensor& first, const Tensor& part, size_t axis) {
  if (part.dtype() != first.dtype() || part.rank() != first.rank()) return false;
  for (size_t i = 0; i < first.shape().size(); ++i) {
    if (i != axis && part.shape()[i] != first.shape()[i]) return false;
  }
  return true;
}

Result<Tensor> ConcatAlong(std::span<const Tensor* const> parts, size_t axis) {
  const Tensor& first = *parts.front();
  Shape shape = first.shape();
  if (axis >= shape.size() || DTypeBits(first.dtype()) % 8 != 0) {
    return InputError("",
                      fmt::format("there is no axis {} in {} {}", axis, DTypeName(first.dtype()), ShapeText(shape)));
  }
  shape[axis] = 0;
  for (const Tensor* part : parts) {
    if (!FitsAlong(first, *part, axis)) {
      return InputError(
          "", fmt::format("{} {} and {} {} do not go one after the other along axis {}", DTypeName(first.dtype()),
                          ShapeText(first.shape()), DTypeName(part->dtype()), ShapeText(part->shape()), axis));
    }
    shape[axis] += part->shape()[axis];
  }
  Tensor whole = Tensor::Make(first.dtype(), std::move(shape));
  const size_t piece = BytesAfter(first, axis);
  const size_t stride = static_cast<size_t>(whole.shape()[axis]) * piece;
  size_t offset = 0;
  for (const Tensor* part : parts) {
    const size_t run = static_cast<size_t>(part->shape()[axis]) * piece;
    size_t from = 0;
    for (size_t to = offset; from < part->bytes().size(); from += run, to += stride) {
      std::memcpy(whole.mutable_bytes().data() + to, part->bytes().data() + from, run);
    }
    offset += run;
  }
  return whole;
}

}  // namespace

struct Executor::State {
  // The values of `when` at the last run of a hold's steps.
  struct Hold {
    bool ran = false;
    std::vector<Tensor> when;
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
  std::vector<std::optional<Tensor>> given_carried;  // for this step
  std::vector<Hold> holds;
  // What a failed step puts back, the last first.
  std::vector<std::pair<size_t, Tensor>> replaced_values;
  std::vector<std::pair<size_t, Hold>> replaced_holds;
  const Tensor nothing = {};

  void Begin(uint64_t step) {
    steps = step;
    for (Tensor& value : values) value = nothing;
    for (SlidingWindow& window : windows) window.Clear();
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = program.carries[i].zeros;
    for (Hold& hold : holds) hold = {};
  }

  void Set(size_t value, Tensor tensor) {
    values[value] = std::move(tensor);
    if (probe != nullptr) probe->See(program.values[value].name, values[value]);
  }
  const std::string& NameOf(size_t value) const { return program.values[value].name; }

  Result<NamedTensors> Perform(const NamedTensors& inputs) {
    VLAQ_RETURN_IF_ERROR(TakeInputs(inputs));
    VLAQ_RETURN_IF_ERROR(RunSteps(program.steps));
    return GiveOutputs();
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
      Set(input.value, std::move(*stacked));
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
      const auto window = windows[step.memory].With(RowOf(value, i));
      if (!window.ok()) return Within(fmt::format("{}: '{}'", step.where, NameOf(step.value)), window.error());
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
    for (; !replaced_values.empty(); replaced_values.pop_back()) {
      values[replaced_values.back().first] = std::move(replaced_values.back().second);
    }
    for (; !replaced_holds.empty(); replaced_holds.pop_back()) {
      holds[replaced_holds.back().first] = std::move(replaced_holds.back().second);
    }
    Finish();
  }
  // Nothing of a step is kept alive beyond it but what the schedule keeps: whoever made the tensors may use their
  // memory again, and so may the windows.
  void Finish() {
    replaced_values.clear();
    replaced_holds.clear();
    std::fill(given_carried.begin(), given_carried.end(), std::nullopt);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!program.values[i].held) values[i] = nothing;
    }
  }

  // Both are in the order of their names.
  Status TakeInputs(const NamedTensors& inputs) {
    auto given = inputs.begin();
    for (const ProgramInput& input : program.inputs) {
      for (; given != inputs.end() && given->first < input.name; ++given) {
        VLAQ_RETURN_IF_ERROR(TakeCarried(given->first, given->second));
      }
      if (given != inputs.end() && given->first == input.name) {
        VLAQ_RETURN_IF_ERROR(TakeInput(input, given->second));
        ++given;
      } else if (input.value != kNoValue) {
        if (!input.noise) return Missing(input.name, inputs);
        VLAQ_RETURN_IF_ERROR(DrawNoise(input));
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
    given_carried[static_cast<size_t>(carry - all.begin())] = given;
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
    Tensor value = input.batched ? AddBatchAxis(given) : given;
    if (!IsOfType(value, input.type)) {
      return UsageError(fmt::format("the input '{}' is {} {}, and the policy takes {}", input.name,
                                    DTypeName(given.dtype()), ShapeText(given.shape()),
                                    TypeText(input.type, input.batched)));
    }
    if (input.value != kNoValue) Set(input.value, std::move(value));
    return {};
  }

  // A pure function of the seed, the step and the input, so that a step done again gets the same noise, and one input
  // does not move another's.
  Status DrawNoise(const ProgramInput& input) {
    const Shape& shape = *input.type.shape;
    if (!ElementCount(shape)) {
      return UsageError(
          fmt::format("the input '{}' is missing", input.name),
          fmt::format("noise of the shape {} cannot be drawn: give it", TypeText(input.type, input.batched)));
    }
    const DType dtype = *input.type.dtype;
    const Random random(seed, (steps << 16U) + input.stream);
    Tensor drawn = Tensor::Make(DType::kF32, shape);
    FillNoise(*input.noise, UniformBits(dtype), random, drawn.mutable_data<float>());
    if (dtype != DType::kF32) {
      Tensor converted = Tensor::Make(dtype, shape);
      Convert(DType::kF32, drawn.bytes(), dtype, converted.mutable_bytes());
      drawn = std::move(converted);
    }
    Set(input.value, std::move(drawn));
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
        return Bind(step, windows[step.memory].With(values[step.value]), step.value);
      case StepKind::kHold:
        return RunHold(step);
      case StepKind::kCarry:
        Set(step.as, given_carried[step.memory].value_or(carried[step.memory]));
        return {};
      case StepKind::kRepeat:
        return RunRepeat(step);
      case StepKind::kSelect:
        return Bind(step, SelectAlong(values[step.value], step.axis, step.index), step.value);
      case StepKind::kConcat:
        return RunConcat(step);
    }
    return InternalError(step.where, "is a step of no known kind");
  }

  Status Bind(const ProgramStep& step, Result<Tensor> made, size_t of) {
    if (!made.ok()) return Within(fmt::format("{}: '{}'", step.where, NameOf(of)), made.error());
    Set(step.as, std::move(*made));
    return {};
  }

  Status RunGraph(ProgramGraph& graph) {
    for (const ProgramGraph::Read& read : graph.reads) *read.to = values[read.value];
    Result<NamedTensors> outputs = graph.model->Run(graph.inputs);
    for (const ProgramGraph::Read& read : graph.reads) *read.to = nothing;
    if (!outputs.ok()) return Within(fmt::format("graph '{}'", graph.name), outputs.error());
    return TakeOutputs(graph, *outputs);
  }

  // Both are in the order of their names. The probe sees all of them before any is judged.
  Status TakeOutputs(const ProgramGraph& graph, NamedTensors& outputs) {
    auto made = graph.makes.begin();
    for (auto& [name, tensor] : outputs) {
      if (made != graph.makes.end() && made->output < name) break;
      if (made == graph.makes.end() || made->output != name) {
        if (probe != nullptr) probe->See(graph.name + "." + name, tensor);
        continue;
      }
      Set(made->value, std::move(tensor));
      ++made;
    }
    for (auto given = graph.makes.begin(); given != made; ++given) {
      if (!program.values[given->value].needed || !IsFloat(values[given->value].dtype())) continue;
      const Status finite = RequireFinite(values[given->value], "");
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
    for (const size_t made : step.makes) {
      replaced_values.emplace_back(made, std::move(values[made]));
      values[made] = nothing;
    }
    replaced_holds.emplace_back(step.memory, std::exchange(hold, {true, {}}));
    for (const size_t value : step.when) hold.when.push_back(values[value]);
    return RunSteps(step.steps);
  }

  Status RunRepeat(const ProgramStep& step) {
    for (const ProgramStep::Carried& carried_value : step.carry) Set(carried_value.as, values[carried_value.from]);
    std::vector<Tensor> next;
    for (size_t round = 0; round < static_cast<size_t>(step.times); ++round) {
      for (const ProgramStep::Constants& constants : step.constants) Set(constants.as, constants.rounds[round]);
      VLAQ_RETURN_IF_ERROR(RunSteps(step.steps));
      // All at once: the next of one value may be another one as it was in this round.
      next.clear();
      for (const ProgramStep::Carried& carried_value : step.carry) next.push_back(values[carried_value.next]);
      for (size_t i = 0; i < next.size(); ++i) Set(step.carry[i].as, std::move(next[i]));
    }
    return {};
  }

  Status RunConcat(const ProgramStep& step) {
    std::vector<const Tensor*> parts;
    for (const size_t value : step.values) parts.push_back(&values[value]);
    return Bind(step, ConcatAlong(parts, step.axis), step.values.front());
  }

  Result<NamedTensors> GiveOutputs() const {
    NamedTensors outputs;
    for (const ProgramOutput& output : program.outputs) {
      const Tensor& value = values[output.value];
      if (!IsOfType(value, output.type)) {
        return InputError(fmt::format("output '{}'", output.name),
                          fmt::format("is {} {} instead of {}, batch axis included", DTypeName(value.dtype()),
                                      ShapeText(value.shape()), TypeText(output.type, false)));
      }
      VLAQ_RETURN_IF_ERROR(RequireFinite(value, fmt::format("output '{}'", output.name)));
      outputs.emplace(output.name, output.batched ? DropBatchAxis(value) : value);
    }
    return outputs;
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
  state->given_carried.resize(state->program.carries.size());
  state->holds.resize(state->program.holds);
  state->Begin(0);
  return Executor(std::move(state));
}

Result<NamedTensors> Executor::Step(const NamedTensors& inputs) {
  Result<NamedTensors> outputs = state_->Perform(inputs);
  if (outputs.ok()) {
    state_->Commit();
  } else {
    state_->TakeBack();
  }
  return outputs;
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
