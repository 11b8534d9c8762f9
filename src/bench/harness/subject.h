// What is measured: something that makes actions from frames, asked by number. It may be slow, wrong or gone; whoever
// asks finds out.
//
// A step is one control step: frame `i` is the newest, the action of the window that ends there comes back. In scope:
// the interface. Not aware of: how it is timed or judged. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq::harness {

// What a subject says of itself when it is ready.
struct Ready {
  std::string runs_on;                // "ONNX Runtime 1.32.0, cpu, 2 threads"
  std::string precision;              // "fp32", "int8"
  std::optional<int64_t> parameters;  // that its outputs depend on
  int64_t load_ns = 0;
  int threads = 0;  // that it uses
};

// Consecutive steps. All vectors have an element for each.
struct Block {
  std::vector<int64_t> start_ns;         // CLOCK_MONOTONIC
  std::vector<int64_t> wall_ns, cpu_ns;  // of the step alone; CPU time of all its threads
  // As the policy's graph gives them, [chunk * action_dim]; empty if they were not asked for.
  std::vector<std::vector<float>> actions;
  // The same of further outputs, by name; those that a subject tells of.
  std::map<std::string, std::vector<std::vector<float>>> outputs;
  int64_t turnaround_ns = 0;  // from asking to the answer, by the clock of who asked
};

struct Memory {
  uint64_t resident_bytes = 0, peak_bytes = 0;
  uint64_t own_bytes = 0;  // not mapped from files
};

struct OperatorTime {
  std::string op_type, precision;
  int64_t calls = 0, ns = 0, macs = 0;  // of one step; macs 0: multiplies no matrices
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual const std::string& name() const = 0;
  // `inputs`: numbers of frames, each the newest of its window; `keep`: the actions are wanted. Errors: kBackend.
  virtual Result<Block> Run(std::span<const int> inputs, bool keep) = 0;
  // Memory of the process that it runs in. Errors: kBackend if that is gone.
  virtual Result<Memory> MemoryNow() = 0;
  // Which operators a step spends its time in. Errors: kBackend if the subject does not say.
  virtual Result<std::vector<OperatorTime>> Profile(std::span<const int> inputs) = 0;
};

}  // namespace vlaq::harness
