#include "verification/golden.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::verification {

using checkpoint::Checkpoint;

Result<Golden> Golden::Open(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(auto file, Checkpoint::Open(path));
  return Golden(std::move(file));
}

std::vector<std::string> Golden::Names() const {
  std::vector<std::string> names;
  for (const checkpoint::Entry& entry : file_->entries()) names.push_back(entry.name);
  return names;
}

bool Golden::IsByStep(std::string_view name, size_t steps) const {
  const checkpoint::Entry* entry = file_->Find(name);
  return entry != nullptr && IsFloat(entry->dtype) && !entry->shape.empty() &&
         entry->shape[0] == static_cast<int64_t>(steps);
}

Result<Tensor> Golden::Load(std::string_view name) const {
  const checkpoint::Entry* entry = file_->Find(name);
  if (entry == nullptr) return InputError(file_->path().string(), fmt::format("holds no tensor '{}'", name));
  if (entry->shape.empty() || entry->size() == 0) {
    return InputError(fmt::format("{}: '{}'", file_->path().string(), name), "is empty");
  }
  const Tensor view = file_->Read(*entry);
  Tensor copy = Tensor::Make(view.dtype(), view.shape());
  std::copy(view.bytes().begin(), view.bytes().end(), copy.mutable_bytes().begin());
  return copy;
}

}  // namespace vlaq::verification
