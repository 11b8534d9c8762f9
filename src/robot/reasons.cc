#include "robot/reasons.h"

namespace vlaq::robot {
namespace {

constexpr std::array<std::string_view, kReasons> kNames{
    "no_fresh_action", "old_observation", "not_finite",    "inference_hangs", "inference_failed", "inference_gone",
    "range_stop",      "range_missing",   "operator_stop", "operator_gone",   "peer_gone",        "not_ready",
    "shutdown",        "clamped",         "rate_limited",  "out_of_actions",  "frozen",           "out_of_order",
    "blank",           "wrong_size",      "clock_step",    "late_tick"};

}  // namespace

std::string_view Name(Reason reason) { return kNames[static_cast<size_t>(reason)]; }

std::string ReasonSet::ToString() const {
  std::string text;
  for (size_t i = 0; i < kReasons; ++i) {
    if (!Has(static_cast<Reason>(i))) continue;
    if (!text.empty()) text += ", ";
    text += kNames[i];
  }
  return text;
}

}  // namespace vlaq::robot
