#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/app.h"

int main(int argc, char** argv) {
  // A reader that went away (`vlaq inspect ... | head`) is no crash.
  std::signal(SIGPIPE, SIG_DFL);
  std::ios::sync_with_stdio(false);
  return vlaq::cli::Run({argv + 1, argv + argc}, std::cout, std::cerr);
}
