#include "backend/backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mapped_file.h"

namespace vlaq::backend {

Result<ModelSource> ModelSource::FromFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ModelSource{path.string(), std::make_shared<const std::string>(AsText(file->bytes())),
                     path.has_parent_path() ? path.parent_path() : ".", path};
}

OpenOptions OpenOptions::ForSource() const {
  if (engines.empty()) return *this;
  OpenOptions source;
  source.threads = threads;
  source.optimize = optimize;
  return source;
}

Status OpenedModel::RunInto(const NamedTensors& inputs, NamedTensors& outputs) {
  VLAQ_ASSIGN_OR_RETURN(outputs, Run(inputs));
  return {};
}

Result<std::vector<ExecutedNode>> OpenedModel::Profile() {
  return Error{ErrorCode::kBackend, "this back end keeps no record of what ran", Description(), ""};
}

Status Backend::Provides(std::string_view provider) const {
  if (provider == "cpu") return {};
  return Error{ErrorCode::kBackend, fmt::format("has no provider '{}', only cpu", provider), std::string(name()), ""};
}

Status CheckInputs(const std::vector<Port>& ports, const NamedTensors& inputs) {
  for (const auto& input : inputs) {
    const bool known = std::any_of(ports.begin(), ports.end(), [&](const Port& p) { return p.name == input.first; });
    if (!known) return UsageError(fmt::format("the model has no input named '{}'", input.first));
  }
  for (const Port& port : ports) {
    const auto it = inputs.find(port.name);
    if (it == inputs.end()) return UsageError(fmt::format("input '{}' is missing", port.name));
    const Tensor& tensor = it->second;
    if (tensor.dtype() != port.dtype) {
      return UsageError(
          fmt::format("input '{}' must be {}, not {}", port.name, DTypeName(port.dtype), DTypeName(tensor.dtype())));
    }
    bool fits = tensor.shape().size() == port.dims.size();
    for (size_t i = 0; fits && i < port.dims.size(); ++i) fits = port.dims[i] < 0 || port.dims[i] == tensor.shape()[i];
    if (!fits) {
      return UsageError(fmt::format("input '{}' must have the shape {} (-1: any), not {}", port.name,
                                    ShapeText(port.dims), ShapeText(tensor.shape())));
    }
  }
  return {};
}

}  // namespace vlaq::backend
