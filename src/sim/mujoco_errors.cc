#include "sim/mujoco_errors.h"

#include <mujoco/mujoco.h>

#include <mutex>

namespace vlaq::sim {

void InstallMujocoErrors() {
  static std::once_flag once;
  std::call_once(once, [] {
    mju_user_error = [](const char* message) { throw std::runtime_error(message); };
    // Warnings (an unstable simulation) come as errors too: a result of one would mean nothing.
    mju_user_warning = [](const char* message) { throw std::runtime_error(message); };
  });
}

}  // namespace vlaq::sim
