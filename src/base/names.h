// Enum values and the names they bear in files and on the command line, as tables.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq {

template <typename Enum>
struct Named {
  Enum value;
  std::string_view name;
};
// clang 14 deduces no aggregates.
template <typename Enum>
Named(Enum, std::string_view) -> Named<Enum>;

// The name of `value`, which must be in `rows` (any range of Named<Enum>).
template <typename Rows, typename Enum>
constexpr std::string_view NameIn(const Rows& rows, Enum value) {
  for (const auto& row : rows) {
    if (row.value == value) return row.name;
  }
  return "?";
}

template <typename Rows>
constexpr auto FindIn(const Rows& rows, std::string_view name) -> std::optional<decltype(rows.begin()->value)> {
  for (const auto& row : rows) {
    if (row.name == name) return row.value;
  }
  return std::nullopt;
}

template <typename Rows>
std::vector<std::string> NamesIn(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

}  // namespace vlaq
