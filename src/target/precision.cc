#include "target/precision.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::target {

std::string_view PrecisionName(Precision precision) {
  return std::ranges::find(kPrecisions, precision, &PrecisionRow::precision)->name;
}

const PrecisionRow* FindPrecisionRow(std::string_view name) {
  const auto* found = std::ranges::find(kPrecisions, name, &PrecisionRow::name);
  return found == kPrecisions.end() ? nullptr : found;
}

std::optional<Precision> FindPrecision(std::string_view name) {
  const PrecisionRow* row = FindPrecisionRow(name);
  return row == nullptr ? std::nullopt : std::optional(row->precision);
}

std::vector<std::string> PrecisionNames() {
  std::vector<std::string> names;
  for (const PrecisionRow& row : kPrecisions) {
    if (row.quantized) names.emplace_back(row.name);
  }
  return names;
}

Status CheckPrecision(std::string_view name, const std::string& where) {
  if (FindPrecisionRow(name) != nullptr) return {};
  std::string known;
  for (const PrecisionRow& row : kPrecisions) known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  return InputError(where, fmt::format("precision '{}' is not known", name), "there are " + known);
}

}  // namespace vlaq::target
