#include "cli/verbs.h"

namespace vlaq::cli {
Action AddDoctor(CLI::App&, Context&) {
  return [] { return Status(InternalError("", "being written")); };
}
Action AddCompletion(CLI::App&, Context&) {
  return [] { return Status(InternalError("", "being written")); };
}
}  // namespace vlaq::cli
