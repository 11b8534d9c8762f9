#include "cli/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
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

// The program's options with every verb's, and what each verb does.
struct Program {
  explicit Program(Context context_in) : context(context_in), app(std::string(kDescription), "vlaq") {
    app.set_version_flag("--version", fmt::format("vlaq {}", kVersion));
    app.set_help_all_flag("--help-all", "Show the help of every verb");
    app.require_subcommand(1);
    app.footer(std::string(kExitCodes));
    app.get_formatter()->column_width(36);
    for (const VerbRow& row : kVerbs) {
      CLI::App* verb = app.add_subcommand(std::string(row.name), std::string(row.summary));
      verb->set_help_all_flag();  // only the program's own --help has it
      actions.emplace_back(verb, row.add(*verb, context));
    }
  }

  bool Knows(std::string_view verb) const {
    return std::any_of(kVerbs.begin(), kVerbs.end(), [&](const VerbRow& row) { return row.name == verb; });
  }

  Context context;
  CLI::App app;
  std::vector<std::pair<CLI::App*, Action>> actions;
};

int Report(const Error& error, std::ostream& err) {
  err << "vlaq: " << error.ToString() << "\n";
  return static_cast<int>(error.code);
}

// The verb's known options, for a suggestion.
std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The verb, or the verb below it, that the arguments name.
const CLI::App& Innermost(const Program& program, const std::vector<std::string>& arguments) {
  const CLI::App* app = &program.app;
  for (const std::string& argument : arguments) {
    for (const CLI::App* sub : app->get_subcommands({})) {
      if (sub->get_name() != argument) continue;
      app = sub;
      break;
    }
  }
  return *app;
}

// What is wrong, and a word that might have been meant.
struct Unknown {
  std::string what;
  std::string meant;
};

// An unknown verb or option, which CLI11 reports only after complaints about required arguments.
std::optional<Unknown> FindUnknown(const Program& program, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string& verb = arguments.front();
  if (!verb.starts_with('-') && !program.Knows(verb)) {
    std::vector<std::string> verbs;
    for (const VerbRow& row : kVerbs) verbs.emplace_back(row.name);
    return Unknown{fmt::format("there is no verb '{}'", verb), NearestWord(verb, verbs)};
  }
  const std::vector<std::string> known = OptionNames(Innermost(program, arguments));
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (!argument.starts_with("--")) continue;
    const std::string name = argument.substr(0, argument.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return Unknown{fmt::format("there is no option {}", name), NearestWord(name, known)};
  }
  return std::nullopt;
}

int ReportUsage(const Program& program, const CLI::ParseError& error, const std::vector<std::string>& arguments,
                std::ostream& out, std::ostream& err) {
  if (error.get_exit_code() == 0) {  // --help, --version
    program.app.exit(error, out, err);
    return 0;
  }
  const std::optional<Unknown> unknown = FindUnknown(program, arguments);
  err << "vlaq: " << (unknown ? unknown->what : error.what()) << "\n";
  if (unknown && !unknown->meant.empty()) err << "  did you mean " << unknown->meant << "?\n";
  const bool known = !arguments.empty() && program.Knows(arguments.front());
  err << "  `vlaq " << (known ? arguments.front() + " " : "") << "--help` shows the usage\n";
  return static_cast<int>(ErrorCode::kUsage);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  TerminalLog log(err, &err == &std::cerr && ::isatty(STDERR_FILENO) != 0);
  Program program({out, err, log});
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
      return status.ok() ? 0 : Report(status.error(), err);
    } catch (const std::bad_alloc&) {
      return Report({ErrorCode::kInternal, "out of memory", "", "close other programs or use a machine with more"},
                    err);
    } catch (const std::exception& error) {
      return Report(InternalError("", fmt::format("unexpected exception: {}", error.what())), err);
    }
  }
  return Report(InternalError("", "no verb was run"), err);
}

std::string ReferencePage() {
  TerminalLog log(std::cerr, false);
  Program program({std::cout, std::cerr, log});
  std::string page = "# Command line\n\nMade by `vlaq completion --reference` (see script/docs); do not edit.\n";
  page += fmt::format("\n## vlaq\n\n```\n{}```\n", program.app.help());
  for (const auto& [verb, action] : program.actions) {
    page += fmt::format("\n## vlaq {}\n\n```\n{}```\n", verb->get_name(), verb->help("vlaq"));
    for (const CLI::App* sub : verb->get_subcommands({})) {
      page += fmt::format("\n### vlaq {} {}\n\n```\n{}```\n", verb->get_name(), sub->get_name(),
                          sub->help("vlaq " + verb->get_name()));
    }
  }
  return page;
}

}  // namespace vlaq::cli
