// Another program as a policy, so that any implementation of a policy can be driven on the same seeds.
//
// At each step the program gets one line of JSON, {"reset": true at the first step of an episode, "instruction": text,
// "width": W, "height": H}, then W * H * 3 bytes of RGB; it answers with one line {"action": [...]}, the first action
// of its chunk in [-1, 1]. `reset` true forgets all frames. The end of its input ends it.
#pragma once

#include "evaluate/policy_under_test.h"

namespace vlaq::evaluate {

class ProgramPolicyFactory : public PolicyFactory {
 public:
  // `command` goes to the shell. `space.chunk` must be 1.
  ProgramPolicyFactory(std::string command, ActionSpace space, double timeout_s = 60)
      : command_(std::move(command)), space_(space), timeout_s_(timeout_s) {}
  Result<std::unique_ptr<PolicyUnderTest>> Make() const override;
  std::string name() const override { return "program '" + command_ + "'"; }

 private:
  std::string command_;
  ActionSpace space_;
  double timeout_s_;
};

}  // namespace vlaq::evaluate
