// What a person sees who mistypes, or asks how something is used.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace vlaq::cli {

// The command, or the command below it, that arguments name.
struct Place {
  const CLI::App* app = nullptr;
  std::string path = "vlaq";
  std::optional<std::string> unknown;  // the word where a command should stand and none does
};
Place FindPlace(const CLI::App& program, const std::vector<std::string>& arguments);

// Why the arguments cannot be parsed, with what may have been meant, as lines; `error` is the parser's own word.
std::string UsageText(const CLI::App& program, const std::vector<std::string>& arguments, const std::string& error);

// The same for words after `vlaq help`; empty if they name a command.
std::string UnknownCommandText(const Place& place);

}  // namespace vlaq::cli
