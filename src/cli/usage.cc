#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace vlaq::cli {
namespace {

struct Synonym {
  std::string_view word, command;
};
// What other tools call it.
constexpr std::array kSynonyms = {
    Synonym{"benchmark", "bench"},   Synonym{"measure", "bench"},   Synonym{"profile", "bench"},
    Synonym{"convert", "export"},    Synonym{"onnx", "export"},     Synonym{"infer", "run"},
    Synonym{"inference", "run"},     Synonym{"predict", "run"},     Synonym{"test", "verify"},
    Synonym{"validate", "verify"},   Synonym{"prove", "verify"},    Synonym{"dataset", "data"},
    Synonym{"evaluate", "eval"},     Synonym{"rollout", "eval"},    Synonym{"info", "inspect"},
    Synonym{"show", "inspect"},      Synonym{"summary", "inspect"}, Synonym{"compress", "quantize"},
    Synonym{"quantise", "quantize"}, Synonym{"compile", "build"},   Synonym{"trtexec", "build"},
    Synonym{"diff", "compare"},      Synonym{"simulate", "sim"},    Synonym{"record", "sim"},
    Synonym{"render", "sim"},        Synonym{"split", "data"},      Synonym{"cost", "plan"},
    Synonym{"device", "plan"},       Synonym{"generate", "synth"},  Synonym{"version", "--version"},
};

// What is wrong, and the words that might have been meant.
struct Complaint {
  std::string what;
  std::vector<std::string> meant;
};

// A command such as eval also runs by itself: a word after it may be an argument of its own.
bool TakesWords(const CLI::App& app) {
  const auto options = app.get_options();
  return std::any_of(options.begin(), options.end(), [](const auto* option) { return option->get_positional(); });
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

// As they are typed: "--output", "-o".
std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// "--thread=2" -> "--thread", "-t2" -> "-t"; nothing for values, negative numbers and "-".
std::string OptionName(const std::string& argument) {
  if (argument.starts_with("--")) return argument.substr(0, argument.find('='));
  const bool is_short =
      argument.size() > 1 && argument[0] == '-' && std::isalpha(static_cast<unsigned char>(argument[1])) != 0;
  return is_short ? argument.substr(0, 2) : "";
}

Complaint UnknownCommandComplaint(const Place& place) {
  const bool top = place.path == "vlaq";
  Complaint complaint{
      fmt::format("there is no command '{}'{}", *place.unknown, top ? "" : fmt::format(" below `{}`", place.path)), {}};
  for (const Synonym& synonym : kSynonyms) {
    if (top && synonym.word == *place.unknown) complaint.meant = {std::string(synonym.command)};
  }
  if (complaint.meant.empty()) complaint.meant = MeantWords(*place.unknown, CommandNames(*place.app));
  return complaint;
}

// An unknown command or option, which CLI11 reports only after complaints about required arguments.
std::optional<Complaint> FindUnknown(const Place& place, const std::vector<std::string>& arguments) {
  if (place.unknown) return UnknownCommandComplaint(place);
  const std::vector<std::string> options = OptionNames(*place.app);
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = OptionName(argument);
    if (name.empty() || std::find(options.begin(), options.end(), name) != options.end()) continue;
    return Complaint{fmt::format("there is no option {}", name),
                     name.starts_with("--") ? MeantWords(name, options) : std::vector<std::string>()};
  }
  return std::nullopt;
}

// CLI11's "paths is required" of an argument that has no dashes, with what it is.
std::string WithDescription(const CLI::App& app, const std::string& error) {
  constexpr std::string_view kEnd = " is required";
  if (!error.ends_with(kEnd)) return error;
  const std::string name = error.substr(0, error.size() - kEnd.size());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() && option->get_name(true) == name) {
      return fmt::format("{} is missing: {}", name, option->get_description());
    }
  }
  return error;
}

Complaint WhatIsWrong(const Place& place, const std::string& error, const std::vector<std::string>& arguments) {
  if (const auto unknown = FindUnknown(place, arguments)) return *unknown;
  const std::vector<std::string> commands = CommandNames(*place.app);
  if (commands.empty() || TakesWords(*place.app)) return {WithDescription(*place.app, error), {}};
  return {fmt::format("`{}` needs a command: {}", place.path, fmt::join(commands, ", ")), {}};
}

std::string AsLines(const Complaint& complaint, const std::string& path) {
  std::string text = fmt::format("vlaq: {}\n", complaint.what);
  if (!complaint.meant.empty()) text += fmt::format("  did you mean {}?\n", fmt::join(complaint.meant, " or "));
  return text + fmt::format("  `{} --help` shows the usage\n", path);
}

}  // namespace

Place FindPlace(const CLI::App& program, const std::vector<std::string>& arguments) {
  Place place{&program, "vlaq", std::nullopt};
  for (const std::string& word : arguments) {
    const auto commands = place.app->get_subcommands({});
    if (commands.empty() || word.starts_with('-')) break;
    const auto command =
        std::find_if(commands.begin(), commands.end(), [&](const auto* v) { return v->get_name() == word; });
    if (command == commands.end()) {
      if (!TakesWords(*place.app)) place.unknown = word;
      break;
    }
    place.app = *command;
    place.path += " " + word;
  }
  return place;
}

std::string UsageText(const CLI::App& program, const std::vector<std::string>& arguments, const std::string& error) {
  const Place place = FindPlace(program, arguments);
  return AsLines(WhatIsWrong(place, error, arguments), place.path);
}

std::string UnknownCommandText(const Place& place) {
  return place.unknown ? AsLines(UnknownCommandComplaint(place), place.path) : "";
}

}  // namespace vlaq::cli
