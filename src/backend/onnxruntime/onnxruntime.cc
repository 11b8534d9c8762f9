#include "backend/onnxruntime/onnxruntime.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backend/onnxruntime/library.h"
#include "backend/onnxruntime/session.h"

namespace vlaq::backend {
namespace {

class OnnxRuntimeBackend final : public Backend {
 public:
  explicit OnnxRuntimeBackend(OnnxRuntimeOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "onnxruntime"; }
  std::string_view description() const override { return "Microsoft's ONNX Runtime, loaded at run time"; }

  Status Available() const override {
    VLAQ_RETURN_IF_ERROR(LoadOrt(options_.library));
    return {};
  }

  std::string Version() const override {
    const auto library = LoadOrt(options_.library);
    if (!library.ok()) return "not available";
    return fmt::format("ONNX Runtime {} ({}), providers: {}", library->version, library->path.string(),
                       fmt::join(OrtProviders(), ", "));
  }

  Status Provides(std::string_view provider) const override {
    VLAQ_RETURN_IF_ERROR(LoadOrt(options_.library));
    return FindOrtProvider(provider);
  }

  bool KeepsProfile() const override { return true; }

  Result<std::unique_ptr<OpenedModel>> Open(const ModelSource& source, const OpenOptions& options) const override {
    VLAQ_ASSIGN_OR_RETURN(const OrtLibrary library, LoadOrt(options_.library));
    return OpenOrtSession(library, source, options);
  }

 private:
  OnnxRuntimeOptions options_;
};

}  // namespace

std::unique_ptr<Backend> MakeOnnxRuntimeBackend(OnnxRuntimeOptions options) {
  return std::make_unique<OnnxRuntimeBackend>(std::move(options));
}

}  // namespace vlaq::backend
