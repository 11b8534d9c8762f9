// A schedule with its names resolved to indices and its graphs opened, and checked as far as it can be before a step.
// Private to the executor.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "policy/policy.h"
#include "runtime/executor.h"
#include "tensor/tensor.h"
#include "tensor/typed_shape.h"

namespace vlaq::runtime {

inline constexpr size_t kNoValue = static_cast<size_t>(-1);

// What is known of a value before any step. The shape has its batch axis; -1: any extent.
struct ValueType {
  std::optional<DType> dtype;
  std::optional<Shape> shape;
};

struct ProgramValue {
  std::string name;
  ValueType type;
  bool held = false;    // made within a hold: stays from step to step
  bool needed = false;  // an output comes of it
};

// A value that an observation may give.
struct ProgramInput {
  std::string name;
  size_t value = kNoValue;  // kNoValue: the schedule does not read it
  ValueType type;
  bool batched = true;
  std::optional<policy::NoiseKind> noise;  // it may be left out
  uint64_t stream = 0;                     // of noise: which of the policy's noise inputs
};

struct ProgramOutput {
  std::string name;
  size_t value = kNoValue;
  ValueType type;
  bool batched = true;
};

struct ProgramGraph {
  struct Read {
    Tensor* to = nullptr;  // in `inputs`
    size_t value = kNoValue;
  };
  struct Made {
    std::string output;
    size_t value = kNoValue;
  };
  std::string name;
  std::unique_ptr<backend::OpenedModel> model;
  backend::NamedTensors inputs, outputs;  // the same names at every run
  std::vector<Read> reads;
  std::vector<Made> makes;  // bound outputs, in the order of their names
};

struct ProgramStep {
  struct Carried {
    size_t as = kNoValue, from = kNoValue, next = kNoValue;
  };
  struct Constants {
    size_t as = kNoValue;
    std::vector<Tensor> rounds;
  };
  policy::StepKind kind = policy::StepKind::kRun;
  std::string where;                 // "schedules.streaming[1]"
  bool lasting = false;              // later control steps need it (executor_look_back.h)
  size_t graph = 0;                  // kRun: of Program::graphs
  size_t memory = 0;                 // its number among windows, holds, carries, repeats, or selects and concats
  size_t value = kNoValue;           // kWindow, kSelect
  size_t as = kNoValue;              // kWindow, kCarry, kSelect, kConcat
  size_t axis = 0;                   // kSelect, kConcat
  int64_t index = 0;                 // kSelect
  std::vector<size_t> values;        // kConcat
  std::vector<size_t> when, makes;   // kHold; `makes`: all that its steps make
  int64_t times = 0;                 // kRepeat
  std::vector<Carried> carry;        // kRepeat
  std::vector<Constants> constants;  // kRepeat
  std::vector<ProgramStep> steps;    // kHold, kRepeat
};

struct ProgramCarry {
  size_t as = kNoValue;
  size_t value = kNoValue;  // what `as` is in the next step
  Tensor zeros;
};

struct Program {
  std::vector<ProgramValue> values;
  std::vector<ProgramInput> inputs;    // in the order of their names
  std::vector<ProgramOutput> outputs;  // in the policy's order
  std::vector<ProgramGraph> graphs;
  std::vector<ProgramStep> steps;
  std::vector<int64_t> windows;  // lengths
  std::vector<ProgramCarry> carries;
  size_t holds = 0, repeats = 0, made = 0;  // `made`: selects and concats
  LookBack look_back;
};

// `schedule` is one of policy.schedules. Errors: kInput naming the step, or graph and port; those of `open`.
Result<Program> MakeProgram(const policy::Policy& policy, const std::string& schedule, const GraphOpener& open);

// Whether a tensor may stand where `type` is expected.
bool IsOfType(const Tensor& tensor, const ValueType& type);
// "float32 [1, -1]"; what is not known is "any type" and "of any shape". `batched`: the batch axis is left out.
std::string TypeText(const ValueType& type, bool batched);

}  // namespace vlaq::runtime
