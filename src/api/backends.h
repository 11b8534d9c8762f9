// The back ends that there are, and the one that options name. Private to vlaq's own programs.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "vlaq/policy.h"

namespace vlaq::api {

// Every one, whether it can run here or not. `library`: of ONNX Runtime; empty: found by itself.
std::vector<std::unique_ptr<backend::Backend>> AllBackends(const std::filesystem::path& library);

// options.backend, ready to open graphs. No fallback. Errors: kUsage for an unknown name; kBackend if it, or its
// provider, is not available.
Result<std::unique_ptr<backend::Backend>> MakeBackend(const PolicyOptions& options);

// What `options` say of the graphs that it opens.
backend::OpenOptions OpenOptionsOf(const PolicyOptions& options);

}  // namespace vlaq::api
