#include "verify/judged_policy.h"

#include <fmt/format.h>

#include <cmath>

namespace vlaq::verify {
namespace {

void AddThree(const std::string& name, double value, const Interval& interval, Check& check) {
  check.figures.emplace_back(name, value);
  check.figures.emplace_back(name + "_low", interval.low);
  check.figures.emplace_back(name + "_high", interval.high);
}

}  // namespace

Status CheckComparable(const JudgedPolicy& policy, const JudgedPolicy& reference) {
  const evaluate::ActionSpace& a = policy.space;
  const evaluate::ActionSpace& b = reference.space;
  if (a.action_dim == b.action_dim && a.scale == b.scale && a.offset == b.offset && a.names == b.names) return {};
  return UsageError(
      fmt::format("{} has actions of {} values, {}; {} has {} values, {}: they do not compare", policy.policies.name(),
                  a.action_dim, a.ScaleText(), reference.policies.name(), b.action_dim, b.ScaleText()),
      "take a reference that was made from the same checkpoint");
}

std::string Format(const evaluate::Estimate& estimate) {
  const std::string value = fmt::format("{:.4f}", estimate.value);
  if (!std::isfinite(estimate.value)) return "no number";
  if (!std::isfinite(estimate.interval.low)) return value + " (no interval from one episode)";
  return fmt::format("{} ({:.4f} to {:.4f})", value, estimate.interval.low, estimate.interval.high);
}

std::string Format(const evaluate::Rate& rate) {
  return fmt::format("{:.1f} % ({:.1f} to {:.1f})", 100 * rate.fraction(), 100 * rate.interval().low,
                     100 * rate.interval().high);
}

void AddFigures(const std::string& name, const evaluate::Estimate& estimate, Check& check) {
  AddThree(name, estimate.value, estimate.interval, check);
}

void AddFigures(const std::string& name, const evaluate::Rate& rate, Check& check) {
  AddThree(name, rate.fraction(), rate.interval(), check);
}

}  // namespace vlaq::verify
