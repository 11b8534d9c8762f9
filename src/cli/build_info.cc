// Alone in its file: the revision changes with each commit, and nothing else should be compiled for it.
#include "cli/build_info.h"

#include "cli/revision.h"

namespace vlaq::cli {

BuildInfo ThisBuild() { return {.revision = kRevision, .build_type = VLAQ_BUILD_TYPE, .compiler = VLAQ_COMPILER}; }

}  // namespace vlaq::cli
