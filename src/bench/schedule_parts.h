// What a policy's schedule keeps from step to step, and which graphs that depends on: what has to run before a step
// that is measured, and what need not.
//
// In scope: reading the policy. Not aware of: running it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace vlaq::bench {

struct GraphPart {
  bool of_step = false;  // its outputs follow from what the step itself observes
  bool kept = false;     // later steps may depend on its outputs
};

struct ScheduleParts {
  std::vector<std::string> graphs;  // that run, in the order of their first run
  std::map<std::string, GraphPart, std::less<>> parts;
  std::set<std::string, std::less<>> reads;  // every value that a step of the schedule reads
  int64_t history = 0;                       // how many steps before one its outputs depend on, but for what is carried
  bool carries = false;                      // they depend on all steps since the episode began
  bool holds = false;                        // some steps run only when a value changes
};

// `schedule`: one of policy.schedules, or empty for the default one.
ScheduleParts PartsOf(const policy::Policy& policy, std::string_view schedule);
// Whether later steps may depend on what a graph made in earlier ones: then a policy has one robot.
bool KeepsWhatItMakes(const policy::Policy& policy, std::string_view schedule);

}  // namespace vlaq::bench
