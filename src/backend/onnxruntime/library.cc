#include "backend/onnxruntime/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "backend/onnxruntime/ort.h"
#include "base/shared_library.h"

namespace vlaq::backend {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kName = "libonnxruntime.so";
constexpr std::string_view kLibraryAdvice = "run script/setup, or name the library with --ort or VLAQ_ORT";

// Every libonnxruntime.so* of a folder, the unversioned name first.
void AddFolder(const fs::path& folder, std::vector<fs::path>& candidates) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().rfind(kName, 0) == 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  candidates.insert(candidates.end(), found.begin(), found.end());
}

// What the OrtLogCapture that lives on this thread collects; null if there is none.
thread_local std::vector<std::string>* captured = nullptr;

// Drops everything that nobody asked for. A session that is made to talk says tens of thousands of lines before those
// that are wanted.
void TakeLog(void*, OrtLoggingLevel, const char*, const char*, const char*, const char* message) {
  if (captured == nullptr || message == nullptr) return;
  if (captured->empty() && std::string_view(message) != "Node placements") return;
  captured->emplace_back(message);
}

struct Loaded {
  void* handle = nullptr;
  OrtLibrary library;
};

Error Unavailable(std::string what) {
  return Error{ErrorCode::kBackend, std::move(what), "ONNX Runtime", std::string(kLibraryAdvice)};
}

Result<Loaded> TryLoad(const fs::path& path) {
  ::dlerror();
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return Unavailable(reason != nullptr ? reason : "cannot be loaded");
  }
  const auto refuse = [&](std::string why) {
    ::dlclose(handle);
    return Unavailable(path.string() + " " + std::move(why));
  };
  using GetApiBase = const OrtApiBase*(ORT_API_CALL*)();
  const auto get_api_base = reinterpret_cast<GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
  if (get_api_base == nullptr) return refuse("is not an ONNX Runtime library (it has no OrtGetApiBase)");
  std::string version = get_api_base()->GetVersionString();
  // Asked before GetApi, which would print to stderr.
  const bool old = version.rfind("1.", 0) == 0 && MinorVersion(version) < ORT_API_VERSION;
  const OrtApi* api = old ? nullptr : get_api_base()->GetApi(ORT_API_VERSION);
  if (api == nullptr)
    return refuse(fmt::format("is ONNX Runtime {}; 1.{} or newer is needed", version, ORT_API_VERSION));
  Ort::InitApi(api);
  try {
    // Never destroyed: sessions may be closed by static destructors. Made before any other call, because ORT logs, and
    // without an environment even a log line at start-up ends the process.
    auto* environment = new Ort::Env(ORT_LOGGING_LEVEL_FATAL, "vlaq", &TakeLog, nullptr);
    return Loaded{handle, {path, std::move(version), environment}};
  } catch (const std::exception& error) {
    return Unavailable(fmt::format("{} does not start: {}", path.string(), error.what()));
  }
}

Result<Loaded> LoadFirst(const OrtSearch& search) {
  std::string tried;
  for (const fs::path& candidate : search.candidates) {
    auto loaded = TryLoad(candidate);
    if (loaded.ok()) return loaded;
    tried += "\n  " + loaded.error().what;
  }
  return Unavailable((search.binding ? "the library that was asked for does not load:" : "no library found; tried:") +
                     tried);
}

// True if `path` is the library that is loaded already: the loader gives the same handle for the same file.
bool IsSame(const Loaded& loaded, const fs::path& path) {
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (handle == nullptr) return false;
  ::dlclose(handle);
  return handle == loaded.handle;
}

}  // namespace

int MinorVersion(const std::string& version) {
  const size_t dot = version.find('.');
  return dot == std::string::npos ? 0 : std::atoi(version.c_str() + dot + 1);
}

OrtLogCapture::OrtLogCapture() { captured = &lines_; }
OrtLogCapture::~OrtLogCapture() { captured = nullptr; }

OrtSearch SearchFor(const fs::path& wanted, const fs::path& from_environment) {
  if (!wanted.empty()) return {true, {wanted}};
  if (!from_environment.empty()) return {true, {from_environment}};
  OrtSearch search;
  for (const fs::path& folder : ProgramLibraryFolders()) AddFolder(folder, search.candidates);
  AddFolder(VLAQ_ORT_DEFAULT, search.candidates);
  search.candidates.emplace_back(kName);
  search.candidates.emplace_back(std::string(kName) + ".1");
  return search;
}

Result<OrtLibrary> LoadOrt(const fs::path& wanted) {
  static std::mutex mutex;
  static Loaded loaded;
  const std::lock_guard lock(mutex);
  const char* environment = std::getenv("VLAQ_ORT");
  const OrtSearch search = SearchFor(wanted, environment != nullptr ? environment : "");
  if (loaded.handle == nullptr) {
    VLAQ_ASSIGN_OR_RETURN(loaded, LoadFirst(search));
    return loaded.library;
  }
  if (!search.binding || IsSame(loaded, search.candidates.front())) return loaded.library;
  return Unavailable(fmt::format("{} was asked for, but this process already uses {}",
                                 search.candidates.front().string(), loaded.library.path.string()));
}

}  // namespace vlaq::backend
