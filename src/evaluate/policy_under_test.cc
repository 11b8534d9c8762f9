#include "evaluate/policy_under_test.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace vlaq::evaluate {

double ActionSpace::Normalized(size_t axis, double recorded) const {
  const double by = ScaleOf(axis);
  const double value = by == 0 ? 0.0 : (recorded - OffsetOf(axis)) / by;  // of what never changes, all is alike
  return clipped ? std::clamp(value, -1.0, 1.0) : value;
}

std::string ActionSpace::AxisName(size_t axis) const {
  return axis < names.size() ? names[axis] : fmt::format("action[{}]", axis);
}

std::string ActionSpace::UnitText() const {
  std::vector<std::string> kinds;
  for (const std::string& unit : units) {
    if (!unit.empty() && std::ranges::find(kinds, unit) == kinds.end()) kinds.push_back(unit);
  }
  return kinds.empty() ? "recorded units" : fmt::format("{}", fmt::join(kinds, ", "));
}

std::string ActionSpace::ScaleText() const {
  const bool shifted = std::ranges::any_of(offset, [](double value) { return value != 0; });
  const bool one = std::ranges::all_of(scale, [this](double value) { return value == scale.front(); });
  return one && !shifted ? fmt::format("1 is {} {}", scale.front(), UnitText()) : "in the policy's normalization";
}

Result<std::vector<size_t>> RecordedColumns(const ActionSpace& space, const data::Stream& action) {
  const auto width = static_cast<size_t>(space.action_dim);
  std::vector<size_t> columns;
  if (!space.names.empty() && !action.names.empty()) {
    for (const std::string& name : space.names) {
      const auto found = std::ranges::find(action.names, name);
      if (found == action.names.end()) {
        return InputError("", fmt::format("the policy's action has '{}', which is not recorded", name),
                          fmt::format("recorded are {}; outputs.NAME.names in policy.json says what the policy's are",
                                      fmt::join(action.names, ", ")));
      }
      columns.push_back(static_cast<size_t>(found - action.names.begin()));
    }
    return columns;
  }
  if (action.shape != Shape{space.action_dim}) {
    return InputError(
        "",
        fmt::format("the policy's action has {} values, the recorded one {}{}", width, ShapeText(action.shape),
                    action.names.empty() ? "" : fmt::format(" ({})", fmt::join(action.names, ", "))),
        "outputs.NAME.names in policy.json says which of them the policy's are");
  }
  columns.resize(width);
  std::iota(columns.begin(), columns.end(), size_t{0});
  return columns;
}

Result<ActionSpace> CompletedBy(ActionSpace space, const data::Stream& action) {
  VLAQ_ASSIGN_OR_RETURN(const auto columns, RecordedColumns(space, action));
  const auto take = [&](const std::vector<std::string>& from, std::vector<std::string>& to) {
    if (!to.empty() || from.empty()) return;
    for (const size_t column : columns) to.push_back(from[column]);
  };
  take(action.names, space.names);
  take(action.units, space.units);
  return space;
}

}  // namespace vlaq::evaluate
