// MuJoCo reports a fatal error through a callback and expects never to return from it; here it becomes a Status.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "base/status.h"

namespace vlaq::sim {

// Makes MuJoCo throw instead of ending the program; any number of times.
void InstallMujocoErrors();

// Runs `body` and turns what MuJoCo throws into an error of kind kBackend.
template <typename Body>
auto WithMujoco(Body&& body) -> decltype(body()) {
  InstallMujocoErrors();
  try {
    return std::forward<Body>(body)();
  } catch (const std::runtime_error& error) {
    return Error{ErrorCode::kBackend, error.what(), "MuJoCo", ""};
  }
}

}  // namespace vlaq::sim
