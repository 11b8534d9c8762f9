// What `doctor` and results say about this build of the program.
#pragma once

#include <string_view>

namespace vlaq::cli {

struct BuildInfo {
  std::string_view revision;    // of the sources, "-dirty" if files differed from it; "" if they were no repository
  std::string_view build_type;  // CMake's: Release, Debug, ...
  std::string_view compiler;    // "GNU 12.2.0"
};

BuildInfo ThisBuild();

}  // namespace vlaq::cli
