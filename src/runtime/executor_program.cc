#include "runtime/executor_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "runtime/executor_look_back.h"
#include "tensor/convert.h"

namespace vlaq::runtime {
namespace {

using policy::InputType;
using policy::StepKind;

Shape WithBatchAxis(const Shape& shape, bool batched) {
  Shape whole = shape;
  if (batched) whole.insert(whole.begin(), 1);
  return whole;
}

bool Agree(const Shape& a, const Shape& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](int64_t x, int64_t y) { return x < 0 || y < 0 || x == y; });
}

// False only where they cannot be of one value.
bool Agree(const ValueType& a, const ValueType& b) {
  if (a.dtype && b.dtype && *a.dtype != *b.dtype) return false;
  return !a.shape || !b.shape || Agree(*a.shape, *b.shape);
}

// What `more` knows beyond `type`; they agree.
void Learn(ValueType& type, const ValueType& more) {
  if (!type.dtype) type.dtype = more.dtype;
  if (!type.shape) {
    type.shape = more.shape;
  } else if (more.shape) {
    for (size_t i = 0; i < type.shape->size(); ++i) {
      if ((*type.shape)[i] < 0) (*type.shape)[i] = (*more.shape)[i];
    }
  }
}

// Back ends give no extents for an output of unknown rank either.
ValueType OutputType(const backend::Port& port) {
  return {port.dtype, port.dims.empty() ? std::nullopt : std::optional<Shape>(port.dims)};
}

std::string NearestTo(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestWord(name, candidates);
  return nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest);
}

template <typename T>
bool FillIntegers(double value, Tensor& tensor) {
  const auto integer = static_cast<int64_t>(value);
  const bool fits = sizeof(T) >= sizeof(int64_t) || static_cast<int64_t>(static_cast<T>(integer)) == integer;
  if (!fits) return false;
  for (T& element : tensor.mutable_data<T>()) element = static_cast<T>(integer);
  return true;
}

// A tensor all of whose elements are `value`; false where the type cannot hold it.
bool Fill(double value, Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (IsConvertible(DType::kF64, dtype)) {
    const std::vector<double> values(static_cast<size_t>(tensor.size()), value);
    const Bytes bytes = std::as_bytes(std::span(values));
    return std::isfinite(value) && Convert(DType::kF64, bytes, dtype, tensor.mutable_bytes()).overflowed == 0;
  }
  if (!(std::abs(value) <= 0x1p53) || value != std::trunc(value)) return false;
  if (dtype == DType::kI64) return FillIntegers<int64_t>(value, tensor);
  if (dtype == DType::kI32) return FillIntegers<int32_t>(value, tensor);
  if (dtype == DType::kI16) return FillIntegers<int16_t>(value, tensor);
  if (dtype == DType::kI8) return FillIntegers<int8_t>(value, tensor);
  if (dtype == DType::kU8) return FillIntegers<uint8_t>(value, tensor);
  return false;
}

// Larger ones are a mistake in a file, not a table of numbers or a state.
constexpr int64_t kMaxMadeElements = int64_t{1} << 28;

// Zeros that a file asks for.
Result<Tensor> ZerosOf(DType dtype, const Shape& shape, const std::string& where) {
  const auto count = ElementCount(shape);
  if (!count || *count > kMaxMadeElements || DTypeBits(dtype) % 8 != 0) {
    return InputError(where, fmt::format("{} {} cannot be made", DTypeName(dtype), ShapeText(shape)));
  }
  return Tensor::Make(dtype, shape);
}

class ProgramMaker {
 public:
  ProgramMaker(const policy::Policy& policy, const std::string& schedule, const GraphOpener& open)
      : policy_(policy), schedule_(schedule), open_(open) {}

  Result<Program> Make() {
    DeclareInputs();
    const std::string where = "schedules." + schedule_;
    VLAQ_RETURN_IF_ERROR(AddSteps(policy_.schedules.find(schedule_)->second, where, program_.steps));
    for (const Later& later : later_) VLAQ_RETURN_IF_ERROR(ResolveCarry(later));
    VLAQ_RETURN_IF_ERROR(AddOutputs(where));
    MarkNeeded(program_, flows_);
    program_.look_back = FindLookBack(program_, flows_);
    FinishInputs();
    return std::move(program_);
  }

 private:
  // A carry, whose value may be made after it.
  struct Later {
    size_t carry;
    size_t as;
    std::string value;
    std::string where;
  };

