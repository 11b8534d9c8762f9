// Starts a program. Private to this module: RunProgram and ChildProcess wait for it and end it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq {

struct SpawnRequest {
  std::vector<std::string> arguments;  // the program first, looked up on PATH if it has no slash
  int input = -1, output = -1;         // what its standard input and output are; -1: /dev/null, and ours
  bool errors_to_output = false;       // else its standard error is ours
  bool own_group = false;              // a process group of its own, so that what it starts can be ended with it
};

// Signals that we block or handle are open to the program, and it ends with the thread that calls this, however that
// ends (PR_SET_PDEATHSIG). Errors: kBackend with the system's reason.
Result<pid_t> Spawn(const SpawnRequest& request);

}  // namespace vlaq
