// A policy that is judged by what it does, and how stages 3 to 5 put figures into words. Not aware of: bundles.
#pragma once

#include <string>

#include "evaluate/bootstrap.h"
#include "evaluate/policy_under_test.h"
#include "evaluate/summary.h"
#include "verify/report.h"

namespace vlaq::verify {

struct JudgedPolicy {
  const evaluate::PolicyFactory& policies;
  evaluate::ActionSpace space;
  // Why it cannot be told where to go; empty if it can.
  std::string no_instruction_because;
  // If it cannot be told: the prompt that it always gets, and false if it reads none at all.
  std::string fixed_prompt = {};
  bool reads_instruction = true;
};

// Errors: kUsage unless an action means the same to both, so that their figures compare.
Status CheckComparable(const JudgedPolicy& policy, const JudgedPolicy& reference);

// "0.153 (0.120 to 0.190)"; one episode has no interval, which is said.
std::string Format(const evaluate::Estimate& estimate);
// "95.0 % (88.8 to 97.8)"
std::string Format(const evaluate::Rate& rate);

// Adds NAME, NAME_low and NAME_high.
void AddFigures(const std::string& name, const evaluate::Estimate& estimate, Check& check);
void AddFigures(const std::string& name, const evaluate::Rate& rate, Check& check);

}  // namespace vlaq::verify
