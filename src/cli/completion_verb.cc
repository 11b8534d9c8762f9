#include <fmt/format.h>

#include <map>

#include "cli/app.h"
#include "cli/verbs.h"
#include "policy/policy_spec.h"

namespace vlaq::cli {
namespace {

// Values of options that are names; all else completes to files.
std::map<std::string, std::string> ChoicesByOption() {
  return {
      {"--feature-source", fmt::format("{}", fmt::join(policy::FeatureSourceNames(), " "))},
      {"--prompt-layout", fmt::format("{}", fmt::join(policy::PromptLayoutNames(), " "))},
      {"--precision", "fp32 fp16 bf16-as-stored"},
      {"--target", "portable"},
      {"--size", "micro full"},
      {"--backend", "onnxruntime reference"},
      {"--provider", "cpu"},
  };
}

std::string OptionWords(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += (words.empty() ? "--" : " --") + name;
  }
  return words;
}

// "case" lines: the words that may follow a verb.
void AddCases(const CLI::App& app, const std::string& path, std::string& cases) {
  std::string words = OptionWords(app);
  for (const CLI::App* sub : app.get_subcommands({})) {
    words += " " + sub->get_name();
    AddCases(*sub, path + " " + sub->get_name(), cases);
  }
  cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words);
}

std::string BashCompletion(const CLI::App& program) {
  std::string cases;
  AddCases(program, "vlaq", cases);
  std::string choices;
  for (const auto& [option, names] : ChoicesByOption())
    choices += fmt::format("    {}) words=\"{}\" ;;\n", option, names);
  std::string verbs;
  for (const CLI::App* verb : program.get_subcommands({})) {
    for (const CLI::App* sub : verb->get_subcommands({}))
      verbs += fmt::format(" {}/{}", verb->get_name(), sub->get_name());
  }
  return fmt::format(R"(# bash completion for vlaq; load with: source <(vlaq completion bash)
_vlaq() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words="" path=vlaq i
  # A verb, and the verb below it where there is one.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in -*) break ;; esac
    if [ "$path" = vlaq ]; then path="vlaq ${{COMP_WORDS[i]}}"
    else case " {1} " in *" ${{path#vlaq }}/${{COMP_WORDS[i]}} "*) path="$path ${{COMP_WORDS[i]}}" ;; esac; fi
  done
  case "$previous" in
{2}    *) previous="" ;;
  esac
  if [ -z "$previous" ]; then
    case "$path" in
{0}    esac
    case "$current" in
      -*) ;;
      *) [ "$path" = vlaq ] || [[ " {1} " = *" ${{path#vlaq }}/"* ]] || words="" ;;  # files
    esac
  fi
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _vlaq vlaq
)",
                     cases, verbs.empty() ? "" : verbs.substr(1), choices);
}

}  // namespace

Action AddCompletion(CLI::App& app, Context& context) {
  struct Arguments {
    bool reference = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_subcommand("bash", "For bash");
  auto* reference = app.add_flag("--reference", a->reference, "Print docs/cli.md instead: the help of every verb");
  app.require_subcommand(0, 1);
  app.footer("Example:\n  source <(vlaq completion bash)");
  return [a, &app, &context, reference]() -> Status {
    if (reference->count() > 0) {
      context.out << ReferencePage();
      return {};
    }
    if (app.get_subcommands().empty()) return UsageError("name the shell", "vlaq completion bash");
    context.out << BashCompletion(*app.get_parent());
    return {};
  };
}

}  // namespace vlaq::cli
