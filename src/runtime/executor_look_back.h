// Which values depend on which, over steps of a schedule and over control steps. Private to the executor.
#pragma once

#include <vector>

#include "runtime/executor_program.h"

namespace vlaq::runtime {

// Values of which others are made; indices in the program.
struct ProgramFlow {
  std::vector<size_t> from, to;
  int64_t back = 0;  // control steps that lie between them at most
};

// Sets ProgramValue::needed: an output comes of it.
void MarkNeeded(Program& program, const std::vector<ProgramFlow>& flows);
// Sets ProgramStep::lasting of the schedule's own steps; those within a hold or a repeat run with it.
LookBack FindLookBack(Program& program, const std::vector<ProgramFlow>& flows);

}  // namespace vlaq::runtime
