// A trtexec that plays a scenario of tests/board/stand_in_trtexec.py.
#pragma once

#include <sys/stat.h>

#include <string>

#include "program.h"

namespace vlaq {

// Written to `path`, which is returned.
inline std::string StandIn(const std::string& path, const std::string& scenario) {
  Overwrite(path,
            "#!/bin/sh\nexec python3 '" VLAQ_TESTDATA "/../tests/board/stand_in_trtexec.py' " + scenario + " \"$@\"\n");
  ::chmod(path.c_str(), 0755);
  return path;
}

}  // namespace vlaq
