// What the machine is doing while something is measured on it: clocks, heat, throttling, other load, energy. Read from
// the system's files below a root, so that tests can show it machines that this one is not. What a machine does not say
// is absent, never guessed.
#pragma once

#include <filesystem>
#include <vector>

#include "bench/harness/results.h"

namespace vlaq::harness {

class MachineReader {
 public:
  // `own`: processes whose load is not another's, besides this one: with what they started, if they lead a process
  // group.
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

// A clock that changed during a run and stayed so: what was measured before and after are two machines. Both are
// medians of three readings at least (fewer where there are fewer than six), so that one reading of an idle moment is
// none.
struct ClockStep {
  double from_mhz = 0, to_mhz = 0;
  double share() const;  // 0.5: half as fast again, or slower by as much
};
// From which on a step counts (share); below lie the readings of a clock that is steady.
inline constexpr double kClockStepLimit = 0.05;
// The largest; nullopt where no two readings say a clock.
std::optional<ClockStep> LargestClockStep(const std::vector<Reading>& readings);

// Energy of the whole run in J; nullopt where no sensor says.
std::optional<double> EnergyOf(const std::vector<Reading>& readings);

}  // namespace vlaq::harness
