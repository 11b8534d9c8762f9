#include "api/backends.h"

#include <fmt/format.h>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"

namespace vlaq::api {

std::vector<std::unique_ptr<backend::Backend>> AllBackends(const std::filesystem::path& library) {
  std::vector<std::unique_ptr<backend::Backend>> all;
  all.push_back(backend::MakeOnnxRuntimeBackend({library}));
  all.push_back(backend::MakeReferenceBackend());
  return all;
}

Result<std::unique_ptr<backend::Backend>> MakeBackend(const PolicyOptions& options) {
  std::string names;
  for (auto& one : AllBackends(options.library)) {
    if (one->name() == options.backend) {
      VLAQ_RETURN_IF_ERROR(one->Available());
      VLAQ_RETURN_IF_ERROR(one->Provides(options.provider));
      return std::move(one);
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", one->name());
  }
  return UsageError(fmt::format("there is no back end '{}'", options.backend), "those there are: " + names);
}

backend::OpenOptions OpenOptionsOf(const PolicyOptions& options) {
  backend::OpenOptions open;
  open.threads = options.threads;
  open.provider = options.provider;
  open.fallback_providers = options.fallback_providers;
  open.provider_options = options.provider_options;
  open.cache = options.cache;
  open.engines = options.engines;
  return open;
}

}  // namespace vlaq::api