  void DeclareInput(const policy::Input& input, const std::string& name, ValueType type, uint64_t stream) {
    ProgramInput declared{name, kNoValue, std::move(type), input.batched, {}, stream};
    if (input.type == InputType::kNoise) declared.noise = input.noise;
    inputs_.emplace(name, program_.inputs.size());
    program_.inputs.push_back(std::move(declared));
  }

  void DeclareInputs() {
    uint64_t stream = 0;
    for (const policy::Input& input : policy_.inputs) {
      if (input.type == InputType::kText) {
        for (const std::string& key : input.makes) DeclareInput(input, input.name + "." + key, {}, 0);
        continue;
      }
      DeclareInput(input, input.name, {input.dtype, WithBatchAxis(input.shape, input.batched)}, stream);
      if (input.type == InputType::kNoise) ++stream;
    }
  }

  // Types may have been learned from graphs; names in order are walked beside those of an observation.
  void FinishInputs() {
    for (ProgramInput& input : program_.inputs) {
      if (input.value != kNoValue) input.type = program_.values[input.value].type;
    }
    std::sort(program_.inputs.begin(), program_.inputs.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  std::vector<std::string> KnownNames() const {
    std::vector<std::string> names;
    for (const ProgramInput& input : program_.inputs) names.push_back(input.name);
    for (const ProgramValue& value : program_.values) names.push_back(value.name);
    return names;
  }

  size_t NewValue(const std::string& name, ValueType type, bool held) {
    index_.emplace(name, program_.values.size());
    program_.values.push_back({name, std::move(type), held, false});
    return program_.values.size() - 1;
  }

  Result<size_t> Find(const std::string& name, const std::string& where) {
    if (const auto made = index_.find(name); made != index_.end()) return made->second;
    const auto input = inputs_.find(name);
    if (input == inputs_.end()) {
      return InputError(where, fmt::format("reads '{}', which is neither an input nor made before", name),
                        NearestTo(name, KnownNames()));
    }
    ProgramInput& declared = program_.inputs[input->second];
    declared.value = NewValue(name, declared.type, false);
    return declared.value;
  }

  Result<size_t> Add(const std::string& name, ValueType type, const std::string& where) {
    if (name.empty()) return InputError(where, "makes a value without a name");
    if (inputs_.count(name) != 0 || index_.count(name) != 0) {
      return InputError(where, fmt::format("makes '{}', which there is already", name), "give the value another name");
    }
    return NewValue(name, std::move(type), holds_ > 0);
  }

  ValueType& TypeOf(size_t value) { return program_.values[value].type; }

  Status AddSteps(const std::vector<policy::Step>& steps, const std::string& where, std::vector<ProgramStep>& to) {
    for (size_t i = 0; i < steps.size(); ++i) {
      ProgramStep made;
      made.kind = steps[i].kind;
      made.where = fmt::format("{}[{}]", where, i);
      VLAQ_RETURN_IF_ERROR(AddStep(steps[i], made));
      to.push_back(std::move(made));
    }
    return {};
  }

  Status AddStep(const policy::Step& step, ProgramStep& made) {
    switch (step.kind) {
      case StepKind::kRun:
        return AddRun(step, made);
      case StepKind::kWindow:
        return AddWindow(step, made);
      case StepKind::kHold:
        return AddHold(step, made);
      case StepKind::kCarry:
        return AddCarry(step, made);
      case StepKind::kRepeat:
        return AddRepeat(step, made);
      case StepKind::kSelect:
        return AddSelect(step, made);
      case StepKind::kConcat:
        return AddConcat(step, made);
    }
    return InternalError(made.where, "is a step of no known kind");
  }

  // What stays from one control step to the next has no meaning between rounds.
  Status NotRepeated(const std::string& where, std::string_view what) const {
    if (repeats_ == 0) return {};
    return InputError(where, fmt::format("{} cannot stand within a repeat", what), "put it before or after the repeat");
  }

  Status AddRun(const policy::Step& step, ProgramStep& made) {
    const auto graph = policy_.graphs.find(step.graph);
    if (graph == policy_.graphs.end()) {
      std::vector<std::string> names;
      for (const auto& known : policy_.graphs) names.push_back(known.first);
      return InputError(made.where, fmt::format("there is no graph '{}'", step.graph), NearestTo(step.graph, names));
    }
    for (const ProgramGraph& known : program_.graphs) {
      if (known.name == step.graph)
        return InputError(made.where, fmt::format("graph '{}' runs a second time", step.graph));
    }
    const std::string where = fmt::format("{}: graph '{}'", made.where, step.graph);
    ProgramGraph opened{step.graph, nullptr, {}, {}, {}, {}};
    auto model = open_(step.graph);
    if (!model.ok()) return Within(fmt::format("graph '{}'", step.graph), model.error());
    opened.model = std::move(*model);
    VLAQ_RETURN_IF_ERROR(BindInputs(graph->second, where, opened));
    VLAQ_RETURN_IF_ERROR(BindOutputs(graph->second, where, opened));
    made.graph = program_.graphs.size();
    program_.graphs.push_back(std::move(opened));
    return {};
  }

  Status BindInputs(const policy::Graph& graph, const std::string& where, ProgramGraph& opened) {
    std::vector<std::string> names;
    for (const backend::Port& port : opened.model->inputs()) names.push_back(port.name);
    for (const auto& [input, value] : graph.inputs) {
      if (std::find(names.begin(), names.end(), input) == names.end()) {
        return InputError(where, fmt::format("has no input '{}', to which '{}' is bound", input, value),
                          NearestTo(input, names));
      }
    }
    for (const backend::Port& port : opened.model->inputs()) {
      const auto binding = graph.inputs.find(port.name);
      if (binding == graph.inputs.end())
        return InputError(where, fmt::format("its input '{}' is bound to no value", port.name));
      VLAQ_ASSIGN_OR_RETURN(const size_t value, Find(binding->second, where));
      const ValueType taken{port.dtype, port.dims};
      if (!Agree(TypeOf(value), taken)) {
        return InputError(where, fmt::format("its input '{}' is {}, and '{}' is {}", port.name, TypeText(taken, false),
                                             binding->second, TypeText(TypeOf(value), false)));
      }
      Learn(TypeOf(value), taken);
      opened.reads.push_back({&opened.inputs[port.name], value});
    }
    return {};
  }

  Status BindOutputs(const policy::Graph& graph, const std::string& where, ProgramGraph& opened) {
    std::vector<std::string> names;
    for (const backend::Port& port : opened.model->outputs()) names.push_back(port.name);
    ProgramFlow flow;
    for (const ProgramGraph::Read& read : opened.reads) flow.from.push_back(read.value);
    for (const auto& [output, value] : graph.outputs) {
      const auto at = std::find(names.begin(), names.end(), output);
      if (at == names.end()) {
        return InputError(where, fmt::format("has no output '{}', of which '{}' is made", output, value),
                          NearestTo(output, names));
      }
      const backend::Port& port = opened.model->outputs()[static_cast<size_t>(at - names.begin())];
      VLAQ_ASSIGN_OR_RETURN(const size_t made, Add(value, OutputType(port), where));
      opened.makes.push_back({output, made});
      flow.to.push_back(made);
    }
    flows_.push_back(std::move(flow));
    return {};
  }

  Status AddWindow(const policy::Step& step, ProgramStep& made) {
    VLAQ_RETURN_IF_ERROR(NotRepeated(made.where, "a window"));
    if (step.length < 1) return InputError(made.where, fmt::format("its length is {}, not at least 1", step.length));
    VLAQ_ASSIGN_OR_RETURN(made.value, Find(step.value, made.where));
    ValueType type{TypeOf(made.value).dtype, TypeOf(made.value).shape};
    if (type.shape) {
      if (type.shape->empty() || (*type.shape)[0] > 1 || (*type.shape)[0] == 0) {
        return InputError(made.where, fmt::format("'{}' is {}, without a batch axis of 1 in front", step.value,
                                                  TypeText(type, false)));
      }
      (*type.shape)[0] = 1;
      type.shape->insert(type.shape->begin() + 1, step.length == 1 ? 1 : -1);
    }
    VLAQ_ASSIGN_OR_RETURN(made.as, Add(step.as, std::move(type), made.where));
    made.memory = program_.windows.size();
    program_.windows.push_back(step.length);
    flows_.push_back({{made.value}, {made.as}, step.length - 1});
    return {};
  }

  Status AddHold(const policy::Step& step, ProgramStep& made) {
    for (const std::string& name : step.when) {
      VLAQ_ASSIGN_OR_RETURN(const size_t value, Find(name, made.where));
      made.when.push_back(value);
    }
    made.memory = program_.holds++;
    ++holds_;
    const size_t before = program_.values.size();
    VLAQ_RETURN_IF_ERROR(AddSteps(step.steps, made.where + ".steps", made.steps));
    --holds_;
    for (size_t value = before; value < program_.values.size(); ++value) {
      if (program_.values[value].held) made.makes.push_back(value);  // and not an input that is read here first
    }
    return {};
  }

  Status AddCarry(const policy::Step& step, ProgramStep& made) {
    VLAQ_RETURN_IF_ERROR(NotRepeated(made.where, "a carry"));
    VLAQ_ASSIGN_OR_RETURN(Tensor zeros, ZerosOf(step.dtype, step.shape, made.where));
    VLAQ_ASSIGN_OR_RETURN(made.as, Add(step.as, {step.dtype, std::nullopt}, made.where));
    made.memory = program_.carries.size();
    later_.push_back({made.memory, made.as, step.value, made.where});
    program_.carries.push_back({made.as, kNoValue, std::move(zeros)});
    return {};
  }

  Status ResolveCarry(const Later& later) {
    ProgramCarry& carry = program_.carries[later.carry];
    VLAQ_ASSIGN_OR_RETURN(carry.value, Find(later.value, later.where));
    const ValueType zeros{carry.zeros.dtype(), carry.zeros.shape()};
    if (!Agree(TypeOf(carry.value), {zeros.dtype, std::nullopt}) || !Agree(TypeOf(later.as), zeros)) {
      return InputError(
          later.where, fmt::format("its zeros are {}, '{}' is {}, and what reads '{}' takes {}", TypeText(zeros, false),
                                   later.value, TypeText(TypeOf(carry.value), false), program_.values[later.as].name,
                                   TypeText(TypeOf(later.as), false)));
    }
    flows_.push_back({{carry.value}, {later.as}, kWholeEpisode});
    return {};
  }

  Status AddRepeat(const policy::Step& step, ProgramStep& made) {
    if (step.times < 1)
      return InputError(made.where, fmt::format("is repeated {} times, not at least once", step.times));
    made.times = step.times;
    made.memory = program_.repeats++;
    for (const policy::CarriedValue& carried : step.carry) {
      VLAQ_ASSIGN_OR_RETURN(const size_t from, Find(carried.from, made.where));
      VLAQ_ASSIGN_OR_RETURN(const size_t as, Add(carried.as, TypeOf(from), made.where));
      made.carry.push_back({as, from, kNoValue});
    }
    for (const policy::ConstantTable& table : step.constants) VLAQ_RETURN_IF_ERROR(AddConstants(table, made));
    ++repeats_;
    VLAQ_RETURN_IF_ERROR(AddSteps(step.steps, made.where + ".steps", made.steps));
    --repeats_;
    for (size_t i = 0; i < step.carry.size(); ++i) {
      ProgramStep::Carried& carried = made.carry[i];
      VLAQ_ASSIGN_OR_RETURN(carried.next, Find(step.carry[i].next, made.where));
      if (!Agree(TypeOf(carried.as), TypeOf(carried.next))) {
        return InputError(made.where, fmt::format("'{}' is {}, and the next one, '{}', is {}", step.carry[i].as,
                                                  TypeText(TypeOf(carried.as), false), step.carry[i].next,
                                                  TypeText(TypeOf(carried.next), false)));
      }
      flows_.push_back({{carried.from, carried.next}, {carried.as}});
    }
    return {};
  }

  Status AddConstants(const policy::ConstantTable& table, ProgramStep& made) {
    if (static_cast<int64_t>(table.values.size()) != made.times) {
      return InputError(made.where,
                        fmt::format("'{}' has {} numbers for {} rounds", table.as, table.values.size(), made.times));
    }
    ProgramStep::Constants constants;
    VLAQ_ASSIGN_OR_RETURN(constants.as, Add(table.as, {table.dtype, table.shape}, made.where));
    for (const double value : table.values) {
      VLAQ_ASSIGN_OR_RETURN(Tensor tensor, ZerosOf(table.dtype, table.shape, made.where));
      if (!Fill(value, tensor)) {
        return InputError(made.where,
                          fmt::format("'{}' is {}, which cannot be {}", table.as, DTypeName(table.dtype), value));
      }
      constants.rounds.push_back(std::move(tensor));
    }
    made.constants.push_back(std::move(constants));
    return {};
  }

  Status AddSelect(const policy::Step& step, ProgramStep& made) {
    VLAQ_ASSIGN_OR_RETURN(made.value, Find(step.value, made.where));
    ValueType type = TypeOf(made.value);
    if (step.axis < 0) return InputError(made.where, fmt::format("its axis is {}", step.axis));
    made.axis = static_cast<size_t>(step.axis);
    made.memory = program_.made++;
    made.index = step.index;
    if (type.shape) {
      Shape& shape = *type.shape;
      const bool fits = made.axis < shape.size() &&
                        (shape[made.axis] < 0 || (step.index < shape[made.axis] && step.index >= -shape[made.axis]));
      if (!fits) {
        return InputError(made.where, fmt::format("there is no index {} along axis {} of '{}', which is {}", step.index,
                                                  step.axis, step.value, TypeText(type, false)));
      }
      shape.erase(shape.begin() + step.axis);
    }
    VLAQ_ASSIGN_OR_RETURN(made.as, Add(step.as, std::move(type), made.where));
    flows_.push_back({{made.value}, {made.as}});
    return {};
  }

  // Parts of a concatenation differ in one extent.
  static bool JoinTypes(ValueType& all, const ValueType& part, size_t axis) {
    if (!all.shape || !part.shape) {
      all.shape.reset();
      if (!Agree(all, part)) return false;
    } else {
      ValueType whole = part;
      if (axis >= all.shape->size() || axis >= whole.shape->size()) return false;
      const int64_t a = (*all.shape)[axis];
      const int64_t b = (*whole.shape)[axis];
      (*all.shape)[axis] = -1;
      if (!Agree(all, whole)) return false;
      Learn(all, whole);
      (*all.shape)[axis] = a < 0 || b < 0 ? -1 : a + b;
    }
    if (!all.dtype) all.dtype = part.dtype;
    return true;
  }

  Status AddConcat(const policy::Step& step, ProgramStep& made) {
    if (step.values.empty()) return InputError(made.where, "there are no values to put one after the other");
    if (step.axis < 0) return InputError(made.where, fmt::format("its axis is {}", step.axis));
    made.axis = static_cast<size_t>(step.axis);
    made.memory = program_.made++;
    std::optional<ValueType> type;
    for (const std::string& name : step.values) {
      VLAQ_ASSIGN_OR_RETURN(const size_t value, Find(name, made.where));
      made.values.push_back(value);
      const ValueType& part = TypeOf(value);
      const bool fits = type ? JoinTypes(*type, part, made.axis) : !part.shape || made.axis < part.shape->size();
      if (!fits) {
        return InputError(made.where, fmt::format("'{}', which is {}, does not go along axis {} with those before it",
                                                  name, TypeText(part, false), step.axis));
      }
      if (!type) type = part;
    }
    VLAQ_ASSIGN_OR_RETURN(made.as, Add(step.as, std::move(*type), made.where));
    flows_.push_back({made.values, {made.as}});
    return {};
  }

  Status AddOutputs(const std::string& where) {
    for (const policy::Output& output : policy_.outputs) {
      ProgramOutput made{
          output.name, kNoValue, {output.dtype, WithBatchAxis(output.shape, output.batched)}, output.batched};
      const auto value = index_.find(output.name);
      if (value == index_.end()) {
        std::vector<std::string> names;
        for (const ProgramValue& known : program_.values) names.push_back(known.name);
        return InputError(where, fmt::format("no step makes the output '{}'", output.name),
                          NearestTo(output.name, names));
      }
      made.value = value->second;
      if (!Agree(TypeOf(made.value), made.type)) {
        return InputError(where, fmt::format("the output '{}' is {} and not {}, as the policy says", output.name,
                                             TypeText(TypeOf(made.value), false), TypeText(made.type, false)));
      }
      program_.outputs.push_back(std::move(made));
    }
    return {};
  }

  const policy::Policy& policy_;
  const std::string& schedule_;
  const GraphOpener& open_;
  Program program_;
  std::map<std::string, size_t, std::less<>> inputs_;  // of Program::inputs, until these are sorted
  std::map<std::string, size_t, std::less<>> index_;   // of Program::values
  std::vector<Later> later_;
  std::vector<ProgramFlow> flows_;
  int holds_ = 0, repeats_ = 0;  // around the step that is being added
};

}  // namespace

Result<Program> MakeProgram(const policy::Policy& policy, const std::string& schedule, const GraphOpener& open) {
  return ProgramMaker(policy, schedule, open).Make();
}

bool IsOfType(const Tensor& tensor, const ValueType& type) {
  if (type.dtype && *type.dtype != tensor.dtype()) return false;
  return !type.shape || Agree(*type.shape, tensor.shape());
}

std::string TypeText(const ValueType& type, bool batched) {
  std::string text(type.dtype ? DTypeName(*type.dtype) : "any type");
  if (!type.shape) return text + " of any shape";
  const Shape& shape = *type.shape;
  return text + " " + ShapeText(std::span(shape).subspan(batched && !shape.empty() ? 1 : 0));
}

}  // namespace vlaq::runtime
