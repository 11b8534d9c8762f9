#include "cli/verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/json.h"
#include "base/text.h"

namespace vlaq::cli {

void AddJsonFlag(CLI::App& app, bool& json) { app.add_flag("--json", json, "Print one JSON document instead of text"); }

void AddForceFlag(CLI::App& app, bool& force) { app.add_flag("--force", force, "Replace an existing output"); }

CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& names) {
  const auto check = [names](const std::string& given) -> std::string {
    if (std::find(names.begin(), names.end(), given) != names.end()) return "";
    const std::string near = NearestWord(given, names);
    return fmt::format(
        "'{}' is not known; {}", given,
        near.empty() ? fmt::format("choose one of {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near));
  };
  return option->check(check)->type_name(fmt::format("{{{}}}", fmt::join(names, ",")));
}

void BackendChoice::AddTo(CLI::App& app) {
  const std::string group = "Back end";
  std::vector<std::string> names;
  for (const auto& backend : AllBackends({})) names.emplace_back(backend->name());
  OneOf(app.add_option("--backend", name, "What runs the graphs; reference is slow and needs no library"), names)
      ->capture_default_str()
      ->group(group);
  app.add_option("--provider", provider, "Execution provider of the back end; an absent one is an error")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(group);
  app.add_option("--ort", library, "The ONNX Runtime library to load (also: the variable VLAQ_ORT)")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--threads", threads, "Threads for one operator; 0: all of the machine")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024))
      ->group(group);
}

Result<std::unique_ptr<backend::Backend>> BackendChoice::Make() const {
  for (auto& backend : AllBackends(library)) {
    if (backend->name() != name) continue;
    VLAQ_RETURN_IF_ERROR(backend->Available());
    return std::move(backend);
  }
  return InternalError("", fmt::format("the options let back end '{}' pass", name));
}

backend::OpenOptions BackendChoice::Options() const {
  backend::OpenOptions options;
  options.threads = threads;
  options.provider = provider;
  return options;
}

std::vector<std::unique_ptr<backend::Backend>> AllBackends(const std::filesystem::path& ort) {
  std::vector<std::unique_ptr<backend::Backend>> all;
  all.push_back(backend::MakeOnnxRuntimeBackend({ort}));
  all.push_back(backend::MakeReferenceBackend());
  return all;
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

void PrintJson(const Json& document, std::ostream& out) {
  out << document.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
}

Status MakeFolder(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return InputError(path.string(), "the folder cannot be made: " + code.message());
  return {};
}

}  // namespace vlaq::cli
