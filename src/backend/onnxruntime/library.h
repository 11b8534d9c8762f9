// Finds and loads the shared library of ONNX Runtime, once per process. Private to this module. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq::backend {

struct OrtLibrary {
  std::filesystem::path path;   // as it was given to dlopen
  std::string version;          // "1.32.0"
  void* environment = nullptr;  // the process's only Ort::Env; lives until the process ends
};

// The minor number of a version "1.MINOR..."; 0 if the text is none.
int MinorVersion(const std::string& version);

// Keeps what this thread's calls into the library log while it lives, from the line "Node placements" on. One at a
// time.
class OrtLogCapture {
 public:
  OrtLogCapture();
  ~OrtLogCapture();
  OrtLogCapture(const OrtLogCapture&) = delete;
  OrtLogCapture& operator=(const OrtLogCapture&) = delete;
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

// Where to look for the library. A binding choice is the only one that is tried.
struct OrtSearch {
  bool binding = false;
  std::vector<std::filesystem::path> candidates;
};
// `wanted` comes from --ort, `from_environment` is $VLAQ_ORT (either may be empty).
OrtSearch SearchFor(const std::filesystem::path& wanted, const std::filesystem::path& from_environment);

// Loads the library and initializes the C++ wrapper. The library stays loaded until the process ends, since its threads
// may outlive any session. Errors: kBackend with all that was tried.
Result<OrtLibrary> LoadOrt(const std::filesystem::path& wanted);

}  // namespace vlaq::backend
