// A command as the message that a robot listens to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "robot/controller.h"
#include "robot/settings.h"
#include "ros2/messages.h"

namespace vlaq::robot::ros2 {

struct Wiring;

class CommandWriter {
 public:
  // Errors: kUsage for a type that no command can be, or an axis that it does not have ("linear.x" of a twist).
  static Result<CommandWriter> Make(const Wiring& wiring, const std::vector<Axis>& axes);

  // The message as CDR, valid until the next call. `stamp`: ns since 1970, for what has a header.
  Bytes Write(const Command& command, int64_t stamp);

 private:
  enum class Kind { kTwist, kTwistStamped, kTrajectory, kArray };
  void FillTwist(const Command& command, vlaq::ros2::Twist& twist) const;

  Kind kind_ = Kind::kTwist;
  std::vector<size_t> places_;  // of a twist: 0 to 5 for each axis
  vlaq::ros2::TwistStamped twist_;
  vlaq::ros2::JointTrajectory trajectory_;
  vlaq::ros2::Float64MultiArray array_;
  std::vector<std::byte> buffer_;
};

}  // namespace vlaq::robot::ros2
