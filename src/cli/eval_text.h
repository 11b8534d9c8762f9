// What `vlaq eval` prints for people.
#pragma once

#include <ostream>

#include "evaluation/open_loop_evaluation.h"
#include "evaluation/sim_evaluation.h"

namespace vlaq::cli {

void PrintEvaluation(const evaluation::OpenLoopEvaluation& evaluation, std::ostream& out);
void PrintEvaluation(const evaluation::SimEvaluation& evaluation, std::ostream& out);

}  // namespace vlaq::cli
