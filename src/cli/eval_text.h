// What `vlaq eval` prints for people.
#pragma once

#include <ostream>

#include "evaluation/sim_evaluation.h"

namespace vlaq::cli {

void PrintEvaluation(const evaluation::SimEvaluation& evaluation, std::ostream& out);

}  // namespace vlaq::cli
