// The ONNX Runtime back end. The library is found and loaded at run time (dlopen), so a robot can bring its own build;
// no ORT type or header shows here. In scope: finding the library, sessions, tensors in and out without copies. Not
// aware of: bundles, policies, which provider is a good idea.
//
// One process uses one ONNX Runtime: a second library under another path is refused. Opening is thread-safe.
#pragma once

#include <filesystem>
#include <memory>

#include "backend/backend.h"

namespace vlaq::backend {

struct OnnxRuntimeOptions {
  // The shared library to use (--ort). Empty: $VLAQ_ORT, which is binding too if set, else the first of
  //   ../lib and the folder of the program, the folder that vlaq was built against, the system's library path.
  std::filesystem::path library;
};

// Loads nothing yet: the library is loaded by the first of Available(), Version() and Open().
std::unique_ptr<Backend> MakeOnnxRuntimeBackend(OnnxRuntimeOptions options = {});

}  // namespace vlaq::backend
