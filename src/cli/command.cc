#include "cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "api/backends.h"
#include "base/json.h"
#include "base/run_program.h"
#include "base/text.h"

namespace vlaq::cli {

void AddJsonFlag(CLI::App& app, bool& json) { app.add_flag("--json", json, "Print one JSON document instead of text"); }

void AddForceFlag(CLI::App& app, bool& force) { app.add_flag("--force", force, "Replace an existing output"); }

namespace {

bool EqualButForCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& names) {
  const auto convert = [names](std::string& given) -> std::string {
    if (std::find(names.begin(), names.end(), given) != names.end()) return "";
    const std::vector<std::string> meant = MeantWords(given, names);
    if (meant.size() == 1 && EqualButForCase(meant[0], given)) {
      given = meant[0];
      return "";
    }
    return fmt::format("'{}' is not known; {}", given,
                       meant.empty() ? fmt::format("choose one of {}", fmt::join(names, ", "))
                                     : fmt::format("did you mean {}?", fmt::join(meant, " or ")));
  };
  return option->transform(CLI::Validator(convert, ""))->type_name(fmt::format("{{{}}}", fmt::join(names, ",")));
}

CLI::Option* AsSize(CLI::Option* option, std::string_view unit) {
  const auto convert = [unit](std::string& text) -> std::string {
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
    if (is_number && !unit.empty()) {
      text += unit;
    } else if (is_number) {
      return fmt::format("{0} of which unit? Say {0}MiB or {0}GiB", text);
    }
    const std::string given = text;
    try {
      if (CLI::AsSizeValue(true)(text).empty()) return "";
    } catch (const CLI::Error&) {  // whose text lists thirty units
    }
    return fmt::format("'{}' is no size: a number and kB, MB, GB, KiB, MiB or GiB", given);
  };
  return option->type_name("SIZE")->transform(CLI::Validator(convert, ""));
}

CLI::Option* AsTime(CLI::Option* option, std::string_view unit) {
  const auto convert = [unit](std::string& text) -> std::string {
    const auto seconds_of = [](std::string_view name) -> double {
      if (name == "ms") return 1e-3;
      if (name == "s") return 1;
      if (name == "min") return 60;
      return name == "h" ? 3600 : 0;
    };
    double number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const std::string_view rest(read.ptr, static_cast<size_t>(end - read.ptr));
    const double scale = seconds_of(rest.empty() ? unit : rest) / seconds_of(unit);
    if (read.ec != std::errc() || !(number * scale > 0) || !std::isfinite(number * scale)) {
      return fmt::format("'{}' is no time: a number above 0 and ms, s, min or h", text);
    }
    text = fmt::format("{}", number * scale);
    return "";
  };
  return option->type_name("TIME")->transform(CLI::Validator(convert, ""));
}

void BackendChoice::AddTo(CLI::App& app, const std::string& group) {
  std::vector<std::string> names;
  for (const auto& backend : api::AllBackends({})) names.emplace_back(backend->name());
  OneOf(app.add_option("--backend", name, "What runs the graphs; reference is slow and needs no library"), names)
      ->capture_default_str()
      ->group(group);
  app.add_option("--provider", provider, "Execution provider of the back end; an absent one is an error")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(group);
  app.add_option("--fallback-provider", fallback_providers,
                 "Where nodes may go that the provider does not take, e.g. cuda or cpu:Gather; others are an error")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("PROVIDER[:OPERATOR],...")
      ->group(group);
  app.add_option("--provider-option", provider_options, "An option of the provider, by its own name")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.find('=') == std::string::npos || text.front() == '=' ? "must be KEY=VALUE" : std::string();
      })
      ->group(group);
  app.add_option("--engine-cache", cache,
                 "Folder where the provider keeps the engines that it builds; it must be there")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory)
      ->group(group);
  app.add_option("--engines", engines,
                 "Run the engines that vlaq build made of this bundle in place of its graphs (provider tensorrt)")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory)
      ->group(group);
  app.add_option("--ort", library, "The ONNX Runtime library to load (also: the variable VLAQ_ORT)")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--threads", threads, "Threads for one operator; 0: all of the machine")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024))
      ->group(group);
}

Status BackendChoice::Check() const {
  if (engines.empty() || provider == "tensorrt") return {};
  return UsageError(fmt::format("engines do not run on the provider {}", provider), "add --provider tensorrt");
}

Result<std::unique_ptr<backend::Backend>> BackendChoice::Make() const {
  VLAQ_RETURN_IF_ERROR(Check());
  return api::MakeBackend(ForPolicy());
}

backend::OpenOptions BackendChoice::Options() const { return api::OpenOptionsOf(ForPolicy()); }

PolicyOptions BackendChoice::ForPolicy() const {
  PolicyOptions options;
  options.backend = name;
  options.provider = provider;
  options.fallback_providers = fallback_providers;
  options.threads = threads;
  options.library = library;
  options.cache = cache;
  options.engines = engines;
  for (const std::string& option : provider_options) {
    const size_t equals = option.find('=');  // the option's check let no other pass
    options.provider_options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  return options;
}

std::string BackendChoice::CommandLine() const {
  std::string line = fmt::format(" --backend {} --provider {}", ShellWord(name), ShellWord(provider));
  for (const std::string& entry : fallback_providers) line += " --fallback-provider " + ShellWord(entry);
  for (const std::string& option : provider_options) line += " --provider-option " + ShellWord(option);
  if (!cache.empty()) line += " --engine-cache " + ShellWord(cache.string());
  if (!engines.empty()) line += " --engines " + ShellWord(engines.string());
  if (!library.empty()) line += " --ort " + ShellWord(library.string());
  return line;
}

Result<std::vector<int64_t>> ParseIds(const std::string& text, const std::string& option) {
  std::vector<int64_t> ids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at <= end) {
    while (at < end && *at == ' ') ++at;
    int64_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0) {
      return UsageError(fmt::format("{} must be token ids separated by commas, not '{}'", option, text));
    }
    ids.push_back(id);
    at = next;
    while (at < end && *at == ' ') ++at;
    if (at == end) break;
    if (*at != ',') return UsageError(fmt::format("{} must be token ids separated by commas, not '{}'", option, text));
    ++at;
  }
  return ids;
}

Json OrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void PrintJson(const Json& document, std::ostream& out) { out << JsonString(document, 1) << "\n"; }

}  // namespace vlaq::cli
