#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "cli/app.h"
#include "cli/commands.h"

namespace vlaq::cli {
namespace {

// What stands after an option.
enum class Value { kNone, kWords, kFile, kOther };

Value ValueOf(const CLI::Option& option) {
  constexpr std::array<std::string_view, 4> kNoFiles{"TEXT", "NAME", "UINT", "ID,ID,..."};
  if (option.get_items_expected_max() == 0) return Value::kNone;  // a flag
  const std::string type = option.get_type_name();
  if (type.starts_with('{')) return Value::kWords;  // see OneOf()
  const bool other = type.starts_with("INT") || std::find(kNoFiles.begin(), kNoFiles.end(), type) != kNoFiles.end();
  return other ? Value::kOther : Value::kFile;
}

// All spellings of an option: "--output", "-o".
std::vector<std::string> Names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

// What may follow an option of some name, whatever the command: the words of all commands that have it.
struct Follows {
  Value value = Value::kOther;
  std::string words;
};

struct Cases {
  std::string words;                      // "case" lines: the words that may follow a command
  std::map<std::string, Follows> values;  // by option
};

void Merge(const std::string& choices, Value value, Follows& into) {
  if (value != Value::kWords) {
    if (into.words.empty()) into.value = value;
    return;
  }
  into.value = value;
  std::istringstream words(choices);
  for (std::string word; words >> word;) {
    if ((" " + into.words + " ").find(" " + word + " ") == std::string::npos) {
      into.words += (into.words.empty() ? "" : " ") + word;
    }
  }
}

void AddCases(const CLI::App& app, const std::string& path, Cases& cases) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    const Value value = ValueOf(*option);
    if (value == Value::kNone || option->get_positional()) continue;
    std::string choices = option->get_type_name();
    choices = value == Value::kWords ? choices.substr(1, choices.size() - 2) : "";
    std::replace(choices.begin(), choices.end(), ',', ' ');
    for (const std::string& name : Names(*option)) Merge(choices, value, cases.values[name]);
  }
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (sub->get_group().empty()) continue;  // for programs
    words.push_back(sub->get_name());
    AddCases(*sub, path + " " + sub->get_name(), cases);
  }
  cases.words += fmt::format("      \"{}\") words=\"{}\" ;;\n", path, fmt::join(words, " "));
}

// Commands that have commands below them, as "synth/checkpoint".
std::string Pairs(const CLI::App& program) {
  std::string pairs;
  for (const CLI::App* command : program.get_subcommands({})) {
    for (const CLI::App* sub : command->get_subcommands({})) {
      if (sub->get_group().empty()) continue;
      pairs += fmt::format("{}{}/{}", pairs.empty() ? "" : " ", command->get_name(), sub->get_name());
    }
  }
  return pairs;
}

std::string BashCompletion(const CLI::App& program) {
  Cases cases;
  AddCases(program, "vlaq", cases);
  std::string values;
  for (const auto& [option, follows] : cases.values) {
    values += fmt::format("    {}) kind={} words=\"{}\" ;;\n", option,
                          follows.value == Value::kFile ? "files" : "words", follows.words);
  }
  return fmt::format(R"bash(# bash completion for vlaq; load with: source <(vlaq completion bash)
_vlaq() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local kind="" words="" path=vlaq pairs=" {0} " i
  # Bash takes --option=value apart at the '='.
  if [ "$current" = "=" ]; then current=""
  elif [ "$previous" = "=" ] && [ "$COMP_CWORD" -ge 2 ]; then previous=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  # A command, and the command below it where there is one.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in -*) break ;; esac
    if [ "$path" = vlaq ]; then path="vlaq ${{COMP_WORDS[i]}}"
    else case "$pairs" in *" ${{path#vlaq }}/${{COMP_WORDS[i]}} "*) path="$path ${{COMP_WORDS[i]}}" ;; esac; fi
  done
  # The value of an option.
  case "$previous" in
{1}  esac
  # Graphs have the names that a bundle on the line gives them.
  if [ "$previous" = --parts ]; then
    kind=words words=""
    for i in "${{COMP_WORDS[@]}}"; do
      if [ -f "$i/policy.json" ]; then
        words="$words $(sed -n '/^ "graphs"/,/^ }}/s/^  "\([^"]*\)": {{.*/\1/p' "$i/policy.json")"
      fi
    done
  fi
  # Options of the command, commands where one is due, and files.
  if [ -z "$kind" ]; then
    case "$path" in
{2}    esac
    kind=files
    case "$current" in -*) kind=words ;; esac
    case "$path$pairs" in vlaq\ *" ${{path#vlaq }}/"*) kind=words ;; esac
    [ "$path" = vlaq ] && kind=words
  fi
  if [ "$kind" = words ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    compopt -o filenames 2>/dev/null || true  # a slash after folders; only readline has it
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -F _vlaq vlaq
)bash",
                     Pairs(program), values, cases.words);
}

}  // namespace

Action AddCompletion(CLI::App& app, Context& context) {
  struct Arguments {
    bool markdown = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_subcommand("bash", "For bash");
  app.add_flag("--markdown", a->markdown, "Print the help of every command as Markdown instead: docs/cli.md");
  app.require_subcommand(0, 1);
  app.footer("Example:\n  source <(vlaq completion bash)");
  return [a, &app, &context]() -> Status {
    if (a->markdown) {
      context.out << ReferencePage();
      return {};
    }
    if (app.get_subcommands().empty()) return UsageError("name the shell", "vlaq completion bash");
    context.out << BashCompletion(*app.get_parent());
    return {};
  };
}

}  // namespace vlaq::cli
