#include "cli/app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "base/run_program.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/before_work.h"
#include "cli/commands.h"
#include "cli/old_spellings.h"
#include "cli/terminal.h"
#include "cli/terminal_log.h"
#include "cli/usage.h"

namespace vlaq::cli {
namespace {

constexpr std::string_view kDescription =
    "vlaq takes a trained vision-language-action policy from its checkpoint to a proven ONNX policy and runs it.";
constexpr std::string_view kExitCodes =
    "Exit codes: 0 ok, 1 internal bug, 2 usage, 3 bad input, 4 back end, 5 verification failed, 6 unstable "
    "measurement, 7 intact but compared with nothing outside.";

constexpr std::string_view kFirst =
    "To begin with:\n"
    "  vlaq doctor                          what this machine has, and what is missing\n"
    "  vlaq inspect CHECKPOINT              what a checkpoint holds\n"
    "  vlaq export CHECKPOINT -o BUNDLE     make it a bundle of ONNX graphs; it says what it assumes";
constexpr std::string_view kHelpCommand = "help";

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

// Options that every command has: what it says while it works.
struct MessageOptions {
  bool quiet = false;
  std::filesystem::path log;

  // To the commands that do something: those below `command`, or else `command` itself.
  void AddTo(CLI::App& command) {
    const auto below = command.get_subcommands({});
    for (CLI::App* sub : below) AddTo(*sub);
    if (!below.empty()) return;
    const std::string group = "Messages";
    command.add_flag("-q,--quiet", quiet, "Say only warnings and errors on stderr: no notes, no progress")
        ->group(group);
    command.add_option("--log", log, "Also add what is said on stderr, with the time, to the end of this file")
        ->type_name("FILE")
        ->group(group);
  }
};

// The program's options with every command's, and what each command does.
struct Program {
  explicit Program(Context context_in) : context(std::move(context_in)), app(std::string(kDescription), "vlaq") {
    app.set_version_flag("--version", fmt::format("vlaq {}", kVersion));
    app.set_help_all_flag("--help-all", "Show the help of every command");
    app.require_subcommand(1);
    app.footer(fmt::format("{}\n\n{}", kFirst, kExitCodes));
    app.formatter(std::make_shared<StableFormatter>());
    app.get_formatter()->column_width(36);
    for (const CommandRow& row : kCommands) {
      CLI::App* command = app.add_subcommand(std::string(row.name), std::string(row.summary));
      command->set_help_all_flag();  // only the program's own --help has it
      command->group(std::string(row.group));
      actions.emplace_back(command, row.add(*command, context));
      messages.AddTo(*command);
    }
    app.add_subcommand(std::string(kHelpCommand), "Show the commands, or how one is used")
        ->group(std::string(kTools))
        ->add_option("command", "Which one; all of them if left out");
  }

  Context context;
  CLI::App app;
  MessageOptions messages;
  std::vector<std::pair<CLI::App*, Action>> actions;
};

int ReportError(const Error& error, std::ostream& err) {
  err << "vlaq: " << error.ToString() << "\n" << std::flush;
  return static_cast<int>(error.code);
}

// What came out of a command as an exception, which none should.
Error WhatWasThrown() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kBackend, "out of memory", "", "close other programs or use a machine with more"};
  } catch (const std::length_error&) {
    return {ErrorCode::kBackend, "out of memory: a size is beyond what any memory holds", "",
            "look at the numbers that were given"};
  } catch (const std::system_error& error) {
    return {ErrorCode::kBackend, fmt::format("the system refused something: {}", error.code().message()), "",
            "look at its limits on threads, memory and open files (ulimit -a)"};
  } catch (const std::exception& error) {
    return InternalError("", fmt::format("unexpected exception: {}", error.what()));
  }
}

Status RunParsed(const Program& program, Log& log) {
  VLAQ_RETURN_IF_ERROR(CheckBeforeWork(program.app, log));
  for (const auto& [command, action] : program.actions) {
    if (command->parsed()) return action();
  }
  return InternalError("", "no command was run");
}

