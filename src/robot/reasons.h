// Why the robot does what it does at a tick: a set of named reasons, as bits, so that a tick can note them without
// asking for memory. The first of them stop the robot, the others are noted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vlaq::robot {

enum class Reason : uint8_t {
  // These stop the robot.
  kNoFreshAction,    // SAFE-02
  kOldObservation,   // SAFE-03: nothing usable from a camera or a sensor for too long
  kNotFinite,        // SAFE-04
  kInferenceHangs,   // SAFE-06: an inference takes longer than inference_timeout_ms
  kInferenceFailed,  // it gave an error
  kInferenceGone,    // SAFE-09: its process or its server is gone
  kRangeStop,        // SAFE-07: something is too near
  kRangeMissing,     // SAFE-07: the sensor is silent
  kOperatorStop,     // SAFE-08
  kOperatorGone,     // SAFE-08, SAFE-09: who may stop the robot is gone
  kPeerGone,         // SAFE-09: nobody takes the commands, or what drives the robot is gone
  kNotReady,         // SAFE-10
  kShutdown,         // SAFE-01
  // These are noted.
  kClamped,       // SAFE-05
  kRateLimited,   // SAFE-05
  kOutOfActions,  // the chunk is used up: on_empty decides
  kFrozen,        // SAFE-03: a camera gave the same bytes again
  kOutOfOrder,    // SAFE-03: a frame older than the one before it
  kBlank,         // a frame of one color
  kWrongSize,     // a frame of another size than the first
  kClockStep,     // the stamps of a camera jumped back
  kLateTick,      // the tick began later than half its period
};
inline constexpr size_t kReasons = static_cast<size_t>(Reason::kLateTick) + 1;

// "no_fresh_action", as recordings name it.
std::string_view Name(Reason reason);

class ReasonSet {
 public:
  constexpr ReasonSet() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a reason is a set of one
  constexpr ReasonSet(Reason reason) : bits_(uint32_t{1} << static_cast<uint32_t>(reason)) {}
  static constexpr ReasonSet FromBits(uint32_t bits) { return ReasonSet(bits, 0); }

  constexpr uint32_t bits() const { return bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool Has(Reason reason) const { return (bits_ & ReasonSet(reason).bits_) != 0; }
  constexpr ReasonSet& operator|=(ReasonSet other) {
    bits_ |= other.bits_;
    return *this;
  }
  friend constexpr ReasonSet operator|(ReasonSet a, ReasonSet b) { return a |= b; }
  friend constexpr ReasonSet operator&(ReasonSet a, ReasonSet b) { return FromBits(a.bits_ & b.bits_); }
  friend constexpr bool operator==(ReasonSet a, ReasonSet b) = default;
  // "range_stop, clamped"; "" for none.
  std::string ToString() const;

 private:
  constexpr ReasonSet(uint32_t bits, int) : bits_(bits) {}
  uint32_t bits_ = 0;
};

constexpr ReasonSet operator|(Reason a, Reason b) { return ReasonSet(a) | ReasonSet(b); }

}  // namespace vlaq::robot
