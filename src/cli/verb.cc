#include "cli/verb.h"

#include <fmt/format.h>

#include <charconv>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/json.h"
#include "base/text.h"

namespace vlaq::cli {

void AddJsonFlag(CLI::App& app, bool& json) { app.add_flag("--json", json, "Print one JSON document instead of text"); }

void AddForceFlag(CLI::App& app, bool& force) { app.add_flag("--force", force, "Replace an existing output"); }

void BackendChoice::AddTo(CLI::App& app) {
  const std::string group = "Back end";
  app.add_option("--backend", name, "What runs the graphs: onnxruntime, or reference (slow, needs no library)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--provider", provider, "Execution provider of the back end; an absent one is an error")
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
  std::unique_ptr<backend::Backend> backend;
  if (name == "onnxruntime") {
    backend = backend::MakeOnnxRuntimeBackend({library});
  } else if (name == "reference") {
    backend = backend::MakeReferenceBackend();
  } else {
    return UsageError(fmt::format("unknown back end '{}'", name), "known are onnxruntime and reference");
  }
  VLAQ_RETURN_IF_ERROR(backend->Available());
  return backend;
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

}  // namespace vlaq::cli
