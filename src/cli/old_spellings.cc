#include "cli/old_spellings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>

#include "report/older.h"

namespace vlaq::cli {
namespace {

std::optional<std::string_view> CommandOfToday(std::string_view was) {
  if (was == "preflight") return "check";
  if (was == "episodes") return "data";
  return std::nullopt;
}

constexpr std::string_view kAblation = "--ablation";

struct Option {
  std::string_view command;  // whose option; "": of every command
  std::string_view was;
  std::string_view is, value = "";  // an option, and its value where the old one was a flag
};
constexpr std::array kOptions{
    Option{"", "--also", "--fallback-provider"},
    Option{"", "--not-in", "--exclude"},
    Option{"", "--bgr", "--channel-order", "bgr"},
    Option{"", "--policy-spec", "--policy"},
    Option{"build", "--seconds", "--duration"},
    Option{"completion", "--reference", "--markdown"},
    Option{"eval", "--size", "--camera-size"},
    Option{"sim", "--size", "--camera-size"},
    Option{"verify", "--size", "--camera-size"},
    Option{"bench", "--against-last", "--baseline"},
    Option{"build", "--least-gain", "--min-gain"},
    Option{"eval", "--against", "--reference"},
    Option{"eval", "--against-driver", "--reference-program"},
    Option{"eval", "--condition", kAblation},
    Option{"run", "--whole-graph", "--schedule", "whole"},
    Option{"sim", "--episodes", "--rollouts"},
    Option{"verify", "--sim", "--rollouts"},
    Option{"verify", "--receipt", "--output"},
};

// "--against=x" as "--against" and "=x".
std::pair<std::string, std::string> Split(const std::string& argument) {
  const size_t equals = argument.starts_with("--") ? std::min(argument.find('='), argument.size()) : argument.size();
  return {argument.substr(0, equals), argument.substr(equals)};
}

class Respelling {
 public:
  explicit Respelling(const std::vector<std::string>& arguments) : given_(arguments) {
    while (at_ < given_.size() && given_[at_] == "help") made_.arguments.push_back(given_[at_++]);
    if (at_ == given_.size()) return;
    command_ = Renamed(given_[at_], CommandOfToday(given_[at_]), "vlaq ");
    made_.arguments.push_back(command_);
    ++at_;
    // `eval --sim --episodes 100`: a flag that said what --episodes was.
    counts_ = command_ == "eval" && std::find(given_.begin(), given_.end(), "--sim") != given_.end();
  }

  Respelled Run() {
    while (at_ < given_.size()) {
      if (given_[at_] == "--") break;
      Take(given_[at_++]);
    }
    made_.arguments.insert(made_.arguments.end(), given_.begin() + static_cast<std::ptrdiff_t>(at_), given_.end());
    return std::move(made_);
  }

 private:
  // `kind`: what stands before such a word.
  std::string Renamed(const std::string& word, std::optional<std::string_view> is, std::string_view kind) {
    if (!is) return word;
    made_.notes.push_back(fmt::format("`{0}{1}` is now `{0}{2}`", kind, word, *is));
    return std::string(*is);
  }
  std::string Ablation(const std::string& word) {
    return Renamed(word, report::AblationOfToday(word), std::string(kAblation) + " ");
  }

  void Take(const std::string& argument) {
    const auto [name, rest] = Split(argument);
    if (counts_ && (name == "--sim" || name == "--episodes")) return TakeCount(name, rest);
    if (command_ == "sim" && name == "--policy" && TakeDriver(rest)) return;
    const auto option = std::ranges::find_if(kOptions, [&, &spelled = name](const Option& o) {
      return o.was == spelled && (o.command.empty() || o.command == command_);
    });
    if (option == kOptions.end()) {
      made_.arguments.push_back(argument);
    } else {
      Replace(name, *option, rest);
    }
    TakeAblations();
  }

  void Replace(const std::string& name, const Option& option, const std::string& rest) {
    made_.notes.push_back(
        fmt::format("{} is now {}{}{}", name, option.is, option.value.empty() ? "" : " ", option.value));
    made_.arguments.push_back(std::string(option.is) + rest);
    if (!option.value.empty()) made_.arguments.emplace_back(option.value);
  }

  void TakeCount(const std::string& name, const std::string& rest) {
    if (name == "--sim") return;
    made_.notes.emplace_back("--sim --episodes N is now --rollouts N");
    made_.arguments.push_back("--rollouts" + rest);
  }

  // `sim record --policy BUNDLE`: a folder is no policy.json. Whether it was one.
  bool TakeDriver(const std::string& rest) {
    const std::string place = !rest.empty() ? rest.substr(1) : at_ < given_.size() ? given_[at_] : std::string();
    std::error_code ignored;
    if (!std::filesystem::is_directory(place, ignored)) return false;
    made_.notes.emplace_back("--policy BUNDLE is now --bundle BUNDLE");
    made_.arguments.push_back("--bundle" + rest);
    return true;
  }

  // The values of --ablation, where that is what came last.
  void TakeAblations() {
    const auto [name, rest] = Split(made_.arguments.back());
    if (name != kAblation) return;
    if (!rest.empty()) {
      made_.arguments.back() = fmt::format("{}={}", kAblation, Ablation(rest.substr(1)));
      return;
    }
    for (; at_ < given_.size() && !given_[at_].starts_with('-'); ++at_)
      made_.arguments.push_back(Ablation(given_[at_]));
  }

  const std::vector<std::string>& given_;
  size_t at_ = 0;
  std::string command_;
  bool counts_ = false;
  Respelled made_;
};

}  // namespace

Respelled WithoutOldSpellings(const std::vector<std::string>& arguments) { return Respelling(arguments).Run(); }

}  // namespace vlaq::cli
