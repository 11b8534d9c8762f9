// Shapes of the values in a policy's schedules, as far as they follow from the policy: of its inputs, and of what
// windows, selections, joins and rounds make of them. In scope: shapes at batch 1, batch axis included. Not aware of:
// what graphs do; whoever knows tells it (Learn).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "tensor/shape.h"

namespace vlaq::policy {

class ValueShapes {
 public:
  // Values that an instruction's encoder makes have no shape until they are told.
  explicit ValueShapes(Policy policy);

  // `shape`: with its batch axis; -1 for any extent.
  void Tell(std::string_view value, Shape shape);
  // `shape_of`: of a graph's output by its name in the graph, null if it is not known.
  void Learn(std::string_view graph, const std::function<const Shape*(const std::string&)>& shape_of);

  // Null if nothing is known.
  const Shape* Find(std::string_view value) const;
  // Whether the extent of that axis grows from 1 to what Find() says while an episode begins: a window's.
  bool Grows(std::string_view value, size_t axis) const;
  // Whether the axis is the batch axis of a value that has one.
  bool IsBatch(std::string_view value, size_t axis) const;

  const Policy& policy() const { return policy_; }

 private:
  void Set(const std::string& value, Shape shape);
  void Follow(const std::vector<Step>& steps);
  void FollowAll();
  void Concat(const Step& step);

  Policy policy_;
  std::map<std::string, Shape, std::less<>> values_;
  std::set<std::string, std::less<>> windows_;
  std::set<std::string, std::less<>> unbatched_;
};

// The longest window of a schedule, or of all of a policy's; nullopt: there is none.
std::optional<int64_t> LongestWindow(const std::vector<Step>& schedule);
std::optional<int64_t> LongestWindow(const Policy& policy);
// Every window of the policy becomes `length` long.
void SetWindows(int64_t length, Policy& policy);
// A schedule that runs nothing but this graph, once; "": none does.
std::string ScheduleOfGraphAlone(const Policy& policy, std::string_view graph);
// The graph that makes the policy's outputs by itself: the first, by name, that is all a schedule runs, once; "": none.
std::string GraphAlone(const Policy& policy);

}  // namespace vlaq::policy