// `vlaq help ...`, and `vlaq` alone.
int ShowHelp(const Program& program, const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  const Place place = FindPlace(program.app, words);
  if (place.unknown) {
    err << UnknownCommandText(place);
    return static_cast<int>(ErrorCode::kUsage);
  }
  const size_t last = place.path.rfind(' ');
  out << place.app->help(last == std::string::npos ? "" : place.path.substr(0, last));
  return 0;
}

int ParseAndRun(Program& program, const std::vector<std::string>& given, TerminalLog& log, std::ostream& out,
                std::ostream& err) {
  const auto [arguments, notes] = WithoutOldSpellings(given);
  if (arguments.empty()) return ShowHelp(program, {}, out, err);
  if (arguments[0] == kHelpCommand) return ShowHelp(program, {arguments.begin() + 1, arguments.end()}, out, err);
  try {
    program.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      program.app.exit(error, out, err);
      return 0;
    }
    err << UsageText(program.app, arguments, error.what());
    return static_cast<int>(ErrorCode::kUsage);
  }
  log.set_quiet(program.messages.quiet);
  if (!program.messages.log.empty()) {
    if (const Status opened = log.CopyTo(program.messages.log); !opened.ok()) return ReportError(opened.error(), err);
  }
  log.Record(ShellLine(program.context.command));
  for (const std::string& note : notes) log.Note(note);
  Status status;
  try {
    status = RunParsed(program, log);
  } catch (...) {
    status = WhatWasThrown();
  }
  log.ClearBar();
  log.Record(status.ok() ? "ok" : fmt::format("vlaq: {}", status.error().ToString()));
  if (status.ok()) return 0;
  out.flush();  // where both go to one place, what was found stands before what follows from it
  return ReportError(status.error(), err);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  const Terminal out_terminal = &out == &std::cout ? TerminalAt(STDOUT_FILENO) : Terminal{};
  const Terminal err_terminal = &err == &std::cerr ? TerminalAt(STDERR_FILENO) : Terminal{};
  SetPageWidth(out_terminal.width);
  PersonBuffer results(*out.rdbuf(), out_terminal.color), messages(*err.rdbuf(), err_terminal.color);
  std::ostream printed(&results), said(&messages);
  TerminalLog log(err, err_terminal);
  std::vector<std::string> command{"vlaq"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Program program({printed, said, log, std::move(command)});
  const int exit_code = ParseAndRun(program, arguments, log, printed, said);
  printed.flush();
  if (results.failure() == 0) return exit_code;
  // Whoever read it went away (`vlaq inspect ... | head`): as quiet as if the signal for that had ended us.
  if (results.failure() == EPIPE) return exit_code != 0 ? exit_code : 128 + SIGPIPE;
  const char* why = std::strerror(results.failure());  // NOLINT(concurrency-mt-unsafe)
  const int failed = ReportError(InputError("", fmt::format("cannot write standard output: {}", why)), said);
  return exit_code != 0 ? exit_code : failed;
}

std::string ReferencePage() {
  TerminalLog log(std::cerr, {});
  Program program({std::cout, std::cerr, log});
  std::string page = "# Command line\n\nMade by `vlaq completion --markdown` (see script/docs); do not edit.\n";
  page += fmt::format("\n## vlaq\n\n```\n{}```\n", program.app.help());
  for (const auto& [command, action] : program.actions) {
    page += fmt::format("\n## vlaq {}\n\n```\n{}```\n", command->get_name(), command->help("vlaq"));
    for (const CLI::App* sub : command->get_subcommands({})) {
      if (sub->get_group().empty()) continue;  // for programs
      page += fmt::format("\n### vlaq {} {}\n\n```\n{}```\n", command->get_name(), sub->get_name(),
                          sub->help("vlaq " + command->get_name()));
    }
  }
  return page;
}

}  // namespace vlaq::cli
