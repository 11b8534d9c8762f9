// Which weights a policy's outputs depend on, through all that its schedules do. Pure functions. Not aware of: values.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "onnx/graph.h"
#include "policy/policy.h"

namespace vlaq::verify {

struct PolicyReach {
  std::set<std::string, std::less<>> initializers;  // names
  std::set<std::string, std::less<>> graphs;        // that an output depends on
};

// What one schedule of the policy reaches. Graphs that are not in `models` reach nothing.
PolicyReach ReachOf(const policy::Policy& policy, std::string_view schedule,
                    const std::map<std::string, onnx::Model, std::less<>>& models);

}  // namespace vlaq::verify
