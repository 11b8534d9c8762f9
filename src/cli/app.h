// The command line as a library: parses, runs one command, gives the exit code. Everything it prints goes to the
// streams in the context, so tests can call it.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace vlaq::cli {

// Exit codes: 0 ok, 1 internal bug, 2 usage, 3 bad input or output that cannot be written, 4 back end, 5 verification
// failed, 6 unstable measurement; 141 if the reader of `out` went away (EPIPE), as a shell shows it.
int Run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

// docs/cli.md: every command's --help.
std::string ReferencePage();

}  // namespace vlaq::cli
