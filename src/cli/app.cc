#include "cli/app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <iostream>
#include <optional>

#include "base/text.h"
#include "base/version.h"
#include "cli/terminal_log.h"
#include "cli/verbs.h"

namespace vlaq::cli {
namespace {

constexpr std::string_view kDescription =
    "vlaq takes a trained vision-language-action policy from its checkpoint to a proven ONNX policy and runs it.";
constexpr std::string_view kExitCodes =
    "Exit codes: 0 ok, 1 internal bug, 2 usage, 3 bad input, 4 back end, 5 verification failed, 6 unstable "
    "measurement.";

// CLI11 lists the options that one excludes by where they lie in memory, which any change may turn round: by name, so
// that the help, and docs/cli.md with it, stays.
class StableFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = Formatter::make_option_opts(option);
    const auto& excluded = option->get_excludes();
    if (excluded.size() < 2) return text;
    std::vector<std::string> names;
    for (const CLI::Option* other : excluded) names.push_back(other->get_name());
    std::sort(names.begin(), names.end());
    text.erase(text.find("Excludes:"));
    return text + fmt::format("Excludes: {}", fmt::join(names, " "));
  }
};

// The program's options with every verb's, and what each verb does.
struct Program {
  explicit Program(Context context_in) : context(std::move(context_in)), app(std::string(kDescription), "vlaq") {
    app.set_version_flag("--version", fmt::format("vlaq {}", kVersion));
    app.set_help_all_flag("--help-all", "Show the help of every verb");
    app.require_subcommand(1);
    app.footer(std::string(kExitCodes));
    app.formatter(std::make_shared<StableFormatter>());
    app.get_formatter()->column_width(36);
    for (const VerbRow& row : kVerbs) {
      CLI::App* verb = app.add_subcommand(std::string(row.name), std::string(row.summary));
      verb->set_help_all_flag();  // only the program's own --help has it
      actions.emplace_back(verb, row.add(*verb, context));
    }
  }

  Context context;
  CLI::App app;
  std::vector<std::pair<CLI::App*, Action>> actions;
};

int ReportError(const Error& error, std::ostream& err) {
  err << "vlaq: " << error.ToString() << "\n";
  return static_cast<int>(error.code);
}

// The verb, or the verb below it, that the arguments name.
struct Place {
  const CLI::App* app = nullptr;
  std::string path = "vlaq";
  std::optional<std::string> unknown;  // the word where a verb should stand and none does
};

// A verb such as eval also runs by itself: a word after it may be an argument of its own.
bool TakesWords(const CLI::App& app) {
  const auto options = app.get_options();
  return std::any_of(options.begin(), options.end(), [](const auto* option) { return option->get_positional(); });
}

Place Follow(const Program& program, const std::vector<std::string>& arguments) {
  Place place{&program.app, "vlaq", std::nullopt};
  for (const std::string& word : arguments) {
    const auto verbs = place.app->get_subcommands({});
    if (verbs.empty() || word.starts_with('-')) break;
    const auto verb = std::find_if(verbs.begin(), verbs.end(), [&](const auto* v) { return v->get_name() == word; });
    if (verb == verbs.end()) {
      if (!TakesWords(*place.app)) place.unknown = word;
      break;
    }
    place.app = *verb;
    place.path += " " + word;
  }
  return place;
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) {
    if (!verb->get_group().empty()) names.push_back(verb->get_name());
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

// What is wrong, and a word that might have been meant.
struct Complaint {
  std::string what;
  std::string meant;
};

// An unknown verb or option, which CLI11 reports only after complaints about required arguments.
std::optional<Complaint> FindUnknown(const Place& place, const std::vector<std::string>& arguments) {
  const std::vector<std::string> options = OptionNames(*place.app);
  if (place.unknown) {
    std::vector<std::string> known = VerbNames(*place.app);
    known.insert(known.end(), options.begin(), options.end());  // for `vlaq help`
    const std::string below = place.path == "vlaq" ? "" : fmt::format(" below `{}`", place.path);
    return Complaint{fmt::format("there is no verb '{}'{}", *place.unknown, below), NearestWord(*place.unknown, known)};
  }
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = OptionName(argument);
    if (name.empty() || std::find(options.begin(), options.end(), name) != options.end()) continue;
    return Complaint{fmt::format("there is no option {}", name),
                     name.starts_with("--") ? NearestWord(name, options) : ""};
  }
  return std::nullopt;
}

Complaint WhatIsWrong(const Place& place, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  if (const auto unknown = FindUnknown(place, arguments)) return *unknown;
  const std::vector<std::string> verbs = VerbNames(*place.app);
  if (verbs.empty() || TakesWords(*place.app)) return {error.what(), ""};
  return {fmt::format("`{}` needs a verb: {}", place.path, fmt::join(verbs, ", ")), ""};
}

int ReportUsage(const Program& program, const CLI::ParseError& error, const std::vector<std::string>& arguments,
                std::ostream& out, std::ostream& err) {
  if (error.get_exit_code() == 0) {  // --help, --version
    program.app.exit(error, out, err);
    return 0;
  }
  const Place place = Follow(program, arguments);
  const Complaint complaint = WhatIsWrong(place, error, arguments);
  err << "vlaq: " << complaint.what << "\n";
  if (!complaint.meant.empty()) err << "  did you mean " << complaint.meant << "?\n";
  err << "  `" << place.path << " --help` shows the usage\n";
  return static_cast<int>(ErrorCode::kUsage);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  TerminalLog log(err, &err == &std::cerr && ::isatty(STDERR_FILENO) != 0);
  std::vector<std::string> command{"vlaq"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Program program({out, err, log, std::move(command)});
  try {
    program.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return ReportUsage(program, error, arguments, out, err);
  }
  for (const auto& [verb, action] : program.actions) {
    if (!verb->parsed()) continue;
    try {
      const Status status = action();
      out.flush();
      return status.ok() ? 0 : ReportError(status.error(), err);
    } catch (const std::bad_alloc&) {
      return ReportError({ErrorCode::kInternal, "out of memory", "", "close other programs or use a machine with more"},
                         err);
    } catch (const std::exception& error) {
      return ReportError(InternalError("", fmt::format("unexpected exception: {}", error.what())), err);
    }
  }
  return ReportError(InternalError("", "no verb was run"), err);
}

std::string ReferencePage() {
  TerminalLog log(std::cerr, false);
  Program program({std::cout, std::cerr, log});
  std::string page = "# Command line\n\nMade by `vlaq completion --reference` (see script/docs); do not edit.\n";
  page += fmt::format("\n## vlaq\n\n```\n{}```\n", program.app.help());
  for (const auto& [verb, action] : program.actions) {
    page += fmt::format("\n## vlaq {}\n\n```\n{}```\n", verb->get_name(), verb->help("vlaq"));
    for (const CLI::App* sub : verb->get_subcommands({})) {
      if (sub->get_group().empty()) continue;  // for programs
      page += fmt::format("\n### vlaq {} {}\n\n```\n{}```\n", verb->get_name(), sub->get_name(),
                          sub->help("vlaq " + verb->get_name()));
    }
  }
  return page;
}

}  // namespace vlaq::cli
