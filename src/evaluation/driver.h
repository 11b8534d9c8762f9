// Somebody who looks at camera frames and says how to drive: a policy of ours, another program, a fake in a test.
//
// What all evaluations drive. In scope: instruction and frames in, actions out. Not aware of: worlds, episodes, scores.
// A driver is used by one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "image/image.h"
#include "tensor/tensor.h"

namespace vlaq::evaluation {

// What a driver's actions mean.
struct ActionSpace {
  int64_t chunk = 1;       // actions per step
  int64_t action_dim = 2;  // values per action: linear_x, linear_y, ...
  double scale = 1;        // m/s of an action of 1
  int64_t window = 8;      // frames a driver may remember
};

class Driver {
 public:
  virtual ~Driver() = default;
  // A new episode with this instruction: all frames are forgotten. Errors: kUsage for an instruction that the driver
  // cannot take; kBackend.
  virtual Status Begin(const std::string& instruction) = 0;
  // One step: float32 [chunk, action_dim] in [-1, 1].
  virtual Result<Tensor> Act(const image::ImageView& frame) = 0;
  // Forgets the frames, not the instruction.
  virtual Status Forget() = 0;
  virtual const ActionSpace& space() const = 0;
  virtual std::string Description() const = 0;
};

// Makes drivers that behave alike, one for each thread.
class DriverFactory {
 public:
  virtual ~DriverFactory() = default;
  virtual Result<std::unique_ptr<Driver>> Make() const = 0;
  // For messages and reports: "bundle mini", "program python3 pytorch_policy.py".
  virtual std::string name() const = 0;
};

}  // namespace vlaq::evaluation
