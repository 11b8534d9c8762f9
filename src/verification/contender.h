// A policy that is judged by what it does, and how rungs 3 to 5 put figures into words. Not aware of: bundles.
#pragma once

#include <string>

#include "evaluation/bootstrap.h"
#include "evaluation/driver.h"
#include "evaluation/summary.h"
#include "verification/report.h"

namespace vlaq::verification {

struct Contender {
  const evaluation::DriverFactory& drivers;
  evaluation::ActionSpace space;
  // Why it cannot be told where to go; empty if it can.
  std::string deaf_because;
  // Of one that cannot be told: the prompt that it always gets, and false if it reads none at all.
  std::string fixed_prompt = {};
  bool reads_instruction = true;
};

// Errors: kUsage unless an action means the same to both, so that their figures compare.
Status CheckComparable(const Contender& policy, const Contender& reference);

// "0.153 (0.120 to 0.190)"; one episode has no interval, which is said.
std::string Words(const evaluation::Estimate& estimate);
// "95.0 % (88.8 to 97.8)"
std::string Words(const evaluation::Rate& rate);

// Adds NAME, NAME_low and NAME_high.
void AddFigures(const std::string& name, const evaluation::Estimate& estimate, Check& check);
void AddFigures(const std::string& name, const evaluation::Rate& rate, Check& check);

}  // namespace vlaq::verification
