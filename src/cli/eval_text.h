// What `vlaq eval` prints for people.
#pragma once

#include <ostream>

#include "evaluate/open_loop_evaluation.h"
#include "evaluate/sim_evaluation.h"

namespace vlaq::cli {

void PrintEvaluation(const evaluate::OpenLoopEvaluation& evaluation, std::ostream& out);
void PrintEvaluation(const evaluate::SimEvaluation& evaluation, std::ostream& out);

}  // namespace vlaq::cli
