// What the machine is doing while something is measured on it: clocks, heat, throttling, other load, energy. Read from
// the system's files below a root, so that tests can show it machines that this one is not. What a machine does not say
// is absent, never guessed.
#pragma once

#include <filesystem>
#include <vector>

#include "benchmark/results.h"

namespace vlaq::benchmark {

class MachineReader {
 public:
  // `own`: processes whose load is not another's, besides this one.
  explicit MachineReader(std::filesystem::path root = "/", std::vector<int> own = {})
      : root_(std::move(root)), own_(std::move(own)) {}

  // What does not change during a run.
  MachineState Describe() const;
  Reading Read() const;

 private:
  std::filesystem::path root_;
  std::vector<int> own_;
};

// Adds the readings and what they say: other load, throttling.
void Conclude(std::vector<Reading> readings, MachineState& machine);

// Energy of the whole run in J; nullopt where no sensor says.
std::optional<double> EnergyOf(const std::vector<Reading>& readings);

}  // namespace vlaq::benchmark
