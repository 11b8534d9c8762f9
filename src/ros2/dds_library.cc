#include "ros2/dds_library.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "base/shared_library.h"
#include "base/text.h"

namespace vlaq::ros2 {
namespace {

// Debian's name of the library and everybody else's.
constexpr std::array kFileNames = {"libddsc.so.0debian", "libddsc.so.0"};
constexpr const char* kAdvice =
    "install Cyclone DDS 0.10 (Debian: libddsc0debian), or name its libddsc.so with VLAQ_DDS";

// DDS writes what troubles it to a log, which would end up on the standard error of the program. The last line is kept
// for errors instead. Called from DDS's own threads.
struct LastLine {
  std::mutex mutex;
  std::string text;
};
LastLine& last_line() {
  static auto* line = new LastLine;  // used until the last thread of DDS ends
  return *line;
}

void KeepLine(void* /*context*/, const dds_log_data_t* data) {
  std::string text(data->message, data->size);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::lock_guard lock(last_line().mutex);
  last_line().text = std::move(text);
}

Error Absent(std::string what) { return {ErrorCode::kBackend, std::move(what), "Cyclone DDS", kAdvice}; }

// What of `library` we call. Errors: kBackend if it is of another version.
Result<DdsLibrary> Functions(void* library) {
  DdsLibrary functions;
  std::string missing;
  const auto find = [&](const char* name) {
    void* symbol = FindSymbol(library, name);
    if (symbol == nullptr) missing += " " + std::string(name);
    return symbol;
  };
#define VLAQ_DDS_FIND(name) functions.name = reinterpret_cast<decltype(functions.name)>(find(#name));
  VLAQ_DDS_FUNCTIONS(VLAQ_DDS_FIND)
#undef VLAQ_DDS_FIND
  // Versions differ in the layout of what types are made of: 0.9 has not the first function, 11 has the second.
  find("dds_builtintopic_get_endpoint_type_info");
  if (!missing.empty()) return Absent("the library is not of version 0.10: it lacks" + missing);
  if (FindSymbol(library, "ddsi_sertype_init_props") != nullptr) {
    return Absent("the library is newer than version 0.10");
  }
  return functions;
}

// `wanted` alone, or else what the environment says, or else the usual names.
std::vector<std::string> Candidates(const std::string& wanted) {
  const char* environment = std::getenv("VLAQ_DDS");
  if (!wanted.empty()) return {wanted};
  if (environment != nullptr && *environment != '\0') return {environment};
  std::vector<std::string> candidates;
  for (const auto& folder : ProgramLibraryFolders()) candidates.push_back(folder / kFileNames[0]);
  candidates.insert(candidates.end(), kFileNames.begin(), kFileNames.end());
  return candidates;
}

// The one library of the process.
struct Loaded {
  std::mutex mutex;
  std::string path;  // empty: none yet
  DdsLibrary functions;
};
Loaded& loaded() {
  static auto* library = new Loaded;  // DDS's threads may outlive static objects
  return *library;
}

}  // namespace

Status LoadDds(const std::string& wanted) {
  const std::lock_guard lock(loaded().mutex);
  if (!loaded().path.empty()) {
    if (wanted.empty() || wanted == loaded().path) return {};
    return Absent(wanted + " is wanted, and " + loaded().path + " is already loaded");
  }
  std::string tried;
  for (const std::string& candidate : Candidates(wanted)) {
    const Result<void*> library = LoadSharedLibrary(candidate, false);
    if (!library.ok()) {
      tried += (tried.empty() ? "" : "; ") + library.error().what;
      continue;
    }
    VLAQ_ASSIGN_OR_RETURN(loaded().functions, Functions(*library));
    loaded().path = candidate;
    Dds().dds_set_log_sink(&KeepLine, nullptr);
    return {};
  }
  return Absent("the library does not load: " + tried);
}

const DdsLibrary& Dds() { return loaded().functions; }

Error DdsError(const std::string& what, dds_return_t code) {
  std::string text = "cannot " + what + ": " + Dds().dds_strretcode(code);
  const std::lock_guard lock(last_line().mutex);
  if (!last_line().text.empty()) text += " (" + Printable(last_line().text, 200) + ")";
  return {ErrorCode::kBackend, std::move(text), "Cyclone DDS", ""};
}

}  // namespace vlaq::ros2
