# Writes the header that says which revision of the sources is built: cmake -DSOURCE=... -DHEADER=... -P revision.cmake.
# Runs at every build, since a commit or an edit configures nothing anew, and touches the header only when it changes.
# "" without git, and in sources that are no repository (a tarball, even one unpacked inside of another repository).
set(revision "")
if(EXISTS "${SOURCE}/.git")
  execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=10 "--exclude=*"
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(text "// Made by cmake/revision.cmake.
#pragma once

#include <string_view>

namespace vlaq::cli {

// Of the sources that were built, \"-dirty\" if files differed from it; \"\" if they were no repository.
inline constexpr std::string_view kRevision = \"${revision}\";

}  // namespace vlaq::cli
")
set(before "")
if(EXISTS "${HEADER}")
  file(READ "${HEADER}" before)
endif()
if(NOT before STREQUAL text)
  file(WRITE "${HEADER}" "${text}")
endif()
