// Commands, options and values under the names that they had before, for the scripts that people have: they still work,
// and no help shows them.
#pragma once

#include <string>
#include <vector>

namespace vlaq::cli {

struct Respelled {
  std::vector<std::string> arguments;  // as the program takes them now
  // One for each old spelling that was found: "--against is now --reference".
  std::vector<std::string> notes;
};

// `arguments`: of the command line, without the program's name.
Respelled WithoutOldSpellings(const std::vector<std::string>& arguments);

}  // namespace vlaq::cli
